"""A message over a WebSocket is a request: it may be as large as one, and no larger. The server cuts it off itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.limits import BODY_BYTES_MAX
from core.clock import SystemClock
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.server import Process, running


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    furnish(run_directory(request.config), tmp_path, SystemClock().today())
    with running(tmp_path) as process:
        yield process


async def test_a_message_larger_than_a_request_closes_the_connection(server: Process) -> None:
    address = f"ws://127.0.0.1:{server.port}/graphql"
    question = {"id": "1", "type": "subscribe", "payload": {"query": "{ viewer { id } }"}}
    for size, is_answered in ((BODY_BYTES_MAX, True), (BODY_BYTES_MAX + 1, False)):
        async with connect(address, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            await socket.send(json.dumps({"type": "connection_init"}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            padded = json.dumps(question)
            await socket.send(padded + " " * (size - len(padded)))
            if is_answered:
                assert json.loads(await socket.recv())["payload"]["data"] == {"viewer": None}
                continue
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009  # message too big (RFC 6455 §7.4.1)
