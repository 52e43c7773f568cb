"""What must hold whichever process is asked, on both databases: one use of a refresh token, and the end of a token
within a second."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import update
from sqlmodel import col

from api.commands.code_flow import CodeFlow
from api.commands.walk import DEMO_SCOPE, walk
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from identity.provider.clients import DEMO_APP
from identity.provider.endings import Endings
from identity.provider.models import Client
from tests.identity.served import free_port, serving

LOOPBACK = "http://127.0.0.1:1/callback"
WITHIN_SECONDS = 1.0
PATIENCE_SECONDS = 20.0
ATTEMPTS_MAX = 3


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def environment(
    database_url: str, tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
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


class People:
    """Somebody signed in at the first process; both are asked."""

    def __init__(self, http: httpx2.AsyncClient, ports: tuple[int, int]) -> None:
        self.http, self.ports = http, ports

    async def tokens(self) -> dict[str, Any]:
        flow = CodeFlow(Settings().issuer, DEMO_APP, DEMO_SCOPE, LOOPBACK)
        self.http.cookies.clear()
        return await flow.redeem(self.http, await walk(self.http, flow, "elder"))

    async def post(self, path: str, fields: dict[str, str], process: int) -> httpx2.Response:
        address = f"http://127.0.0.1:{self.ports[process]}{path}"
        return await self.http.post(address, data={"client_id": DEMO_APP, **fields})

    async def refresh(self, token: str, process: int) -> httpx2.Response:
        return await self.post("/oauth/token", {"grant_type": "refresh_token", "refresh_token": token}, process)

    async def works(self, token: str, process: int) -> bool:
        address = f"http://127.0.0.1:{self.ports[process]}/oauth/userinfo"
        answer = await self.http.get(address, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

    async def stops_everywhere(self, token: str) -> float:
        """How many seconds it took until no process took it any more."""
        began = time.monotonic()
        for process in (0, 1):
            while await self.works(token, process):
                assert time.monotonic() - began < PATIENCE_SECONDS
                await asyncio.sleep(0.01)
        took = time.monotonic() - began
        assert [await self.works(token, process) for process in (0, 1, 0, 1)] == [False] * 4
        return took


def test_of_fifty_refreshes_over_two_processes_exactly_one_wins(
    environment: dict[str, str], ports: tuple[int, int]
) -> None:
    async def race() -> tuple[Counter[int], bool]:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            people = People(http, ports)
            token = (await people.tokens())["refresh_token"]
            answers = await asyncio.gather(*(people.refresh(token, n % 2) for n in range(50)))
            [winner] = [answer.json() for answer in answers if answer.status_code == 200]
            await people.stops_everywhere(winner["access_token"])
            return Counter(answer.status_code for answer in answers), await _is_over(people, winner)

    with serving(environment, *ports):
        assert asyncio.run(race()) == ({200: 1, 400: 49}, True)


async def _is_over(people: People, tokens: dict[str, Any]) -> bool:
    return bool((await people.refresh(tokens["refresh_token"], 1)).json()["error"] == "invalid_grant")


def test_what_was_revoked_or_signed_out_stops_in_every_process_within_a_second(
    environment: dict[str, str], ports: tuple[int, int]
) -> None:
    async def stop() -> dict[str, float]:
        ways = {"access": _revoked_access, "family": _revoked_family, "session": _signed_out, "code": _replayed}
        took = {}
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            people = People(http, ports)
            for name, way in ways.items():
                for _ in range(ATTEMPTS_MAX):  # a machine that stands still for a second proves nothing
                    took[name] = await people.stops_everywhere(await way(people))
                    if took[name] < WITHIN_SECONDS:
                        break
        return took

    with serving(environment, *ports):
        took = asyncio.run(stop())
    assert {how: seconds for how, seconds in took.items() if seconds >= WITHIN_SECONDS} == {}


def test_a_client_that_was_ended_gets_nothing_in_every_process_within_a_second(
    environment: dict[str, str], ports: tuple[int, int]
) -> None:
    """Though each remembers its clients for a while; and what it got in that while works nowhere."""

    async def end() -> float:
        took = PATIENCE_SECONDS
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http, _database() as database:
            people = People(http, ports)
            for _ in range(ATTEMPTS_MAX):
                await _entered(database)
                tokens = await people.tokens()
                took = await _ended_everywhere(people, database, tokens["refresh_token"])
                await people.stops_everywhere(tokens["access_token"])
                if took < WITHIN_SECONDS:
                    break
        return took

    with serving(environment, *ports):
        assert asyncio.run(end()) < WITHIN_SECONDS


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    database = Database(Settings().sqlalchemy_url)
    yield database
    await database.close()


async def _entered(database: Database) -> None:
    """The client as it was before any attempt."""
    async with database.write() as session:
        await session.execute(update(Client).where(col(Client.id) == DEMO_APP).values(ended_at=None))
    await asyncio.sleep(WITHIN_SECONDS)


async def _ended_everywhere(people: People, database: Database, refresh_token: str) -> float:
    """How many seconds it took from the end of the client until no process knew it any more."""
    async with database.write() as session:
        assert await Endings(SystemClock()).end_client(session, DEMO_APP)
    began = time.monotonic()
    for process in (0, 1):
        while (answer := await people.refresh(refresh_token, process)).status_code != 401:
            assert time.monotonic() - began < PATIENCE_SECONDS
            if answer.status_code == 200:
                refresh_token = answer.json()["refresh_token"]
                await people.stops_everywhere(answer.json()["access_token"])
        assert answer.json()["error"] == "invalid_client"
    return time.monotonic() - began


async def _revoked_access(people: People) -> str:
    token = str((await _in_use(people))["access_token"])
    assert (await people.post("/oauth/revoke", {"token": token}, 0)).status_code == 200
    return token


async def _revoked_family(people: People) -> str:
    tokens = await _in_use(people)
    assert (await people.post("/oauth/revoke", {"token": tokens["refresh_token"]}, 0)).status_code == 200
    return str(tokens["access_token"])


async def _signed_out(people: People) -> str:
    tokens = await _in_use(people)
    answer = await people.http.get(f"{Settings().issuer}/oauth/logout", params={"id_token_hint": tokens["id_token"]})
    assert answer.status_code == 200
    return str(tokens["access_token"])


async def _in_use(people: People) -> dict[str, Any]:
    """Tokens that both processes have verified and remember."""
    tokens = await people.tokens()
    assert [await people.works(tokens["access_token"], process) for process in (0, 1)] == [True, True]
    return tokens


async def _replayed(people: People) -> str:
    """An access token whose code somebody has just used again, at the other process."""
    flow = CodeFlow(Settings().issuer, DEMO_APP, DEMO_SCOPE, LOOPBACK)
    people.http.cookies.clear()
    callback = await walk(people.http, flow, "elder")
    tokens = await flow.redeem(people.http, callback)
    assert await people.works(tokens["access_token"], 1)
    fields = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(callback).query)["code"][0],
        "redirect_uri": LOOPBACK,
        "code_verifier": flow._verifier,
    }
    assert (await people.post("/oauth/token", fields, 1)).status_code == 400
    return str(tokens["access_token"])
