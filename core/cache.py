"""The cache: Redis or Valkey by URL, an in-process stand-in by default."""

from __future__ import annotations

from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis


def open_redis(url: str | None) -> Redis:
    """A client whose answers are bytes. Without a URL, the stand-in, which lives and dies with the process."""
    return FakeAsyncRedis() if url is None else Redis.from_url(url)
