"""Reading facts where they are true: the cache, then the steward's source. Whether to read is the gate's business.

Requests for a fact that is being read already join it. A source that fails, is slow or talks nonsense raises nothing
here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Protocol, TypeAlias, cast
from uuid import UUID

import structlog
from prometheus_client import Counter

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from core.ids import NationalId
from identity.people import PeopleRegister
from services.exchange.answers import (
    INVALID_ANSWER,
    NO_SOURCE,
    NOT_KNOWN,
    SOURCE_FAILED,
    TIMEOUT,
    WRONG_SUBJECT,
    Answer,
    accept,
    reason_of,
    unavailable,
)
from services.exchange.cache import FactCache, Kept, in_groups
from services.exchange.catalogue import Attribute, InvalidAnswer
from services.exchange.errors import SourceSilent
from services.exchange.facts import AttributeSource, FactState, Reading, Value

SOURCE_TIMEOUT_SECONDS: Final = 2.0
"""Of a source that names no limit of its own."""
GRACE_SECONDS: Final = 1.0
"""A source that keeps a limit of its own ends by itself; this much later it is cut off."""
PARTS_AT_ONCE: Final = 8
"""Calls of one source that one `read_many` has under way at once: a bulk run leaves room for citizens."""

__all__ = [
    "INVALID_ANSWER",
    "NOT_KNOWN",
    "NO_SOURCE",
    "SOURCE_FAILED",
    "TIMEOUT",
    "WRONG_SUBJECT",
    "Answer",
    "BatchSource",
    "Reader",
    "Sources",
    "accept",
    "reason_of",
    "unavailable",
]

Sources: TypeAlias = Callable[[], Iterable[AttributeSource]]
"""Those of this moment: plugins are published while the program runs."""
_Key: TypeAlias = tuple[UUID, str]
"""Person and attribute id."""

log = structlog.get_logger(__name__)


class BatchSource(AttributeSource, Protocol):
    """A source that can be asked about several people in one call."""

    @property
    def batch(self) -> int:
        """How many people one call may be about."""
        ...

    async def read_many(
        self, people: Collection[NationalId], attributes: Collection[str]
    ) -> Mapping[NationalId, Mapping[str, Reading]]:
        """By person what :meth:`read` answers. Whoever is left out is not known; nobody else may be in it."""
        ...


@dataclass(frozen=True, slots=True)
class _Part:
    """One call of a source: the same attributes of one person, or of as many as the source takes at once."""

    source: AttributeSource
    people: Sequence[UUID]
    attributes: Sequence[Attribute]

    @property
    def keys(self) -> Iterator[_Key]:
        return ((person, attribute.id) for person in self.people for attribute in self.attributes)

    def all_are(self, answer: Answer) -> dict[_Key, Answer]:
        return dict.fromkeys(self.keys, answer)


_Told: TypeAlias = Mapping[_Key, Answer]


class Reader:
    """One per process: reads of the same fact at the same time are one."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        people: PeopleRegister,
        cache: FactCache,
        sources: Sources,
        timeout_seconds: float = SOURCE_TIMEOUT_SECONDS,
    ) -> None:
        self._database, self._clock, self._people, self._cache = database, clock, people, cache
        self._sources, self._timeout_seconds = sources, timeout_seconds
        self._in_flight: dict[_Key, asyncio.Task[_Told]] = {}
        self._running: set[asyncio.Task[_Told]] = set()
        """The loop itself holds tasks weakly, and whoever asked may have gone."""

    async def read(self, person: UUID, attributes: Collection[Attribute]) -> dict[str, Answer]:
        """An answer for each attribute. None of them is derived."""
        return (await self.read_many([person], attributes))[person]

    async def read_many(
        self, people: Collection[UUID], attributes: Collection[Attribute]
    ) -> dict[UUID, dict[str, Answer]]:
        """By person an answer for each attribute; for bulk runs some thousand people at a time.

        One question to the cache for all. A source that declares a batch is asked about so many people in one call, any
        other about one; of each source at most :data:`PARTS_AT_ONCE` calls are under way. A call that fails leaves the
        others whole. Never raises for a source; whoever the register does not know has unavailable facts.
        """
        kept = await self._cache.get_many(people, attributes)
        now = self._clock.now()
        answers: dict[UUID, dict[str, Answer]] = {}
        wanted: dict[UUID, list[Attribute]] = {}
        for person, last_known in kept.items():
            told = answers[person] = {}
            for attribute in attributes:
                last = last_known.get(attribute.id)
                if last is not None and last.read_at <= now < last.read_at + attribute.freshness:
                    told[attribute.id] = _fresh(last)
                else:
                    wanted.setdefault(person, []).append(attribute)
        count = figures()
        if wanted:
            far = await self._read_far(wanted)
            for person, missing in wanted.items():
                for attribute in missing:
                    answer = _or_last_known(far[person, attribute.id], kept[person].get(attribute.id), attribute, now)
                    count.read[answer.state].inc()
                    answers[person][attribute.id] = answer
        count.cached.inc(len(kept) * len(attributes) - sum(map(len, wanted.values())))
        return answers

    async def keep(self, person: UUID, readings: Mapping[Attribute, Reading]) -> None:
        """Enters facts that an authority told unasked (at sign-in); the values are accepted already."""
        now = self._clock.now()
        await self._cache.put(person, {a: Kept(r.value, r.as_of, now, r.precision) for a, r in readings.items()})

    async def forget(self, person: UUID, kept_at_most: timedelta, attributes: Iterable[Attribute] = ()) -> None:
        """See :meth:`FactCache.forget`. Whoever asks now joins no reading of before. Raises `ServiceUnavailable`."""
        for key in [key for key in self._in_flight if key[0] == person]:
            del self._in_flight[key]
        await self._cache.forget(person, self._clock.now(), kept_at_most, attributes)

    async def _read_far(self, wanted: Mapping[UUID, Sequence[Attribute]]) -> dict[_Key, Answer]:
        """Joins what is being read, and reads the rest; every source is on its own."""
        joined: set[asyncio.Task[_Told]] = set()
        groups: dict[int, tuple[AttributeSource, dict[UUID, list[Attribute]]]] = {}
        answers: dict[_Key, Answer] = {}
        sources = list(self._sources())
        authority = {a.id: _authority(sources, a) for a in {a.id: a for some in wanted.values() for a in some}.values()}
        mine: list[_Key] = []
        for person, attributes in wanted.items():
            for attribute in attributes:
                key = (person, attribute.id)
                running = self._in_flight.get(key)
                source = authority[attribute.id]
                if running is not None:
                    joined.add(running)
                elif source is not None:
                    groups.setdefault(id(source), (source, {}))[1].setdefault(person, []).append(attribute)
                else:
                    answers[key] = unavailable(NO_SOURCE)
                    continue
                mine.append(key)
        tasks = list(joined)
        later: list[tuple[asyncio.Task[_Told], Iterator[_Part]]] = []
        for source, group in groups.values():
            parts = _parts(source, group)
            first = [self._start(part) for part in parts[:PARTS_AT_ONCE]]
            tasks += first
            rest = iter(parts[PARTS_AT_ONCE:])
            later += [(task, rest) for task in first if len(parts) > PARTS_AT_ONCE]
        found = {} if not later else await self._follow(later)
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            found |= task.result()
        return answers | {key: found[key] for key in mine}

    async def _follow(self, later: Sequence[tuple[asyncio.Task[_Told], Iterator[_Part]]]) -> dict[_Key, Answer]:
        """Starts what is left of each source as its calls end, one for one."""
        found: dict[_Key, Answer] = {}

        async def take_turns(task: asyncio.Task[_Told], rest: Iterator[_Part]) -> None:
            while True:
                await asyncio.wait([task])
                found.update(task.result())
                part = next(rest, None)
                if part is None:
                    return
                task = self._start(part)

        await asyncio.gather(*(take_turns(task, rest) for task, rest in later))
        return found

    def _start(self, part: _Part) -> asyncio.Task[_Told]:
        # A task of its own, so that a caller who goes away does not take the answer from those who joined.
        task = asyncio.create_task(self._fetch(part))
        self._running.add(task)
        for key in part.keys:
            self._in_flight[key] = task
        task.add_done_callback(lambda done: self._landed(part, done))
        return task

    def _landed(self, part: _Part, task: asyncio.Task[_Told]) -> None:
        self._running.discard(task)
        for key in part.keys:
            if self._in_flight.get(key) is task:  # after a `forget` another may be reading the same
                del self._in_flight[key]

    async def _fetch(self, part: _Part) -> _Told:
        """Never raises: whatever goes wrong is an answer."""
        asked_at = self._clock.now()
        try:
            async with self._database.read() as session:
                ids = await self._people.reveal_all(session, part.people)
            async with asyncio.timeout(self._limit_seconds(part.source)):
                told = await _ask(part, list(ids.values()))
            readings, refused = _accepted(
                part, {person: told.get(national_id, {}) for person, national_id in ids.items()}
            )
            readings = await self._with_keys(readings)
            await self._cache.put_many(self._to_keep(readings, asked_at))
        except TimeoutError:
            return self._failed(part, TIMEOUT)
        except SitthiError as error:
            return self._failed(part, reason_of(error))
        except Exception as error:  # noqa: BLE001 - a source may fail in any way, and takes nobody down with it
            return self._failed(part, SOURCE_FAILED, error)
        answers = {key: unavailable(INVALID_ANSWER if key in refused else NOT_KNOWN) for key in part.keys}
        for person, of in readings.items():
            for attribute, r in of.items():
                answers[person, attribute.id] = Answer(
                    r.value, r.as_of, FactState.FRESH, read_at=asked_at, precision=r.precision
                )
        return answers

    def _to_keep(
        self, readings: Mapping[UUID, Mapping[Attribute, Reading]], asked_at: datetime
    ) -> dict[UUID, dict[Attribute, Kept]]:
        """But for people who were forgotten while this was being read: of them nothing is put back."""
        me = asyncio.current_task()
        return {
            person: {
                a: Kept(r.value, r.as_of, asked_at, r.precision)
                for a, r in of.items()
                if self._in_flight.get((person, a.id)) is me
            }
            for person, of in readings.items()
        }

    def _limit_seconds(self, source: AttributeSource) -> float:
        own: float | None = getattr(source, "time_limit_seconds", None)
        return self._timeout_seconds if own is None else own + GRACE_SECONDS

    async def _with_keys(self, readings: dict[UUID, dict[Attribute, Reading]]) -> dict[UUID, dict[Attribute, Reading]]:
        """The same with people by the register's keys: a national ID goes no further than here."""
        named = [person for of in readings.values() for a, r in of.items() if a.is_tie for person in _people(r.value)]
        if not named:
            return readings
        async with self._database.write() as session:
            keys = await self._people.resolve(session, named)
        return {
            subject: {
                a: Reading(tuple(keys[person.digits] for person in _people(r.value)), r.as_of) if a.is_tie else r
                for a, r in of.items()
            }
            for subject, of in readings.items()
        }

    def _failed(self, part: _Part, code: str, error: Exception | None = None) -> _Told:
        # Only the kind of the error: its message may hold what the source said about a person.
        kind = type(error).__name__ if error else None
        log.warning("source_failed", agency=part.source.agency, code=code, people=len(part.people), error=kind)
        return part.all_are(unavailable(code))


