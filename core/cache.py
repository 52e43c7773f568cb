"""The cache: Redis or Valkey by URL, an in-process stand-in by default."""

from __future__ import annotations

from redis.asyncio import Redis


def open_redis(url: str | None) -> Redis:
    """A client whose answers are bytes. Without a URL, the stand-in, which lives and dies with the process."""
    if url is not None:
        return Redis.from_url(url)
    from fakeredis import FakeAsyncRedis  # noqa: PLC0415 - a quarter of a second that production need not wait

    return FakeAsyncRedis()
