"""An agency's system sends records over HTTP to a server with its service as a package, and the server is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import uvicorn
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.clock import SystemClock
from core.database import Database
from core.text import Text
from identity.provider.registration import AGENCY_RESOURCE, machine_client, register_client
from services.plugins.records.models import IngestRequest
from tests.identity.provider.key_holders import KeyHolder
from tests.services.plugins.records.register import ndjson
from tests.support.server import Process, free_port, running

pytestmark = pytest.mark.sqlite_only  # who has a row's lease is tried on both beside this
PATH: Final = "/agency/v1/services/insurers/ingest/policies"
MANIFEST: Final = """
contract = 1
slug = "insurers"
category = "smes"
title = { th = "ทะเบียนตัวอย่าง", en = "Example register" }
description = { th = "ทะเบียนตัวอย่าง", en = "An example register." }
keywords = { th = ["กรมธรรม์"], en = ["policy"] }
hours = { th = "ตลอด 24 ชั่วโมง", en = "Around the clock" }
contact = { email = "desk@insurers.example" }
agency = { slug = "insurers", title = { th = "สำนักทะเบียนตัวอย่าง", en = "Example Insurers" } }

[operations.policies]
kind = "ingest"
access = "public"
time_limit_seconds = 10
batch = 2

[operations.policies.record]
type = "object"
required = ["policy"]
properties = { policy = { type = "string", pattern = "^P-[0-9]+$" } }

[errors.POLICY_UNKNOWN]
th = "ไม่พบกรมธรรม์"
en = "There is no such policy."
"""
CODE: Final = """
from services.plugins.contract import AgencyError, Call, Host


async def policies(host: Host, call: Call):
    told = await host.agency.send("/policies", dict(call.arguments), on_behalf_of=call.asker, key=call.key)
    if told == "unknown":
        raise AgencyError("POLICY_UNKNOWN")
    return told
"""


def _example(policy: str, answer: dict[str, Any], said: Any) -> dict[str, Any]:
    asked = {"records": [{"policy": policy}]}
    exchange = {"path": "/policies", "request": asked, "answer": said}
    return {
        "operation": "policies",
        "now": "2026-11-16T10:00:00+07:00",
        "arguments": asked,
        "agency": [exchange],
        **answer,
    }


def install(site: Path) -> None:
    """The package, as pip leaves it."""
    package, metadata = site / "sitthi_insurers", site / "sitthi_insurers-1.0.dist-info"
    (package / "examples").mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").touch()
    (package / "manifest.toml").write_text(MANIFEST, encoding="utf-8")
    (package / "plugin.py").write_text(CODE, encoding="utf-8")
    for name, example in {
        "taken": _example("P-1", {"answer": {"rejected": []}}, {"rejected": []}),
        "unknown": _example("P-9", {"error": "POLICY_UNKNOWN"}, "unknown"),
    }.items():
        (package / "examples" / f"{name}.json").write_text(json.dumps(example), encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sitthi_insurers\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[sitthi.plugins]\ninsurers = sitthi_insurers\n", encoding="utf-8")


@dataclass
class Insurers:
    """The agency's system of record: one key is one call. With `hold` set it keeps what comes, and does not answer."""

    kept: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    holds: threading.Event = field(default_factory=threading.Event)
    hold_from: int = 99
    """The number of the call that is not answered."""

    async def take(self, request: Request) -> JSONResponse:
        key, records = request.headers["idempotency-key"], (await request.json())["records"]
        self.keys.append(key)
        if key not in self.answers:
            names = [record["policy"] for record in records]
            self.kept += [name for name in names if not name.startswith("P-9")]
            bad = [n for n, name in enumerate(names) if name.startswith("P-9")]
            self.answers[key] = {"rejected": [{"record": n, "code": "POLICY_UNKNOWN", "path": "/policy"} for n in bad]}
        if len(self.keys) == self.hold_from:
            self.holds.set()
            await asyncio.sleep(3600)
        return JSONResponse(self.answers[key])


