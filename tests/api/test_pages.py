"""The newcomer's pages: what they answer to requests of every kind, and, in a browser, the way to the workbench."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson
import pytest

from api.commands.walk import forms_of
from api.pages import routes
from core.clock import SystemClock
from tests.conftest import run_directory
from tests.support.app import Served
from tests.support.browser import open_page
from tests.support.population import furnish
from tests.support.server import Process, running

pytestmark = pytest.mark.in_turn

if TYPE_CHECKING:
    from playwright.async_api import Page

COOKIE: Final = "sitthi_demo_flow"
ELDER: Final = "นางบุญเรือน แก้วมงคล"
SIGN_IN_LOST: Final = "This sign-in did not begin in this browser"


def token_on(page: str) -> str | None:
    found = re.search(r'<pre id="token"[^>]*>(.*?)</pre>', page, re.DOTALL)
    return html.unescape(found[1]) if found else None


async def answer_of_the_provider(sitthi: Served, persona: str) -> httpx2.URL:
    """Walks as this persona from the start to the callback's address."""
    response = await sitthi.http.get("/demo/start")
    for _ in range(12):
        if "location" in response.headers:
            address = response.url.join(response.headers["location"])
            if address.path == "/demo/callback":
                return address
            response = await sitthi.http.get(address)
            continue
        forms = forms_of(response.text)
        form = next(one for one in forms if len(forms) == 1 or one.fields.get("persona") == persona)
        response = await sitthi.http.post(response.url.join(form.action), data=form.fields)
    raise AssertionError("the walk does not end")


def no_token(answer: httpx2.Response, said: str) -> None:
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert said in answer.text
    assert "/demo/start" in answer.text
    assert token_on(answer.text) is None


