"""The examples of docs/examples/, run: a web app in Chromium on a site of its own, and a mobile app on Node.js.

Each client is made as its developer would make it, by `sitthi client new`.
"""

from __future__ import annotations

import asyncio
import functools
import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2
import pytest

from api.commands.walk import walk
from tests.support import node
from tests.support.server import Process, running

pytestmark = pytest.mark.in_turn

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
SCHEME: Final = "th.example.sitthi:/callback"


@dataclass(frozen=True)
class Journey:
    address: str
    redirect_uri: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(tmp_path_factory.mktemp("examples") / "data", SITTHI_DEMO_CITIZENS="0") as process:
        yield process


class _Site(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Says nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The examples on a site of their own, as a developer would serve them."""
    handler = functools.partial(_Site, directory=str(EXAMPLES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def new_client(server: Process, *words: str) -> str:
    told = server.command("client", "new", *words)
    found = re.search(r"client_id\s+(\S+)", told)
    assert found is not None, told
    return found[1]


@pytest.mark.needs("chromium")
async def test_no_link_chooses_whose_page_people_sign_in_at(server: Process, page: Page) -> None:
    async def served(route: Route) -> None:
        path = EXAMPLES / urlsplit(route.request.url).path.removeprefix("/")
        await route.fulfill(path=path, content_type="text/javascript" if path.suffix == ".mjs" else "text/html")

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.route("http://shop.example/**", served)
    await page.route("http://localhost:8000/**", lambda route: route.abort())
    await page.goto(f"http://shop.example/web/index.html?issuer={server.url}&client_id=theirs")
    async with page.expect_request("http://localhost:8000/.well-known/openid-configuration"):
        await page.click("#sign-in")
    assert not [one for one in asked if one.startswith((f"{server.url}/.well-known", f"{server.url}/oauth"))]


@pytest.mark.needs("chromium")
async def test_the_web_app_signs_a_person_in_asks_refreshes_and_signs_out(
    server: Process, site: str, page: Page
) -> None:
    client = new_client(server, "A first app", "--redirect-uri", f"{site}/web/index.html")
    await page.goto(f"{site}/web/index.html?issuer={server.url}&client_id={client}")
    await page.click("#sign-in")
    await page.click("form button[type=submit]")
    await page.click("form:has(input[value=elder]) button")
    await page.wait_for_url(f"{site}/web/index.html*")
    allowance = page.locator("#entitlements li", has_text="ENTITLED").first
    await allowance.wait_for()
    assert "บุญเรือน" in await page.inner_text("#name")
    assert "code=" not in page.url, "the code stays out of the address bar and of the history"
    used: list[str] = []
    page.on("request", lambda request: used.extend(filter(None, [request.headers.get("authorization")])))
    await page.click("#again")
    await page.wait_for_function("document.getElementById('problem').textContent === 'refreshed'")
    async with page.expect_request(f"{server.url}/oauth/revoke") as revoking:
        await page.click("#sign-out")
    await (await revoking.value).response()
    await page.wait_for_function("document.getElementById('name').textContent === '—'")
    await until_refused(server, used[-1])


async def until_refused(server: Process, authorization: str) -> None:
    """Every process hears of a revocation within a second; the test waits for as long as it takes."""
    assert authorization.startswith("Bearer ")
    async with httpx2.AsyncClient(trust_env=False) as http:
        while True:
            headers = {"Authorization": authorization}
            answer = await http.post(f"{server.url}/graphql", json={"query": "{ viewer { id } }"}, headers=headers)
            if answer.status_code == 401:
                return
            await asyncio.sleep(0.05)


async def walked(asked: str) -> str:
    """What the system's browser does for the app: where the person comes back."""
    async with httpx2.AsyncClient(trust_env=False) as browser:
        return await walk(browser, Journey(asked, SCHEME), "elder")


async def test_the_mobile_app_holds_tokens_that_are_bound_to_its_key(server: Process) -> None:
    client = new_client(server, "แอปตัวอย่าง", "--redirect-uri", SCHEME, "--dpop")
    async with node.program("mobile_app.mjs") as phone:
        await phone.ask("install", issuer=server.url, client_id=client, redirect_uri=SCHEME)
        claims = await phone.ask("come_back", url=await walked(await phone.ask("begin")))
        assert claims["name"] == "นางบุญเรือน แก้วมงคล"
        tokens: dict[str, Any] = await phone.ask("tokens")
        assert tokens["tokenType"] == "DPoP"
        assert (await phone.ask("ask", query="{ viewer { id } }"))["data"]["viewer"]["id"]

        stolen = {"Authorization": f"Bearer {tokens['accessToken']}"}
        async with httpx2.AsyncClient(trust_env=False) as thief:
            refused = await thief.post(f"{server.url}/graphql", json={"query": "{ viewer { id } }"}, headers=stolen)
        assert refused.status_code == 401

        await phone.ask("hurry")
        assert (await phone.ask("ask", query="{ viewer { id } }"))["data"]["viewer"]["id"]
        renewed: dict[str, Any] = await phone.ask("tokens")
        assert renewed["refreshToken"] != tokens["refreshToken"]

        await phone.ask("install", issuer=server.url, client_id=client, redirect_uri=SCHEME)
        assert await phone.ask("resume") is True
        assert (await phone.ask("ask", query="{ viewer { id } }"))["data"]["viewer"]["id"]

        await phone.ask("sign_out")
        assert await phone.ask("resume") is False


async def test_the_mobile_app_renews_once_for_all_that_ask_at_once(server: Process) -> None:
    client = new_client(server, "a busy app", "--redirect-uri", SCHEME, "--dpop")
    async with node.program("mobile_app.mjs") as phone:
        await phone.ask("install", issuer=server.url, client_id=client, redirect_uri=SCHEME)
        await phone.ask("come_back", url=await walked(await phone.ask("begin")))
        for _ in range(2):
            await phone.ask("hurry")
            for answer in await phone.ask("ask_twice", query="{ viewer { id } }"):
                assert answer["data"]["viewer"]["id"], "a token sent twice would have ended the sign-in"


async def test_who_cancels_a_step_up_in_the_mobile_app_goes_on_as_before(server: Process) -> None:
    client = new_client(server, "a patient app", "--redirect-uri", SCHEME, "--dpop")
    async with node.program("mobile_app.mjs") as phone:
        await phone.ask("install", issuer=server.url, client_id=client, redirect_uri=SCHEME)
        await phone.ask("come_back", url=await walked(await phone.ask("begin")))
        await phone.ask("begin")
        with pytest.raises(node.Refused):
            await phone.ask("come_back", url=f"{SCHEME}?error=access_denied&state=another")
        assert (await phone.ask("ask", query="{ viewer { id } }"))["data"]["viewer"]["id"]


async def test_the_mobile_app_takes_no_answer_that_is_not_its_own(server: Process) -> None:
    client = new_client(server, "another app", "--redirect-uri", SCHEME, "--dpop")
    async with node.program("mobile_app.mjs") as phone:
        await phone.ask("install", issuer=server.url, client_id=client, redirect_uri=SCHEME)
        for name, value in (("state", "forged"), ("iss", "https://evil.example")):
            came_back = httpx2.URL(await walked(await phone.ask("begin")))
            with pytest.raises(node.Refused):
                await phone.ask("come_back", url=str(came_back.copy_set_param(name, value)))
