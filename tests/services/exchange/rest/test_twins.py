"""One request id, fifty requests at once over two server processes: exactly one is answered, and counted."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.clock import SystemClock
from core.database import Database
from core.text import Text
from identity.provider.registration import AGENCY_RESOURCE, machine_client, register_client
from services.exchange.usage.repository import Usage
from tests.identity.provider.key_holders import KeyHolder
from tests.support.agency import FACTS, code_of, named, question
from tests.support.server import free_port, running

pytestmark = pytest.mark.valkey_only
TWINS = 50


class Two:
    """Both servers, and a token that is good at either."""

    def __init__(self, ports: tuple[int, int], token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self.http = [
            httpx2.AsyncClient(base_url=f"http://localhost:{port}", headers=headers, trust_env=False, timeout=60)
            for port in ports
        ]

    async def post(self, bodies: list[dict[str, Any]]) -> list[httpx2.Response]:
        """All at once, to one and the other in turn."""
        return await asyncio.gather(*(self.http[n % 2].post(FACTS, json=body) for n, body in enumerate(bodies)))

    async def close(self) -> None:
        for http in self.http:
            await http.aclose()


async def token_of(issuer: str, database: Database) -> str:
    holder, clock = KeyHolder.make(), SystemClock()
    async with database.write() as session:
        name = Text(th="ระบบทดสอบ", en="A system of tests")
        spec = machine_client("slf", name, holder.registered, ["agency.facts"])
        client = await register_client(session, spec, created_by="command line: tests", clock=clock)
    fields = {"grant_type": "client_credentials", "resource": issuer + AGENCY_RESOURCE}
    async with httpx2.AsyncClient(trust_env=False) as http:
        assertion = holder.assertion(clock, client, issuer)
        answer = await http.post(f"{issuer}/oauth/token", data={**fields, **assertion})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture
async def two(database: Database, database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Two]:
    ports = free_port(), free_port()
    issuer = f"http://localhost:{ports[0]}"
    settings = {
        "SITTHI_DATABASE_URL": database_url,
        "SITTHI_REDIS_URL": redis_url,
        "SITTHI_PUBLIC_URL": issuer,
        "SITTHI_DEMO_CITIZENS": "0",
    }
    with running(tmp_path / "data", port=ports[0], **settings), running(tmp_path / "data", port=ports[1], **settings):
        both = Two(ports, await token_of(issuer, database))
        yield both
        await both.close()


async def counted(database: Database) -> int:
    clock = SystemClock()
    async with database.read() as session:
        sums = await Usage(session).sums(clock.today(), clock.today())
    return sums["slf"].requests if sums else 0


async def test_of_fifty_twins_one_is_answered_and_the_others_are_replays(two: Two, database: Database) -> None:
    body = {**question("name"), "person": named("graduate")}
    answers = await two.post([body] * TWINS)
    told = Counter("answered" if one.status_code == 200 else code_of(one)[1] for one in answers)
    assert told == {"answered": 1, "REQUEST_REPLAYED": TWINS - 1}
    assert await counted(database) == 1

    body = {**question("name"), "person": named("graduate")}
    bodies = [{**body, "agent": {"kind": "SYSTEM", "id": f"machine-{n}"}} for n in range(TWINS)]
    answers = await two.post(bodies)
    told = Counter("answered" if one.status_code == 200 else code_of(one)[1] for one in answers)
    assert told == {"answered": 1, "REQUEST_CONFLICT": TWINS - 1}
    [answered] = [json.loads(one.text)["facts"]["agent"]["id"] for one in answers if one.status_code == 200]
    assert answered.startswith("machine-")
    assert await counted(database) == 2