@pytest.mark.sqlite_only  # pages ask no table of their own; the sign-in is tested on both
class TestRequests:
    async def test_a_sign_in_that_comes_back_shows_a_token_that_the_graph_takes(self, sitthi: Served) -> None:
        page = await sitthi.http.get(await answer_of_the_provider(sitthi, "elder"))
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        answer = await sitthi.http.post(
            "/graphql",
            json={"query": "{ viewer { profile { name { value { full } } } } }"},
            headers={"authorization": f"Bearer {token_on(page.text)}"},
        )
        assert answer.json()["data"]["viewer"]["profile"]["name"]["value"]["full"] == ELDER

    async def test_the_request_is_a_public_clients_with_pkce_and_the_cookie_no_script_can_read(
        self, sitthi: Served
    ) -> None:
        started = await sitthi.http.get("/demo/start")
        asked = parse_qs(urlsplit(started.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert "client_secret" not in asked
        cookie = started.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        kept = orjson.loads(base64.urlsafe_b64decode(sitthi.http.cookies[COOKIE]))
        assert kept["verifier"] not in started.headers["location"]

    async def test_a_callback_counts_once(self, sitthi: Served) -> None:
        address = await answer_of_the_provider(sitthi, "elder")
        kept = sitthi.http.cookies[COOKIE]
        assert token_on((await sitthi.http.get(address)).text)
        assert COOKIE not in sitthi.http.cookies
        no_token(await sitthi.http.get(address), SIGN_IN_LOST)
        sitthi.http.cookies.set(COOKIE, kept)
        no_token(await sitthi.http.get(address), "cancelled or refused")

    async def test_a_person_who_said_no_reads_so(self, sitthi: Served) -> None:
        asked = parse_qs(urlsplit((await sitthi.http.get("/demo/start")).headers["location"]).query)
        given = {"error": "access_denied", "state": asked["state"][0], "iss": sitthi.house.settings.issuer}
        no_token(await sitthi.http.get("/demo/callback", params=given), "The sign-in was cancelled or refused.")
        assert COOKIE not in sitthi.http.cookies

    async def test_an_error_of_the_provider_wins_over_a_code(self, sitthi: Served) -> None:
        address = await answer_of_the_provider(sitthi, "elder")
        no_token(await sitthi.http.get(f"{address}&error=access_denied"), "cancelled or refused")

    @pytest.mark.parametrize(
        "changed",
        [{"state": "another"}, {"state": ""}, {"state": "สถานะ"}, {"iss": "https://elsewhere.example"}, {"iss": ""}],
    )
    async def test_an_answer_of_another_sign_in_or_issuer_is_nobodys(
        self, sitthi: Served, changed: dict[str, str]
    ) -> None:
        address = await answer_of_the_provider(sitthi, "elder")
        given = {name: values[0] for name, values in parse_qs(address.query.decode()).items()}
        no_token(await sitthi.http.get("/demo/callback", params={**given, **changed}), SIGN_IN_LOST)
        assert token_on((await sitthi.http.get(address)).text), "a stranger's answer must not end the sign-in under way"

    async def test_a_browser_that_did_not_begin_gets_no_token(self, sitthi: Served) -> None:
        address = await answer_of_the_provider(sitthi, "elder")
        sitthi.http.cookies.clear()
        no_token(await sitthi.http.get(address), SIGN_IN_LOST)

    @pytest.mark.parametrize(
        "flow",
        [
            b"",
            b"\xff\xfe",
            b"null",
            b"[]",
            b"[" * 2_000,
            b'{"state": "s"}',
            b'{"state": "s", "verifier": 7}',
            b'{"state": null, "verifier": "' + b"v" * 64 + b'"}',
            b'{"state": "s", "verifier": "short"}',
            b'{"state": "s", "verifier": "' + b"v" * 64 + b'", "more": 1}',
        ],
    )
    async def test_a_cookie_that_is_not_ours_is_no_cookie(self, sitthi: Served, flow: bytes) -> None:
        sitthi.http.cookies.set(COOKIE, base64.urlsafe_b64encode(flow).decode())
        answer = await sitthi.http.get(
            "/demo/callback", params={"code": "c", "state": "s", "iss": sitthi.house.settings.issuer}
        )
        no_token(answer, SIGN_IN_LOST)

    async def test_a_cookie_that_is_no_base64_is_no_cookie(self, sitthi: Served) -> None:
        sitthi.http.cookies.set(COOKIE, "~" * 9)
        no_token(await sitthi.http.get("/demo/callback", params={"state": "s"}), SIGN_IN_LOST)

    async def test_another_verifier_than_the_one_that_began_redeems_nothing(self, sitthi: Served) -> None:
        address = await answer_of_the_provider(sitthi, "elder")
        kept = orjson.loads(base64.urlsafe_b64decode(sitthi.http.cookies[COOKIE]))
        sitthi.http.cookies.clear()
        other = orjson.dumps({**kept, "verifier": "v" * 64})
        sitthi.http.cookies.set(COOKIE, base64.urlsafe_b64encode(other).decode())
        no_token(await sitthi.http.get(address), "cancelled or refused")

    async def test_what_a_callback_was_given_is_not_repeated_on_its_page(self, sitthi: Served) -> None:
        evil = "<script>alert(1)</script>"
        answer = await sitthi.http.get("/demo/callback", params={"state": evil, "error": evil, "code": evil})
        no_token(answer, SIGN_IN_LOST)
        assert "alert(1)" not in answer.text

    async def test_each_page_allows_its_own_scripts_and_frames_nowhere(self, sitthi: Served) -> None:
        nonces = set()
        for path in ("/", "/ide", "/demo/callback"):
            policy = (await sitthi.http.get(path)).headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            [scripts] = re.findall(r"script-src ([^;]*)", policy)
            assert "unsafe" not in scripts
            nonces.add(scripts)
        assert len(nonces) == 3

    async def test_without_its_files_the_workbench_says_what_to_do(
        self, sitthi: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(routes, "VENDOR", tmp_path)
        page = await sitthi.http.get("/ide")
        assert page.status_code == 200
        assert "script/setup --ide" in page.text
        assert (await sitthi.http.get("/ide/files/graphiql.js")).status_code == 404

    @pytest.mark.parametrize("name", [".stamp", "react.LICENSE", "..%2f..%2fpyproject.toml", "nothing.js"])
    async def test_of_the_workbench_only_what_its_page_loads_is_served(self, sitthi: Served, name: str) -> None:
        assert (await sitthi.http.get(f"/ide/files/{name}")).status_code == 404


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    with running(data) as process:
        yield process


@pytest.fixture
def workbench() -> None:
    """Skips by name, also under CI=true: set-up may go on without the IDE where no npm registry can be reached."""
    if not all((routes.VENDOR / name).exists() for name in routes.IDE_FILES):
        pytest.skip("the files of the GraphQL IDE are not here (script/setup --ide)")


class Watched:
    """A browser page, and what went wrong on it: requests that leave this server, and whatever the console reports."""

    def __init__(self, page: Page, server: Process) -> None:
        self.page, self.url = page, server.url
        self.strayed: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self._sent(request.url))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _sent(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:", "blob:")):
            self.strayed.append(url)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    async def sign_in(self, persona: str) -> None:
        """From the landing page by its button and the forms of the pages after it, to the demo client's callback."""
        await self.page.goto(self.url)
        await self.page.get_by_role("link", name="Sign in").click()
        await self.page.get_by_role("button", name="Sign in with ThaID").click()
        await self.page.locator(f"form:has(input[value={persona}]) button").click()
        await self.page.wait_for_url("**/demo/callback?*")


@asynccontextmanager
async def watched(server: Process, **options: Any) -> AsyncIterator[Watched]:
    async with open_page(**options) as page:
        yield Watched(page, server)


@pytest.mark.needs("chromium")
class TestInTheBrowser:
    async def test_from_the_landing_page_to_the_elders_home_screen(self, server: Process, workbench: None) -> None:
        async with watched(server) as browser:
            await browser.sign_in("elder")
            await browser.page.get_by_role("link", name="Open the workbench").click()
            await browser.page.locator(".graphiql-execute-button").click()
            answer = browser.page.locator(".result-window")
            await answer.get_by_text(ELDER).wait_for(timeout=20_000)
            assert '"errors"' not in await answer.inner_text()
            assert await browser.page.locator("#signed-in").is_visible()
        assert browser.strayed == []
        assert browser.complaints == []

    async def test_signed_out_the_workbench_says_so_and_asks_all_the_same(
        self, server: Process, workbench: None
    ) -> None:
        async with watched(server) as browser:
            await browser.page.goto(f"{server.url}/ide")
            assert await browser.page.locator("#signed-out").is_visible()
            await browser.page.locator(".graphiql-execute-button").click()
            await browser.page.locator(".result-window").get_by_text("null").first.wait_for(timeout=20_000)
        assert browser.complaints == []

    async def test_without_javascript_one_comes_as_far_as_the_token(self, server: Process) -> None:
        async with watched(server, javascript=False) as browser:
            await browser.sign_in("elder")
            token = await browser.page.locator("#token").inner_text()
            assert token.count(".") == 2
        assert browser.strayed == []

    async def test_signing_in_again_one_may_be_somebody_else(self, server: Process) -> None:
        async with watched(server) as browser:
            await browser.sign_in("elder")
            first = await browser.page.locator("#token").inner_text()
            await browser.sign_in("worker")
            assert await browser.page.locator("#token").inner_text() != first
        assert browser.complaints == []

    async def test_every_page_has_a_language_a_heading_and_names_for_its_controls(self, server: Process) -> None:
        async with watched(server) as browser:
            await browser.page.goto(server.url)
            await self._accessible(browser.page)
            await browser.page.get_by_role("link", name="Sign in").click()
            await self._accessible(browser.page)
            await browser.page.get_by_role("button", name="Sign in with ThaID").click()
            await self._accessible(browser.page)
            await browser.page.locator("form:has(input[value=elder]) button").click()
            await browser.page.wait_for_url("**/demo/callback?*")
            await self._accessible(browser.page)
            for path in ("/ide", "/demo/callback", "/verify/r/unknown"):
                await browser.page.goto(server.url + path)
                await self._accessible(browser.page)

    async def test_no_page_is_wider_than_a_phone(self, server: Process) -> None:
        async with watched(server) as browser:
            await browser.page.set_viewport_size({"width": 360, "height": 740})
            await browser.sign_in("elder")
            for path in (None, "/", "/signin", "/ide", "/verify/r/unknown"):
                if path:
                    await browser.page.goto(server.url + path)
                assert await browser.page.evaluate("document.documentElement.scrollWidth") <= 360, path

    @staticmethod
    async def _accessible(page: Page) -> None:
        """WCAG 2.2: 2.4.2 page titled, 3.1.1 and 3.1.2 language, 1.3.1 headings and labels, 4.1.2 names."""
        where = page.url
        assert await page.title(), where
        assert await page.locator("html").get_attribute("lang") == "th", where
        assert await page.locator("h1").count() == 1, where
        assert await page.locator("main, #ide").count() == 1, where
        assert await page.locator("[lang=en]").count() > 0, where
        for control in await page.locator("main :is(a, button)").all():
            assert (await control.inner_text()).strip(), where
        for field in await page.locator("main :is(input:not([type=hidden]), select, textarea)").all():
            assert await page.locator(f"label[for={await field.get_attribute('id')}]").count() == 1, where
