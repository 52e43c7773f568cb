"""The cache: Redis or Valkey by URL, an in-process stand-in by default."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

_SECONDS_MAX: Final = 0.5
"""Longer than that it is no help: whoever asks goes to where the fact is true."""


def open_redis(url: str | None) -> Redis:
    """A client whose answers are bytes. Without a URL, the stand-in, which lives and dies with the process."""
    if url is not None:
        return Redis.from_url(url, socket_timeout=_SECONDS_MAX, socket_connect_timeout=_SECONDS_MAX)
    from fakeredis import FakeAsyncRedis  # noqa: PLC0415 - a quarter of a second that production need not wait

    return FakeAsyncRedis()