@pytest.fixture
def insurers() -> Iterator[tuple[Insurers, str]]:
    made, listener = Insurers(), socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/policies", made.take, methods=["POST"])])
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield made, f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@dataclass
class Sender:
    """The agency's system that sends."""

    http: httpx2.AsyncClient
    database: Database
    holder: KeyHolder = field(default_factory=KeyHolder.make)

    async def sign_in(self, issuer: str) -> None:
        clock = SystemClock()
        async with self.database.write() as session:
            name = Text(th="ระบบทดสอบ", en="A system of tests")
            spec = machine_client("insurers", name, self.holder.registered, ["agency.ingest"])
            client = await register_client(session, spec, created_by="command line: tests", clock=clock)
        fields = {"grant_type": "client_credentials", "resource": issuer + AGENCY_RESOURCE}
        assertion = self.holder.assertion(clock, client, issuer)
        answer = await self.http.post("/oauth/token", data={**fields, **assertion})
        assert answer.status_code == 200, answer.text
        self.http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"

    async def send(self, body: bytes, key: str = "night-of-16") -> httpx2.Response:
        headers = {"content-type": "application/x-ndjson", "idempotency-key": key}
        return await self.http.post(PATH, content=body, headers=headers)


@pytest.fixture
async def sender(database: Database) -> AsyncIterator[tuple[Sender, int]]:
    port = free_port()
    async with httpx2.AsyncClient(base_url=f"http://localhost:{port}", trust_env=False, timeout=60) as http:
        yield Sender(http, database), port


def policies(*numbers: int) -> bytes:
    return ndjson(*({"policy": f"P-{number}"} for number in numbers))


async def test_each_line_is_taken_once_or_says_why_though_the_server_is_killed_midway(
    sender: tuple[Sender, int], insurers: tuple[Insurers, str], database_url: str, tmp_path: Path
) -> None:
    (client, port), (system, url) = sender, insurers
    install(tmp_path / "site")
    agencies = tmp_path / "agencies.toml"
    agencies.write_text(f'[insurers]\nbase_url = "{url}"\nsign_in = {{ way = "none" }}\n', encoding="utf-8")
    settings = {
        "SITTHI_DATABASE_URL": database_url,
        "SITTHI_DEMO_CITIZENS": "0",
        "SITTHI_AGENCIES_FILE": str(agencies),
        "PYTHONPATH": str(tmp_path / "site"),
    }
    body = policies(1, 91) + b"{\n" + policies(4, 5, 6)
    with running(tmp_path / "data", port=port, **settings) as server:
        await client.sign_in(server.url)
        system.hold_from = 2
        sending = asyncio.create_task(client.send(body))
        done, _ = await asyncio.wait(
            {sending, asyncio.create_task(asyncio.to_thread(system.holds.wait, 60))}, return_when="FIRST_COMPLETED"
        )
        assert sending not in done, sending.result().text
        await killed(server, sending)
    with running(tmp_path / "data", port=port, **settings):
        await lease_is_over(client.database)
        answer = await client.send(body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["taken"] == 4
        told = [(one["line"], one["code"], one["path"]) for one in answer.json()["rejected"]]
        assert told == [(2, "POLICY_UNKNOWN", "/policy"), (3, "RECORD_UNREADABLE", None)]
        assert system.kept == ["P-1", "P-4", "P-5", "P-6"], "each once"
        first, second, again, third = system.keys
        assert (second, len({first, second, third})) == (again, 3), "the call whose answer never came is the same call"

        assert (await client.send(body)).json() == answer.json()
        assert len(system.keys) == 4, "what was answered is not asked again"
        conflict = await client.send(policies(7))
        assert (conflict.status_code, conflict.json()["errors"][0]["extensions"]["code"]) == (
            409,
            "IDEMPOTENCY_CONFLICT",
        )
        await broken_off(port, client, policies(8))
        assert system.kept == ["P-1", "P-4", "P-5", "P-6"], "half a body is none"
        assert (await client.send(policies(8), "another-night")).json() == {"taken": 1, "rejected": []}


async def killed(server: Process, sending: asyncio.Task[httpx2.Response]) -> None:
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(httpx2.HTTPError):
        await sending


async def lease_is_over(database: Database) -> None:
    """As a minute later."""
    async with database.write() as session:
        await session.execute(update(IngestRequest).values(leased_until=datetime(2026, 1, 1, tzinfo=UTC)))


async def broken_off(port: int, client: Sender, body: bytes) -> None:
    """Half a body, and then the connection is gone."""
    reader, writer = await asyncio.open_connection("localhost", port)
    head = [
        f"POST {PATH} HTTP/1.1",
        f"Host: localhost:{port}",
        f"Authorization: {client.http.headers['authorization']}",
        "Content-Type: application/x-ndjson",
        "Idempotency-Key: another-night",
        f"Content-Length: {2 * len(body)}",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    writer.write_eof()
    await reader.read()
    writer.close()