def _parts(source: AttributeSource, group: Mapping[UUID, list[Attribute]]) -> list[_Part]:
    batch: int = getattr(source, "batch", 0)
    if batch < 1 or len(group) == 1:
        return [_Part(source, [person], attributes) for person, attributes in group.items()]
    alike: dict[tuple[str, ...], list[UUID]] = defaultdict(list)
    for person, attributes in group.items():
        alike[tuple(attribute.id for attribute in attributes)].append(person)
    return [_Part(source, some, group[people[0]]) for people in alike.values() for some in in_groups(people, batch)]


async def _ask(part: _Part, people: Sequence[NationalId]) -> Mapping[NationalId, Mapping[str, Reading]]:
    """What the source says, by person. Raises :class:`SourceSilent` where it speaks of anybody else."""
    names = [attribute.id for attribute in part.attributes]
    if not people:
        return {}
    if len(people) == 1:
        return {people[0]: await part.source.read(people[0], names)}
    source = cast("BatchSource", part.source)  # only such a one has parts of several people
    told = await source.read_many(people, names)
    if not set(told) <= set(people):
        raise SourceSilent(source.agency, WRONG_SUBJECT)
    return told


def _accepted(
    part: _Part, told: Mapping[UUID, Mapping[str, Reading]]
) -> tuple[dict[UUID, dict[Attribute, Reading]], set[_Key]]:
    """What was asked for and makes sense, and what makes none. What nobody asked for is dropped."""
    readings: dict[UUID, dict[Attribute, Reading]] = {}
    refused: set[_Key] = set()
    for person, said in told.items():
        of = readings[person] = {}
        for attribute in part.attributes:
            reading = said.get(attribute.id)
            if reading is None:
                continue
            try:
                of[attribute] = accept(attribute, reading)
            except InvalidAnswer:
                refused.add((person, attribute.id))
                log.warning("source_answered_nonsense", agency=attribute.steward, attribute=attribute.id)
    return readings, refused


