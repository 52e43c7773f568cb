"""The cache: Redis or Valkey by URL, an in-process stand-in by default."""

from __future__ import annotations

from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis

CONNECTIONS_MAX: Final = 100
"""Of a process. Who finds none free waits for one: a crowd is no reason to pass the cache by, which would cost its
sources far more."""
_TURN_SECONDS_MAX: Final = 2.0
"""How long one waits for a connection. That all are in use says that we are busy, not that the cache is away."""
_SECONDS_MAX: Final = 0.5
"""Longer than that it is no help: whoever asks goes to where the fact is true."""


def open_redis(url: str | None) -> Redis:
    """A client whose answers are bytes. Without a URL, the stand-in, which lives and dies with the process."""
    if url is not None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=_TURN_SECONDS_MAX,
            socket_timeout=_SECONDS_MAX,
            socket_connect_timeout=_SECONDS_MAX,
        )
        return Redis.from_pool(pool)
    from fakeredis import FakeAsyncRedis  # noqa: PLC0415 - a quarter of a second that production need not wait

    return FakeAsyncRedis()
