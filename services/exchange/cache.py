"""Facts that were read lately, in Redis, sealed. A cache that is away or talks nonsense is an empty cache."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.crypto import KeyRing, SealBroken
from core.errors import ServiceUnavailable
from core.text import Text
from core.thai_dates import Precision
from services.exchange.catalogue import Attribute, InvalidAnswer
from services.exchange.facts import Value

_PREFIX: Final = "exchange:fact"
_CORRECTED: Final = "exchange:corrected"
CORRECTION_SETTLES: Final = timedelta(seconds=15)
"""A reading that was under way when a number was corrected is over by then, also by a clock a little ahead of ours."""

NAMES_AT_ONCE: Final = 2_000
"""Values asked for in one command: what a bulk run reads must not hold Redis up for others."""

_CACHE: Final = Text(th="หน่วยความจำข้อมูล", en="The cache of facts")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A value with since when it is true, and when its source was asked: freshness counts from the asking."""

    value: Value
    as_of: datetime
    read_at: datetime
    precision: Precision = Precision.DAY


class FactCache:
    """Each value is sealed and bound to person and attribute, so that one cannot be put in another's place.

    Redis forgets a value when it is neither fresh nor allowed to be stale; which of the two it is, the reader judges by
    `read_at` and the injected clock. A value is kept under the person, who outlives a corrected national ID: so a
    correction leaves a mark beside the values, and what was read before it is not told (:meth:`forget`).
    """

    def __init__(self, redis: Redis, keys: KeyRing) -> None:
        self._redis, self._keys = redis, keys

    async def get(self, person: UUID, attributes: Collection[Attribute]) -> dict[str, Kept]:
        return (await self.get_many([person], attributes))[person]

    async def get_many(
        self, people: Collection[UUID], attributes: Collection[Attribute]
    ) -> dict[UUID, dict[str, Kept]]:
        """What is kept, by person and attribute id; every person is in it."""
        kept: dict[UUID, dict[str, Kept]] = {person: {} for person in people}
        if not attributes:
            return kept
        some = max(1, NAMES_AT_ONCE // (len(attributes) + 1))
        try:
            for group in in_groups(kept, some):
                names = [name for person in group for name in _names(person, attributes)]
                found = iter(await self._redis.mget(names))
                for person in group:
                    kept[person] = self._opened(person, attributes, next(found), found)
        except (RedisError, OSError) as error:
            log.warning("fact_cache_away", error=type(error).__name__)
        return kept

    def _opened(
        self,
        person: UUID,
        attributes: Collection[Attribute],
        mark: bytes | str | None,
        found: Iterator[bytes | str | None],
    ) -> dict[str, Kept]:
        since = _since(mark)
        told: dict[str, Kept] = {}
        for attribute in attributes:
            sealed = next(found)
            kept = None if sealed is None else self._open(person, attribute, sealed)
            if kept is not None and (since is None or kept.read_at > since):
                told[attribute.id] = kept
        return told

    async def forget(
        self, person: UUID, at: datetime, kept_at_most: timedelta, attributes: Iterable[Attribute] = ()
    ) -> None:
        """What was read of the person until `at`, and shortly after, is told no more; of `attributes` it is deleted.

        `kept_at_most` is the longest that any value is kept. Raises :class:`ServiceUnavailable`: a mark that was not
        left would tell the former number's facts when Redis is back.
        """
        since = (at + CORRECTION_SETTLES).isoformat()
        names = [_name(person, attribute) for attribute in attributes]
        try:
            await self._redis.set(_mark(person), since, ex=kept_at_most + 2 * CORRECTION_SETTLES)
            if names:
                await self._redis.unlink(*names)
        except (RedisError, OSError) as error:
            log.error("fact_cache_away", error=type(error).__name__)  # noqa: TRY400 - the driver's words are not needed
            raise ServiceUnavailable(_CACHE) from error

    async def put(self, person: UUID, kept: Mapping[Attribute, Kept]) -> None:
        await self.put_many({person: kept})

    async def put_many(self, kept: Mapping[UUID, Mapping[Attribute, Kept]]) -> None:
        if not any(kept.values()):
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for person, values in kept.items():
                    for attribute, value in values.items():
                        name = _name(person, attribute)
                        sealed = self._keys.seal(_dump(attribute, value), bound_to=name)
                        pipeline.set(name, sealed, ex=attribute.freshness + attribute.stale)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("fact_cache_away", error=type(error).__name__)

    def _open(self, person: UUID, attribute: Attribute, sealed: bytes | str) -> Kept | None:
        assert isinstance(sealed, bytes), "the client of core.cache answers bytes"
        try:
            value, as_of, read_at, *more = orjson.loads(self._keys.open(sealed, bound_to=_name(person, attribute)))
            known = Precision(more[0]) if more else Precision.DAY
            value = attribute.type.load(value)
            return Kept(value, datetime.fromisoformat(as_of), datetime.fromisoformat(read_at), known)
        except (SealBroken, InvalidAnswer, ValueError, TypeError):
            log.warning("fact_cache_unreadable", attribute=attribute.id)
            return None


def _dump(attribute: Attribute, kept: Kept) -> bytes:
    written = [attribute.type.dump(kept.value), kept.as_of.isoformat(), kept.read_at.isoformat()]
    if kept.precision is not Precision.DAY:
        written.append(kept.precision)
    return orjson.dumps(written)


def in_groups(people: Iterable[UUID], size: int) -> Iterator[Sequence[UUID]]:
    """The people in their order, `size` at a time."""
    ordered = list(people)
    return (ordered[start : start + size] for start in range(0, len(ordered), size))


def _names(person: UUID, attributes: Iterable[Attribute]) -> Iterator[str]:
    yield _mark(person)
    for attribute in attributes:
        yield _name(person, attribute)


def _mark(person: UUID) -> str:
    return f"{_CORRECTED}:{person.hex}"


def _since(mark: bytes | str | None) -> datetime | None:
    if mark is None:
        return None
    assert isinstance(mark, bytes), "the client of core.cache answers bytes"
    try:
        return datetime.fromisoformat(mark.decode())
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)  # something was corrected: nothing that is kept can be trusted


def _name(person: UUID, attribute: Attribute) -> str:
    return f"{_PREFIX}:{person.hex}:{attribute.id}"
