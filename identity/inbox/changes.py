"""Word of changes, carried from the table to those who listen in this process, whoever wrote it.

Nothing is lost in silence: who comes back says what they heard last and is told what came since, and who cannot be told
one by one, because it was too long ago or because they take it too slowly, is told to fetch everything anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.ids import new_id
from core.rate_limits import RateLimited
from identity.inbox.models import Change
from identity.inbox.repository import ChangesRead

POLL_SECONDS: Final = 0.5
LOOK_BACK_SECONDS: Final = 60.0
"""A row's id is made before its transaction commits, so a row may appear below ids already seen: each look goes back
this far from the look before, and leaves out what was told. A transaction that lasts longer is told of by the next look
at the data."""
WAITING_MAX: Final = 1_000
"""Changes kept for a listener that does not take them, and told to one who comes back; beyond, they fetch all anew."""
PEOPLE_MAX: Final = 10_000
"""Of one statement: PostgreSQL and SQLite take no more than some 32,767 parameters."""
LISTENERS_MAX: Final = 30
"""Of one person in this process, on all their devices: what each has missed is in memory until it takes it."""
AGAIN_SECONDS: Final = 60
"""So long whoever listens too often already is told to wait."""
TOLD_AFTERWARDS: Final = timedelta(days=7)
"""So long after what they heard last somebody may come back and be told change by change."""
_MILLISECONDS_AT: Final = 80
"""Where in an id the time of its making stands (RFC 9562 §5.7)."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Resync:
    """Some changes cannot be told one by one: what is shown is to be fetched anew. What comes after `id` is told."""

    id: UUID


Told: TypeAlias = Change | Resync


class _Listener:
    """`floor`: what has an id below was before its time. `told`: what it need not hear, though it lies above."""

    def __init__(self, floor: UUID, told: set[UUID]) -> None:
        self.floor, self.told = floor, told
        self._waiting: deque[Told] = deque()
        self._woken = asyncio.Event()

    def tell(self, change: Change) -> None:
        if change.id in self.told or change.id <= self.floor:
            return
        self.told.add(change.id)
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.clear()
            self._waiting.append(Resync(new_id()))
            log.info("changes_taken_too_slowly")
        else:
            self._waiting.append(change)
        self._woken.set()

    def forget_below(self, floor: UUID) -> None:
        self.told = {key for key in self.told if key > floor}

    async def next(self) -> Told:
        while not self._waiting:
            self._woken.clear()
            await self._woken.wait()
        return self._waiting.popleft()


class Changes:
    """One poller per process, shared by all listeners, that runs while there are any."""

    def __init__(self, db: Database, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._db, self._poll_seconds = db, poll_seconds
        self._listeners: defaultdict[UUID, set[_Listener]] = defaultdict(set)
        self._poller: asyncio.Task[None] | None = None
        self._looked_at = _now()

    async def of(self, person: UUID, after: UUID | None = None) -> AsyncGenerator[Told]:
        """The person's changes that are committed from now on, until the listener leaves.

        With `after`, the id of what they heard last or of :func:`here`, first what came since: each thing once.
        Of the minute before it some may come again, since what was committed late lies below it.
        Raises `RateLimited` for one more than :data:`LISTENERS_MAX`.
        """
        self._refuse_one_too_many(person)
        listener, missed = await self._begun(person, after)
        self._refuse_one_too_many(person)  # of those that began meanwhile
        self._listeners[person].add(listener)
        if self._poller is None or self._poller.done():
            self._looked_at = _now()
            self._poller = asyncio.create_task(self._poll())
        try:
            while missed:
                yield missed.popleft()  # and nothing holds it any more
            while True:
                yield await listener.next()
        finally:
            self._listeners[person].discard(listener)
            if not self._listeners[person]:
                del self._listeners[person]

    def _refuse_one_too_many(self, person: UUID) -> None:
        if len(self._listeners.get(person, ())) >= LISTENERS_MAX:
            raise RateLimited(AGAIN_SECONDS)

    async def _begun(self, person: UUID, after: UUID | None) -> tuple[_Listener, deque[Told]]:
        """A listener, and what it missed."""
        floor = _id_at(_now() - LOOK_BACK_SECONDS)
        async with self._db.read() as session:
            read = ChangesRead(session)
            listener = _Listener(floor, {change.id for change in await read.since([person], floor)})
            if after is None:
                return listener, deque()
            if _is_too_old(after):
                return listener, deque([Resync(new_id())])
            found = await read.of_one(person, _id_at(_made_at(after) - LOOK_BACK_SECONDS), WAITING_MAX + 1)
        listener.told |= {change.id for change in found}
        return listener, deque(_latest_of_each(found) if len(found) <= WAITING_MAX else [Resync(new_id())])

    async def close(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller

    async def _poll(self) -> None:
        while self._listeners:
            try:
                await self._look()
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                # The database is away for a moment; the look-back makes up for it.
                log.warning("changes_not_read", error=type(error).__name__)
            await asyncio.sleep(self._poll_seconds)

    async def _look(self) -> None:
        began = _now()
        floor = _id_at(min(self._looked_at, began) - LOOK_BACK_SECONDS)
        people, found = list(self._listeners), list[Change]()
        async with self._db.read() as session:
            for start in range(0, len(people), PEOPLE_MAX):
                found += await ChangesRead(session).since(people[start : start + PEOPLE_MAX], floor)
        for change in found:
            for listener in self._listeners.get(change.person, ()):
                listener.tell(change)
        self._looked_at = began
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.forget_below(floor)


def here() -> UUID:
    """What to listen after for all that changes from this moment on."""
    return new_id()


def _latest_of_each(found: Sequence[Change]) -> Sequence[Change]:
    """One word for each thing, however often it changed, in the order of the last."""
    latest = {(change.kind, change.subject): change for change in found}
    return sorted(latest.values(), key=lambda change: change.id)


def _is_too_old(after: UUID) -> bool:
    """Or not of this world: an id that nobody can have made yet."""
    age = _now() - _made_at(after)
    return not -LOOK_BACK_SECONDS <= age <= TOLD_AFTERWARDS.total_seconds()


def _now() -> float:
    """In seconds, as :func:`core.ids.new_id` takes the time: no domain time."""
    return time.time_ns() / 1e9


def _made_at(key: UUID) -> float:
    return (key.int >> _MILLISECONDS_AT) / 1_000


def _id_at(seconds: float) -> UUID:
    """The least id (UUID version 7) that could have been made then."""
    return UUID(int=max(int(seconds * 1_000), 0) << _MILLISECONDS_AT)
