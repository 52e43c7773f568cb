"""The same over real HTTP: server processes, the command line, a browser that comes back to a port."""

from __future__ import annotations

import asyncio
import threading
import webbrowser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from typer.testing import CliRunner

from api.commands import officer, session
from api.commands.code_flow import CodeFlow
from api.commands.walk import DEMO_SCOPE, walk
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.settings import Settings
from identity.officers import current_officer
from identity.provider.clients import DEMO_APP
from identity.routes import Identity
from tests.identity.people_of_tests import name_of, national_id
from tests.identity.served import free_port, serving

pytestmark = pytest.mark.in_turn

LOOPBACK = "http://127.0.0.1:1/callback"


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def environment(
    database_url: str, tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """What the servers and the command line are told alike. People reach the first server."""
    told = {
        "SITTHI_DATA": str(tmp_path / "data"),
        "SITTHI_DATABASE_URL": database_url,
        "SITTHI_PUBLIC_URL": f"http://localhost:{ports[0]}",
        "PORT": str(ports[0]),
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").mkdir()
    return told


@pytest.fixture
def one_server(environment: dict[str, str], ports: tuple[int, int]) -> Iterator[None]:
    with serving(environment, ports[0]):
        yield


def run(*arguments: str, stdin: str | None = None) -> str:
    result = CliRunner().invoke(officer.app, arguments, input=stdin)
    assert result.exit_code == 0, result.output
    return result.output


async def officer_of(profile: str) -> tuple[str, frozenset[str], str]:
    settings = Settings()
    db = Database(settings.sqlalchemy_url)
    try:
        found = await current_officer(settings, db, profile)
    finally:
        await db.close()
    return found.agency, found.roles, found.name.th


@pytest.mark.usefixtures("one_server")
def test_officers_are_added_sign_in_and_are_who_they_are(tmp_path: Path) -> None:
    run("add", "--persona", "officer-one", "--agency", "dla", "--role", "payments.plan")
    number, name = national_id("officer-two"), name_of("officer-two")
    added = run(
        "add", "--national-id", "--agency", "dla", "--role", "payments.approve",
        stdin=f"{number.digits}\n{name.th}\n{name.en}\n",
    )  # fmt: skip
    assert number.digits not in added
    listed = run("list")
    assert name_of("officer-one").th in listed
    assert name.th in listed
    run("sign-in", "--persona", "officer-one")
    run("sign-in", "--persona", "officer-two", "--as", "checker")
    planner, checker = asyncio.run(officer_of("officer-one")), asyncio.run(officer_of("checker"))
    assert planner == ("dla", frozenset({"payments.plan"}), name_of("officer-one").th)
    assert checker == ("dla", frozenset({"payments.approve"}), name.th)
    refused = CliRunner().invoke(officer.app, ["sign-in", "--persona", "elder"])
    assert (refused.exit_code, "NOT_AN_OFFICER" in refused.output) == (1, True)


@pytest.mark.usefixtures("one_server")
def test_a_persona_gets_a_token_for_curl(capsys: pytest.CaptureFixture[str]) -> None:
    session.sign_in("elder")
    token = capsys.readouterr().out.strip()

    async def verified() -> str:
        settings, clock = Settings(), SystemClock()
        db = Database(settings.sqlalchemy_url)
        async with httpx2.AsyncClient() as http:
            viewer = await Identity(settings, db, clock, load_keys(settings), http).verifier.verify(token)
        await db.close()
        return viewer.client

    assert asyncio.run(verified()) == "demo-app"


@pytest.mark.usefixtures("one_server")
def test_an_officer_signs_in_with_a_browser_that_comes_back_to_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser is another thread that walks the pages and then follows the last redirect to the waiting command."""
    run("add", "--persona", "officer-one", "--agency", "dla", "--role", "payments.plan")
    came_back: list[int] = []

    async def browse(address: str) -> None:
        redirect_uri = parse_qs(urlsplit(address).query)["redirect_uri"][0]

        class Opened(CodeFlow):
            @property
            def address(self) -> str:
                return address

        async with httpx2.AsyncClient(trust_env=False) as browser:
            assert (await browser.get(redirect_uri.replace("/callback", "/favicon.ico"))).status_code == 404
            callback = await walk(browser, Opened("", "", "", redirect_uri), "officer-one")
            came_back.append((await browser.get(callback)).status_code)

    def open_browser(address: str) -> bool:
        threading.Thread(target=lambda: asyncio.run(browse(address))).start()
        return True

    monkeypatch.setattr(webbrowser, "open", open_browser)
    output = run("sign-in", "--as", "one")
    assert came_back == [200]
    assert "/oauth/authorize?" in output
    assert asyncio.run(officer_of("one"))[0] == "dla"


def test_without_a_server_the_command_says_so_in_a_sentence(environment: dict[str, str]) -> None:
    for how in (["--persona", "officer-one"], ["--no-browser"]):
        result = CliRunner().invoke(officer.app, ["sign-in", *how])
        assert result.exit_code == 1
        assert "No server answers" in result.output
        assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "--agency", "dla", "--role", "payments.plan"],
        ["add", "--persona", "elder", "--national-id", "--agency", "dla", "--role", "payments.plan"],
        ["add", "--persona", "nobody", "--agency", "dla", "--role", "payments.plan"],
        ["add", "--persona", "elder", "--agency", "DLA", "--role", "payments.plan"],
        ["sign-in", "--as", "../x"],
    ],
)
def test_a_wrong_command_fails_with_a_sentence(environment: dict[str, str], arguments: list[str]) -> None:
    result = CliRunner().invoke(officer.app, arguments)
    assert result.exit_code == 1
    assert result.output.strip()
    assert "Traceback" not in result.output


def test_a_number_that_is_none_is_refused_and_not_repeated(environment: dict[str, str]) -> None:
    arguments = ["add", "--national-id", "--agency", "dla", "--role", "payments.plan"]
    result = CliRunner().invoke(officer.app, arguments, input="1234567890123\nก\nA\n")
    assert (result.exit_code, "MALFORMED_NATIONAL_ID" in result.output) == (1, True)
    assert "1234567890123" not in result.output


def test_of_fifty_redemptions_over_two_processes_exactly_one_wins(
    environment: dict[str, str], ports: tuple[int, int]
) -> None:
    async def race() -> Counter[int]:
        flow = CodeFlow(Settings().issuer, DEMO_APP, DEMO_SCOPE, LOOPBACK)
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            code = parse_qs(urlsplit(await walk(http, flow, "elder")).query)["code"][0]
            body = {
                "grant_type": "authorization_code",
                "client_id": DEMO_APP,
                "code": code,
                "redirect_uri": LOOPBACK,
                "code_verifier": flow._verifier,
            }
            addresses = [f"http://127.0.0.1:{ports[n % 2]}/oauth/token" for n in range(50)]
            answers = await asyncio.gather(*(http.post(address, data=body) for address in addresses))
        return Counter(answer.status_code for answer in answers)

    with serving(environment, *ports):
        assert asyncio.run(race()) == {200: 1, 400: 49}
