"""Word of changes, carried from the table to those who listen in this process, whoever wrote it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database
from core.database_faults import DatabaseUnavailable
from identity.inbox.models import Change
from identity.inbox.repository import ChangesRead

POLL_SECONDS: Final = 0.5
LOOK_BACK_SECONDS: Final = 60.0
"""A row's id is made before its transaction commits, so a row may appear below ids already seen: each look goes back
this far and leaves out what was told. A transaction that lasts longer is told of by the next look at the data."""
_WAITING_MAX: Final = 1_000
"""Changes kept for a listener that does not take them; then the eldest are dropped."""

log = structlog.get_logger()


class _Listener:
    def __init__(self, told: set[UUID]) -> None:
        self.told = told
        self.waiting: asyncio.Queue[Change] = asyncio.Queue(_WAITING_MAX)

    def tell(self, change: Change) -> None:
        if change.id in self.told:
            return
        self.told.add(change.id)
        if self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(change)

    def forget_below(self, floor: UUID) -> None:
        self.told = {key for key in self.told if key > floor}


class Changes:
    """One poller per process, shared by all listeners, that runs while there are any."""

    def __init__(self, db: Database, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._db, self._poll_seconds = db, poll_seconds
        self._listeners: defaultdict[UUID, set[_Listener]] = defaultdict(set)
        self._poller: asyncio.Task[None] | None = None

    async def of(self, person: UUID) -> AsyncGenerator[Change]:
        """The person's changes that are committed from now on, until the listener leaves."""
        floor = _floor()
        async with self._db.read() as session:
            listener = _Listener({change.id for change in await ChangesRead(session).since([person], floor)})
        self._listeners[person].add(listener)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            while True:
                yield await listener.waiting.get()
        finally:
            self._listeners[person].discard(listener)
            if not self._listeners[person]:
                del self._listeners[person]

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
        floor = _floor()
        async with self._db.read() as session:
            found = await ChangesRead(session).since(list(self._listeners), floor)
        for change in found:
            for listener in self._listeners.get(change.person, ()):
                listener.tell(change)
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.forget_below(floor)


def _floor() -> UUID:
    """The least id (UUID version 7) that could have been made within the look-back."""
    milliseconds = time.time_ns() // 1_000_000 - int(LOOK_BACK_SECONDS * 1_000)
    return UUID(int=milliseconds << 80)
