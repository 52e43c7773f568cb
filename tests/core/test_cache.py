"""A cache is a help: one that hangs or comes back must not hold anybody up."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest
from redis.exceptions import RedisError

from core.cache import CONNECTIONS_MAX, open_redis
from tests.support.valkey import Valkey


@pytest.fixture
def server() -> Iterator[Valkey]:
    """One of our own, because it is stopped."""
    with Valkey.running() as server:
        yield server


async def test_a_cache_that_hangs_is_given_up_soon_and_used_again_when_it_answers(server: Valkey) -> None:
    client, pid = open_redis(server.url), int((server.folder / "valkey.pid").read_text())
    await client.set("kept", b"1")
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(RedisError):
                await client.mget(["kept"])
            assert time.monotonic() - started < 2
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await client.mget(["kept"]) == [b"1"]
    await client.aclose()


async def test_a_cache_that_is_gone_is_an_error_at_once(server: Valkey) -> None:
    client = open_redis(server.url)
    await client.set("kept", b"1")
    server.stop()
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(RedisError):
            await client.mget(["kept"])
        assert time.monotonic() - started < 2
    await client.aclose()


async def test_a_crowd_larger_than_the_pool_waits_for_its_turn_and_is_answered(server: Valkey) -> None:
    client = open_redis(server.url)
    await client.set("kept", b"1")
    found = await asyncio.gather(*(client.get("kept") for _ in range(CONNECTIONS_MAX * 6)))
    assert found == [b"1"] * (CONNECTIONS_MAX * 6)
    connections = len(client.connection_pool._available_connections)
    assert connections <= CONNECTIONS_MAX
    await client.aclose()
