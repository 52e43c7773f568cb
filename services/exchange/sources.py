"""Reading facts where they are true: the cache, then the steward's source. Whether to read is the gate's business.

Requests for a fact that is being read already join it. A source that fails, is slow or talks nonsense raises nothing
here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final, TypeAlias
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
from services.exchange.batches import Key, Part, ask, parts_of
from services.exchange.cache import FactCache, Kept
from services.exchange.catalogue import Attribute, InvalidAnswer
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
    "Reader",
    "Sources",
    "accept",
    "reason_of",
    "unavailable",
]

Sources: TypeAlias = Callable[[], Iterable[AttributeSource]]
"""Those of this moment: plugins are published while the program runs."""

log = structlog.get_logger(__name__)


Known: TypeAlias = Mapping[UUID, Mapping[str, Kept]]
"""What the cache holds, by person and attribute id."""
_Told: TypeAlias = Mapping[Key, Answer]


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
        self._in_flight: dict[Key, asyncio.Task[_Told]] = {}
        self._running: set[asyncio.Task[_Told]] = set()
        """The loop itself holds tasks weakly, and whoever asked may have gone."""

    async def read(
        self, person: UUID, attributes: Collection[Attribute], known: Known | None = None
    ) -> dict[str, Answer]:
        """An answer for each attribute. None of them is derived."""
        return (await self.read_many([person], attributes, known))[person]

    async def known(self, people: Collection[UUID], attributes: Collection[Attribute]) -> Known:
        """What the cache holds, fresh or not, by person and attribute id. Asks nobody outside."""
        return await self._cache.get_many(people, attributes)

    def settled(self, known: Mapping[str, Kept], attributes: Collection[Attribute]) -> dict[str, Answer] | None:
        """The answers, if all of them are known and fresh: then nobody has to be asked. Else None."""
        now = self._clock.now()
        told: dict[str, Answer] = {}
        for attribute in attributes:
            kept = known.get(attribute.id)
            if kept is None or not _is_fresh(kept, attribute, now):
                return None
            told[attribute.id] = _fresh(kept)
        figures().cached.inc(len(told))
        return told

    async def read_many(
        self, people: Collection[UUID], attributes: Collection[Attribute], known: Known | None = None
    ) -> dict[UUID, dict[str, Answer]]:
        """By person an answer for each attribute; for bulk runs some thousand people at a time.

        One question to the cache for all, unless it was asked already and `known` is what it held. A source that
        declares a batch is asked about so many people in one call, any other about one; of each source at most
        :data:`PARTS_AT_ONCE` calls are under way. A call that fails leaves the others whole. Never raises for a source;
        whoever the register does not know has unavailable facts.
        """
        kept = await self._cache.get_many(people, attributes) if known is None else known
        now = self._clock.now()
        answers: dict[UUID, dict[str, Answer]] = {}
        wanted: dict[UUID, list[Attribute]] = {}
        for person in dict.fromkeys(people):
            told = answers[person] = {}
            for attribute in attributes:
                last = kept[person].get(attribute.id)
                if last is not None and _is_fresh(last, attribute, now):
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
        count.cached.inc(len(answers) * len(attributes) - sum(map(len, wanted.values())))
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

    async def _read_far(self, wanted: Mapping[UUID, Sequence[Attribute]]) -> dict[Key, Answer]:
        """Joins what is being read, and reads the rest; every source is on its own."""
        joined: set[asyncio.Task[_Told]] = set()
        groups: dict[int, tuple[AttributeSource, dict[UUID, list[Attribute]]]] = {}
        answers: dict[Key, Answer] = {}
        sources = list(self._sources())
        authority = {a.id: _authority(sources, a) for a in {a.id: a for some in wanted.values() for a in some}.values()}
        mine: list[Key] = []
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
        later: list[tuple[asyncio.Task[_Told], Iterator[Part]]] = []
        for source, group in groups.values():
            parts = parts_of(source, group)
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

    async def _follow(self, later: Sequence[tuple[asyncio.Task[_Told], Iterator[Part]]]) -> dict[Key, Answer]:
        """Starts what is left of each source as its calls end, one for one."""
        found: dict[Key, Answer] = {}

        async def take_turns(task: asyncio.Task[_Told], rest: Iterator[Part]) -> None:
            while True:
                await asyncio.wait([task])
                found.update(task.result())
                part = next(rest, None)
                if part is None:
                    return
                task = self._start(part)

        await asyncio.gather(*(take_turns(task, rest) for task, rest in later))
        return found

    def _start(self, part: Part) -> asyncio.Task[_Told]:
        # A task of its own, so that a caller who goes away does not take the answer from those who joined.
        task = asyncio.create_task(self._fetch(part))
        self._running.add(task)
        for key in part.keys:
            self._in_flight[key] = task
        task.add_done_callback(lambda done: self._landed(part, done))
        return task

    def _landed(self, part: Part, task: asyncio.Task[_Told]) -> None:
        self._running.discard(task)
        for key in part.keys:
            if self._in_flight.get(key) is task:  # after a `forget` another may be reading the same
                del self._in_flight[key]

    async def _fetch(self, part: Part) -> _Told:
        """Never raises: whatever goes wrong is an answer."""
        asked_at = self._clock.now()
        try:
            async with self._database.read() as session:
                ids = await self._people.reveal_all(session, part.people)
            said = await ask(part, list(ids.values()), self._limit_seconds(part.source))
            readings, refused = _accepted(part, {person: said.told.get(number, {}) for person, number in ids.items()})
            readings = await self._with_keys(readings)
            await self._cache.put_many(self._to_keep(readings, asked_at))
        except Exception as error:  # noqa: BLE001 - ours then, the database's for instance; the citizen reads the same
            code = reason_of(error) if isinstance(error, SitthiError) else SOURCE_FAILED
            part.failed(code, len(part.people), error)
            return part.all_are(unavailable(code))
        codes = {person: said.failed.get(number, NOT_KNOWN) for person, number in ids.items()}
        answers = {
            key: unavailable(INVALID_ANSWER if key in refused else codes.get(key[0], NOT_KNOWN)) for key in part.keys
        }
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


def _accepted(
    part: Part, told: Mapping[UUID, Mapping[str, Reading]]
) -> tuple[dict[UUID, dict[Attribute, Reading]], set[Key]]:
    """What was asked for and makes sense, and what makes none. What nobody asked for is dropped."""
    readings: dict[UUID, dict[Attribute, Reading]] = {}
    refused: set[Key] = set()
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


def _is_fresh(kept: Kept, attribute: Attribute, now: datetime) -> bool:
    return kept.read_at <= now < kept.read_at + attribute.freshness


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
