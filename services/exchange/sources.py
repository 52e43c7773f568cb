"""Reading facts where they are true: the cache, then the steward's source. Whether to read is the gate's business.

Requests for a fact that is being read already join it. A source that fails, is slow or talks nonsense raises nothing
here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from core.clock import Clock
from core.database import Database
from core.errors import NotFound, SitthiError
from core.ids import NationalId
from identity.people import PeopleRegister
from services.exchange.cache import FactCache, Kept
from services.exchange.catalogue import Attribute, InvalidAnswer
from services.exchange.facts import AttributeSource, Fact, FactState, Reading, Value

SOURCE_TIMEOUT_SECONDS: Final = 2.0

NO_SOURCE: Final = "NO_SOURCE"
"""No agency that is connected is the authority for it."""
NOT_KNOWN: Final = "NOT_KNOWN"
"""The source answered, and does not know this person's value."""
TIMEOUT: Final = "TIMEOUT"
SOURCE_FAILED: Final = "SERVICE_UNAVAILABLE"
INVALID_ANSWER: Final = InvalidAnswer.code

Sources: TypeAlias = Callable[[], Iterable[AttributeSource]]
"""Those of this moment: plugins are published while the program runs."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of reading one attribute. `error` is a stable code where something went wrong, STALE included."""

    value: Value
    as_of: datetime | None
    state: FactState
    error: str | None = None

    @property
    def known(self) -> bool:
        return self.state in (FactState.FRESH, FactState.STALE)

    def as_fact(self, attribute: Attribute) -> Fact:
        return Fact(attribute.id, self.value, attribute.steward, self.as_of, self.state)


