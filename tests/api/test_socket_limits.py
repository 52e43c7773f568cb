"""Limits on WebSockets: handshakes at the door, and each operation of a connection by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from api import rate_limits
from api.commands.walk import sign_in
from core.addresses import Addresses, networks
from core.clock import FixedClock, SystemClock
from core.rate_limits import RateLimiter
from core.settings import Settings
from tests.conftest import run_directory
from tests.core.test_rate_limits import KEYS
from tests.support.population import furnish
from tests.support.server import Process, running

STRANGER: Final = "198.51.100.9"
PATIENCE_SECONDS: Final = 15


async def denied(extensions: dict[str, Any], limiter: RateLimiter) -> list[dict[str, Any]]:
    """What is sent to the second handshake where one is allowed."""
    sent: list[dict[str, Any]] = []

    async def app(*_: Any) -> None:
        sent.clear()

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    door = rate_limits.RateLimits(app, limiter, Addresses(networks("")))
    for _ in range(2):
        scope = {"type": "websocket", "path": "/graphql", "headers": [], "client": (STRANGER, 1)}
        await door({**scope, "extensions": extensions}, receive, send)
    return sent


async def test_a_handshake_too_many_is_denied_by_http_or_where_the_server_cannot_by_closing(
    clock: FixedClock, redis: Any
) -> None:
    start, body = await denied({"websocket.http.response": {}}, RateLimiter(redis, clock, KEYS, scale=0.00001))
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
    assert json.loads(body["body"])["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    await redis.flushall()
    sent = await denied({}, RateLimiter(redis, clock, KEYS, scale=0.00001))
    assert sent == [{"type": "websocket.close", "code": 1013}]


class Socket:
    """A server with low limits, as its clients see it."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def bare(self) -> connect:
        address = f"ws://localhost:{self.process.port}/graphql"
        return connect(address, subprotocols=["graphql-transport-ws"], proxy=None)  # type: ignore[list-item]

    @asynccontextmanager
    async def open(self, token: str | None = None) -> AsyncIterator[ClientConnection]:
        async with self.bare() as socket:
            payload = {"authorization": f"Bearer {token}"} if token else {}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert (await self.heard(socket))["type"] == "connection_ack"
            yield socket

    @staticmethod
    async def heard(socket: ClientConnection) -> Any:
        return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS))

    async def ask(self, socket: ClientConnection, name: str) -> Any:
        payload = {"query": "{ __typename }"}
        await socket.send(json.dumps({"type": "subscribe", "id": name, "payload": payload}))
        answer = await self.heard(socket)
        if answer["type"] == "next":
            assert (await self.heard(socket))["type"] == "complete"
        return answer


@pytest.mark.sqlite_only
async def test_on_a_socket_each_operation_counts(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    with running(data, SITTHI_DATABASE_URL=database_url, SITTHI_RATE_LIMIT_SCALE="0.001") as process:
        server = Socket(process)
        settings = Settings(data=data, port=process.port)
        token = (await sign_in(settings, "elder"))["access_token"]
        async with server.open(token) as first, server.open(token) as second:
            assert (await server.ask(first, "1"))["type"] == "next"
            for socket in (first, second):
                refused = await server.ask(socket, "2")
                assert refused["type"] == "error"
                assert refused["payload"][0]["extensions"] == {"code": "RATE_LIMITED"}
                assert "วินาที" in refused["payload"][0]["message"]
        async with server.open() as anonymous:
            for name in range(12):
                assert (await server.ask(anonymous, str(name)))["type"] == "next"
            assert (await server.ask(anonymous, "13"))["type"] == "error"
        for _ in range(12 - 3):
            async with server.open():
                pass
        with pytest.raises(InvalidStatus) as denied_to:
            await server.bare()
        assert denied_to.value.response.status_code == 429
        assert int(denied_to.value.response.headers["retry-after"]) > 0
