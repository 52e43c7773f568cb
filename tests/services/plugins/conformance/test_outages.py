"""Rules about connections that break, over real ones: a server in this loop, the client that agencies are asked by."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from core.clock import SystemClock
from services.plugins.contract import Call, Host
from services.plugins.runner.egress import agency_client
from tests.services.plugins.conformance.stand import Stand, Waterworks, shown


@asynccontextmanager
async def served(app_of: Callable[[str], Any]) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(app_of(url), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # of older versions; the signals are pytest's
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield url
        finally:
            server.should_exit = True
            await task


class NextOneBreaks:
    """A server that breaks for one call after a body that did not come to its end."""

    def __init__(self, app: Any) -> None:
        self.app, self.broken = app, False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def watched() -> Any:
            message = await receive()
            self.broken = self.broken or message["type"] == "http.disconnect"
            return message

        if self.broken:
            self.broken = False
            raise ConnectionResetError
        await self.app(scope, watched, send)


class ReadsOneBodyAtATime:
    def __init__(self, app: Any) -> None:
        self.app, self.reading = app, asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self.reading:
            message = await receive()
            body = message.get("body", b"")
            while message.get("more_body", False):
                message = await receive()
                body += message.get("body", b"")
        whole = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Any:
            return next(whole)

        await self.app(scope, again, send)


class MindsWhoHangsUp:
    """A server that breaks for one call after a caller who did not wait for the answer."""

    def __init__(self, app: Any) -> None:
        self.app, self.broken = app, False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.broken:
            self.broken = False
            raise ConnectionResetError
        watching: list[asyncio.Task[Any]] = []

        async def heard() -> Any:
            message = await receive()
            if not message.get("more_body", False):
                watching.append(asyncio.create_task(receive()))  # of uvicorn it returns when the caller is gone
            return message

        async def told(message: Any) -> None:
            self.broken = self.broken or any(watch.done() for watch in watching)
            await send(message)

        try:
            await self.app(scope, heard, told)
        finally:
            for watch in watching:
                watch.cancel()


async def slow_bills(host: Host, call: Call) -> Any:
    await asyncio.sleep(0.1)
    return await Waterworks().bills(host, call)


async def checked(around: Any, **functions: Any) -> dict[str, tuple[str, ...]]:
    stand: list[Stand] = []

    def app_of(url: str) -> Any:
        stand.append(Stand(SystemClock(), functions, around=around, url=url, http=agency_client(loopback=True)))
        return stand[0].app

    async with served(app_of):
        return shown(await stand[0].check())


async def test_an_honest_server_bears_broken_slow_and_vanishing_callers() -> None:
    assert await checked(None) == {}


@pytest.mark.parametrize(
    ("rule", "around"),
    [
        ("outage.broken-off", NextOneBreaks),
        ("outage.slow-caller", ReadsOneBodyAtATime),
        ("outage.hung-up", MindsWhoHangsUp),
    ],
)
async def test_a_server_that_bears_one_of_them_badly_fails_that_rule_alone(rule: str, around: Any) -> None:
    told = await checked(around, **({"bills": slow_bills} if around is MindsWhoHangsUp else {}))
    assert list(told) == [rule], told