def unavailable(error: str) -> Answer:
    return Answer(None, None, FactState.UNAVAILABLE, error)


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
        self._in_flight: dict[tuple[UUID, str], asyncio.Task[Mapping[str, Answer]]] = {}

    async def read(self, person: UUID, attributes: Collection[Attribute]) -> dict[str, Answer]:
        """An answer for each attribute. None of them is derived."""
        kept = await self._cache.get(person, attributes)
        now = self._clock.now()
        answers: dict[str, Answer] = {}
        wanted: list[Attribute] = []
        for attribute in attributes:
            last = kept.get(attribute.id)
            if last is not None and last.read_at <= now < last.read_at + attribute.freshness:
                answers[attribute.id] = Answer(last.value, last.as_of, FactState.FRESH)
            else:
                wanted.append(attribute)
        told = await self._read_far(person, wanted)
        return answers | {a.id: _or_last_known(told[a.id], kept.get(a.id), a, now) for a in wanted}

    async def keep(self, person: UUID, readings: Mapping[Attribute, Reading]) -> None:
        """Enters facts that an authority told unasked (at sign-in); the values are accepted already."""
        now = self._clock.now()
        await self._cache.put(person, {a: Kept(r.value, r.as_of, now) for a, r in readings.items()})

    async def forget(self, person: UUID, kept_at_most: timedelta) -> None:
        """See :meth:`FactCache.forget`. Whoever asks now joins no reading of before. Raises `ServiceUnavailable`."""
        for key in [key for key in self._in_flight if key[0] == person]:
            del self._in_flight[key]
        await self._cache.forget(person, self._clock.now(), kept_at_most)

    async def _read_far(self, person: UUID, wanted: Collection[Attribute]) -> dict[str, Answer]:
        by_task: dict[asyncio.Task[Mapping[str, Answer]], list[str]] = defaultdict(list)
        fresh: dict[int, tuple[AttributeSource, list[Attribute]]] = {}
        answers: dict[str, Answer] = {}
        sources = list(self._sources())
        for attribute in wanted:
            running = self._in_flight.get((person, attribute.id))
            if running is not None:
                by_task[running].append(attribute.id)
            elif (source := _authority(sources, attribute)) is not None:
                fresh.setdefault(id(source), (source, []))[1].append(attribute)
            else:
                answers[attribute.id] = unavailable(NO_SOURCE)
        for source, group in fresh.values():
            # A task of its own, so that a caller who goes away does not take the answer from those who joined.
            task = asyncio.create_task(self._fetch(source, person, group))
            by_task[task].extend(attribute.id for attribute in group)
            for attribute in group:
                self._in_flight[person, attribute.id] = task
            task.add_done_callback(partial(self._landed, person, [attribute.id for attribute in group]))
        if by_task:
            await asyncio.wait(by_task)
        for task, names in by_task.items():
            answers |= {name: task.result()[name] for name in names}
        return answers

    def _landed(self, person: UUID, names: Iterable[str], _: asyncio.Task[Mapping[str, Answer]]) -> None:
        for name in names:
            self._in_flight.pop((person, name), None)

    async def _fetch(self, source: AttributeSource, person: UUID, group: list[Attribute]) -> Mapping[str, Answer]:
        """Never raises: whatever goes wrong is an answer."""
        try:
            async with self._database.read() as session:
                national_id = await self._people.reveal(session, person)
            async with asyncio.timeout(self._timeout_seconds):
                told = await source.read(national_id, [attribute.id for attribute in group])
            readings, refused = self._accepted(group, told)
            readings = await self._with_keys(readings)
            now = self._clock.now()
            await self._cache.put(person, {a: Kept(r.value, r.as_of, now) for a, r in readings.items()})
        except TimeoutError:
            return self._failed(source, group, TIMEOUT)
        except NotFound:
            return self._failed(source, group, NOT_KNOWN)
        except SitthiError as error:
            return self._failed(source, group, error.code)
        except Exception as error:  # noqa: BLE001 - a source may fail in any way, and takes nobody down with it
            return self._failed(source, group, SOURCE_FAILED, error)
        known = {a.id: Answer(r.value, r.as_of, FactState.FRESH) for a, r in readings.items()}
        return {a.id: known.get(a.id) or unavailable(INVALID_ANSWER if a in refused else NOT_KNOWN) for a in group}

    def _accepted(
        self, group: list[Attribute], told: Mapping[str, Reading]
    ) -> tuple[dict[Attribute, Reading], set[Attribute]]:
        """What was asked for and makes sense, and what makes none. What nobody asked for is dropped."""
        readings: dict[Attribute, Reading] = {}
        refused: set[Attribute] = set()
        for attribute in group:
            reading = told.get(attribute.id)
            if reading is None:
                continue
            try:
                readings[attribute] = accept(attribute, reading)
            except InvalidAnswer:
                refused.add(attribute)
                log.warning("source_answered_nonsense", agency=attribute.steward, attribute=attribute.id)
        return readings, refused

    async def _with_keys(self, readings: dict[Attribute, Reading]) -> dict[Attribute, Reading]:
        """The same with people by the register's keys: a national ID goes no further than here."""
        named = [person for a, r in readings.items() if a.is_tie for person in _people(r.value)]
        if not named:
            return readings
        async with self._database.write() as session:
            keys = await self._people.resolve(session, named)
        return {
            a: Reading(tuple(keys[person.digits] for person in _people(r.value)), r.as_of) if a.is_tie else r
            for a, r in readings.items()
        }

    def _failed(
        self, source: AttributeSource, group: list[Attribute], code: str, error: Exception | None = None
    ) -> Mapping[str, Answer]:
        # Only the kind of the error: its message may hold what the source said about a person.
        log.warning("source_failed", agency=source.agency, code=code, error=type(error).__name__ if error else None)
        return {attribute.id: unavailable(code) for attribute in group}


def accept(attribute: Attribute, reading: object) -> Reading:
    """Raises :class:`InvalidAnswer` for a wrong value, and for an instant without a zone."""
    if not isinstance(reading, Reading) or reading.as_of.tzinfo is None:
        raise InvalidAnswer
    return Reading(attribute.type.accept(reading.value), reading.as_of)


def _authority(sources: Iterable[AttributeSource], attribute: Attribute) -> AttributeSource | None:
    """Only the steward's own source counts."""
    return next((s for s in sources if s.agency == attribute.steward and attribute.id in s.provides), None)


def _or_last_known(answer: Answer, last: Kept | None, attribute: Attribute, now: datetime) -> Answer:
    """A silent source leaves the last known value, where the catalogue allows. One that answered has the last word."""
    if answer.known or answer.error in (NOT_KNOWN, INVALID_ANSWER, NO_SOURCE) or last is None:
        return answer
    if not last.read_at <= now < last.read_at + attribute.freshness + attribute.stale:
        return answer
    return Answer(last.value, last.as_of, FactState.STALE, answer.error)


def _people(value: Value) -> list[NationalId]:
    assert isinstance(value, tuple)
    return list(value)