def _authority(sources: Iterable[AttributeSource], attribute: Attribute) -> AttributeSource | None:
    """Only the steward's own source counts."""
    return next((s for s in sources if s.agency == attribute.steward and attribute.id in s.provides), None)


def _fresh(kept: Kept) -> Answer:
    return Answer(kept.value, kept.as_of, FactState.FRESH, None, kept.read_at, kept.precision)


def _or_last_known(answer: Answer, last: Kept | None, attribute: Attribute, now: datetime) -> Answer:
    """A silent source leaves the last known value, where the catalogue allows. One that answered has the last word."""
    if answer.known or answer.error in (NOT_KNOWN, INVALID_ANSWER, NO_SOURCE) or last is None:
        return answer
    if not last.read_at <= now < last.read_at + attribute.freshness + attribute.stale:
        return answer
    return Answer(last.value, last.as_of, FactState.STALE, answer.error, last.read_at, last.precision)


def _people(value: Value) -> list[NationalId]:
    assert isinstance(value, tuple)
    return list(value)


class _Figures:
    """What monitoring reads: where facts came from."""

    def __init__(self) -> None:
        counter = Counter("sitthi_facts_read_total", "Facts by where they were read", ["from"])
        self.cached = counter.labels("cache")
        self.read = {
            FactState.FRESH: counter.labels("source"),
            FactState.STALE: counter.labels("stale"),
            FactState.UNAVAILABLE: counter.labels("nowhere"),
        }


@cache
def figures() -> _Figures:
    """Made when first needed, once in a process."""
    return _Figures()
