"""Two server processes over one database and one Valkey: what is used at one is used at the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from tests.identity.provider.front import ASKED
from tests.identity.provider.key_holders import KeyHolder, register
from tests.identity.served import free_port, serving

pytestmark = pytest.mark.valkey_only
HOLDER = KeyHolder.make()


class Two:
    """Both servers, by the addresses of their ports; people and proofs know the issuer alone."""

    def __init__(self, issuer: str, ports: tuple[int, int]) -> None:
        self.issuer, self.clock = issuer, SystemClock()
        self.http = [httpx2.AsyncClient(base_url=f"http://localhost:{port}", trust_env=False) for port in ports]

    def assertion(self) -> dict[str, str]:
        return HOLDER.assertion(self.clock, "bank", self.issuer)

    def proof(self, **claims: Any) -> dict[str, str]:
        return {"DPoP": HOLDER.proof(self.clock, "POST", f"{self.issuer}/oauth/par", **claims)}

    async def push(self, server: int, assertion: dict[str, str], headers: dict[str, str]) -> httpx2.Response:
        return await self.http[server % 2].post("/oauth/par", data={**ASKED, **assertion}, headers=headers)


@pytest.fixture
async def two(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Two]:
    ports = free_port(), free_port()
    issuer = f"http://localhost:{ports[0]}"
    told = {
        "SITTHI_DATA": str(tmp_path / "data"),
        "SITTHI_DATABASE_URL": database_url,
        "SITTHI_REDIS_URL": redis_url,
        "SITTHI_PUBLIC_URL": issuer,
    }
    (tmp_path / "data").mkdir()
    database = Database(Settings(database_url=database_url).sqlalchemy_url)
    await register(database, SystemClock(), jwks=HOLDER.registered)
    await database.close()
    with serving(told, *ports):
        both = Two(issuer, ports)
        yield both
        for http in both.http:
            await http.aclose()


async def test_what_was_used_at_one_process_is_used_at_the_other(two: Two) -> None:
    proof = two.proof()
    assert (await two.push(0, two.assertion(), proof)).status_code == 201
    replayed = await two.push(1, two.assertion(), proof)
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_dpop_proof")

    assertion = two.assertion()
    assert (await two.push(1, assertion, {})).status_code == 201
    assert (await two.push(0, assertion, {})).status_code == 401

    proof = two.proof()
    answers = await asyncio.gather(*(two.push(one, two.assertion(), proof) for one in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 400: 19}

    assertion = two.assertion()
    answers = await asyncio.gather(*(two.push(one, assertion, {}) for one in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 401: 19}


async def test_a_nonce_of_one_process_is_good_at_the_other(two: Two) -> None:
    asked = await two.push(0, two.assertion(), two.proof(iat=1))
    assert (asked.status_code, asked.json()["error"]) == (400, "use_dpop_nonce")
    again = two.proof(iat=1, nonce=asked.headers["dpop-nonce"])
    assert (await two.push(1, two.assertion(), again)).status_code == 201
