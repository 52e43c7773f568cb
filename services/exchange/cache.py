"""Facts that were read lately, in Redis, sealed. A cache that is away or talks nonsense is an empty cache."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.crypto import KeyRing, SealBroken
from services.exchange.catalogue import Attribute, InvalidAnswer
from services.exchange.facts import Value

_PREFIX: Final = "exchange:fact"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A value with since when it is true, and when it was read: freshness counts from the reading."""

    value: Value
    as_of: datetime
    read_at: datetime


class FactCache:
    """Each value is sealed and bound to person and attribute, so that one cannot be put in another's place.

    Redis forgets a value when it is neither fresh nor allowed to be stale; which of the two it is, the reader judges by
    `read_at` and the injected clock.
    """

    def __init__(self, redis: Redis, keys: KeyRing) -> None:
        self._redis, self._keys = redis, keys

    async def get(self, person: UUID, attributes: Collection[Attribute]) -> dict[str, Kept]:
        if not attributes:
            return {}
        try:
            found = await self._redis.mget([_name(person, attribute) for attribute in attributes])
        except (RedisError, OSError) as error:
            log.warning("fact_cache_away", error=type(error).__name__)
            return {}
        opened = {
            attribute.id: self._open(person, attribute, sealed)
            for attribute, sealed in zip(attributes, found, strict=True)
            if sealed is not None
        }
        return {name: kept for name, kept in opened.items() if kept is not None}

    async def put(self, person: UUID, kept: Mapping[Attribute, Kept]) -> None:
        if not kept:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for attribute, value in kept.items():
                    name = _name(person, attribute)
                    sealed = self._keys.seal(_dump(attribute, value), bound_to=name)
                    pipeline.set(name, sealed, ex=attribute.freshness + attribute.stale)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("fact_cache_away", error=type(error).__name__)

    def _open(self, person: UUID, attribute: Attribute, sealed: bytes | str) -> Kept | None:
        assert isinstance(sealed, bytes), "the client of core.cache answers bytes"
        try:
            value, as_of, read_at = orjson.loads(self._keys.open(sealed, bound_to=_name(person, attribute)))
            return Kept(attribute.type.load(value), datetime.fromisoformat(as_of), datetime.fromisoformat(read_at))
        except (SealBroken, InvalidAnswer, ValueError, TypeError):
            log.warning("fact_cache_unreadable", attribute=attribute.id)
            return None


def _dump(attribute: Attribute, kept: Kept) -> bytes:
    return orjson.dumps([attribute.type.dump(kept.value), kept.as_of.isoformat(), kept.read_at.isoformat()])


def _name(person: UUID, attribute: Attribute) -> str:
    return f"{_PREFIX}:{person.hex}:{attribute.id}"
