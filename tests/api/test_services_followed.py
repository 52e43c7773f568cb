"""Two server processes over one PostgreSQL, asked all the time, while an agency publishes and rolls back by command."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import uvicorn

from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.settings import Settings
from core.text import Text
from identity.provider.registration import machine_client, register_client
from services.plugins.contract import Host
from services.plugins.kit import kit_app
from services.plugins.registry.documents import Documents, read_remote_manifest
from services.plugins.registry.repository import ServiceRepository
from services.plugins.runner import ServiceKeys
from tests.identity.provider.key_holders import KeyHolder
from tests.support.plugins.far_side import NoAgency
from tests.support.server import Process, free_port, running
from tests.support.services import KEY, NAME, SDL, SYSTEM, Registering, answering, documents_of, written

pytestmark = [pytest.mark.postgres_only, pytest.mark.valkey_only]
QUERY: Final = "{ water { price { amount { satang } since } } programmes { id title } }"
WIDER: Final = SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n")
ANSWER: Final = {"amount": {"satang": 1050, "currency": "THB"}, "since": "2026-01-01", "until": None}
PATIENCE_SECONDS: Final = 60
TURNS: Final = 4


def version_of(version: str, url: str, sdl: str = SDL) -> Documents:
    shown = ANSWER if "until" in sdl else {name: ANSWER[name] for name in ("amount", "since")}
    return documents_of(
        version,
        sdl=sdl,
        endpoint={"url": url, "keys": [KEY.jwk]},
        operations={"price": {"kind": "query", "access": "public", "time_limit_seconds": 10}},  # the machine is busy
        examples={"price.json": {"operation": "price", "answer": shown}},
    )


@asynccontextmanager
async def agency(documents: Documents, settings: Settings, port: int) -> AsyncIterator[None]:
    """The agency's server, on this machine; it knows the keys of our calls, as both servers derive them."""
    manifest = read_remote_manifest(documents)
    assert manifest.endpoint is not None
    app = kit_app(
        manifest,
        answering(ANSWER)(manifest),
        url=manifest.endpoint.url,
        host=Host(SystemClock(), NoAgency()),
        trusted_keys=ServiceKeys(load_keys(settings)),
        signing_key=KEY,
    )
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not task.done()
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


@dataclass
class Clients:
    """Ask both servers until they are told to stop."""

    ports: tuple[int, int]
    answers: Counter[str] = field(default_factory=Counter)
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, port: int, http: httpx2.AsyncClient) -> None:
        while not self._done.is_set():
            answer = await http.post(f"http://localhost:{port}/graphql", json={"query": QUERY})
            self.answers[f"{answer.status_code} {answer.text}"] += 1

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http, asyncio.TaskGroup() as group:
            for port in self.ports * 2:
                group.create_task(self.ask(port, http))
            try:
                yield
            finally:
                self._done.set()


async def fields(port: int) -> set[str]:
    """Of the price, as that server's graph has them."""
    query = '{ __type(name: "WaterPrice") { fields { name } } }'
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        told = (await http.post(f"http://localhost:{port}/graphql", json={"query": query})).json()
    found = told["data"]["__type"]
    return set() if found is None else {one["name"] for one in found["fields"]}


async def followed(ports: tuple[int, int], expected: set[str]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while [await fields(port) for port in ports] != [expected, expected]:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)


class Agent:
    """`sitthi plugin …` at the agency's desk."""

    def __init__(self, server: Process, client: str, key: Path) -> None:
        self._server, self._given = server, ("--client", client, "--key", str(key), "--issuer", server.url)

    async def __call__(self, *words: str) -> str:
        return await asyncio.to_thread(self._server.command, "plugin", *words, *self._given)


async def registered_client(database: Database, folder: Path) -> tuple[str, Path]:
    holder, key = KeyHolder.make(), folder / "private-key.json"
    async with database.write() as session:
        name = Text(th="ระบบทดสอบ", en="A system of tests")
        spec = machine_client("waterworks", name, holder.registered, ["agency.services"])
        client = await register_client(session, spec, created_by="command line: tests", clock=SystemClock())
    key.write_text(json.dumps({**holder.private_jwk, "kid": holder.kid, "alg": holder.algorithm}))
    return client, key


async def test_versions_come_and_go_by_command_and_no_request_of_either_server_fails_or_is_thinned(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    ports, port = (free_port(), free_port()), free_port()
    url = f"http://127.0.0.1:{port}"
    given: dict[str, Any] = {
        "SITTHI_DATABASE_URL": database_url,
        "SITTHI_REDIS_URL": redis_url,
        "SITTHI_PUBLIC_URL": f"http://localhost:{ports[0]}",
        "SITTHI_DEMO_CITIZENS": "0",
    }
    data = tmp_path / "data"
    with running(data, port=ports[0], **given) as first, running(data, port=ports[1], **given):
        settings: Any = Settings(data=data, database_url=database_url)
        async with agency(version_of("1.0.0", url), settings, port):
            sitthi = Agent(first, *await registered_client(database, tmp_path))
            assert "DRAFT" in await sitthi("register", written(version_of("1.0.0", url), tmp_path / "one"))
            assert "IN_REVIEW" in await sitthi("submit", "waterworks", "1.0.0")
            reviewing = Registering(database, SystemClock())
            await reviewing.approved(NAME, "1.0.0")
            await followed(ports, {"amount", "since"})
            clients = Clients(ports)
            async with clients.asking():
                await sitthi("register", written(version_of("1.1.0", url, WIDER), tmp_path / "two"))
                assert "PUBLISHED" in await sitthi("submit", "waterworks", "1.1.0")
                await followed(ports, {"amount", "since", "until"})
                assert "1.0.0\tPUBLISHED" in await sitthi("rollback", "waterworks", "--reason", "ทดสอบการทำงาน")
                await followed(ports, {"amount", "since"})
                for turn in range(TURNS):
                    back, there = ("1.1.0", {"until"}) if turn % 2 == 0 else ("1.0.0", set[str]())
                    await reviewing.desk.roll_back(SYSTEM, NAME, back, "ทดสอบการทำงาน")
                    await followed(ports, {"amount", "since"} | there)
    assert len(clients.answers) == 1, clients.answers
    [answer] = clients.answers
    assert answer.startswith('200 {"data":{"water":{"price":{"amount":{"satang":1050},"since":"2026-01-01"}},')
    assert clients.answers.total() > TURNS
    async with database.read() as session:
        assert (await ServiceRepository(session).generation()) == 3 + TURNS
