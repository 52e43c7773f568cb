"""What was revoked, known in every process within a second (docs/adr/0012).

Verifying an access token asks no database. So each serving process keeps the ids that were revoked and whose tokens
have not expired yet, and reads the new ones all the time. A process that serves nobody, a command, asks the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from core.errors import ServiceUnavailable
from core.text import Text
from identity.provider.models import Revocation

POLL_SECONDS: Final = 0.3
STALE_SECONDS: Final = 10.0
"""After that long without a look no token is believed: it may have been revoked a while ago."""
WHOLE_EVERY_SECONDS: Final = 60.0
_LOOK_SECONDS_MAX: Final = 5.0
LOOK_BACK: Final = timedelta(seconds=60)
"""A row is dated before its transaction commits, and by the clock of another machine: each look goes back this far."""
_ALL: Final = select(col(Revocation.id), col(Revocation.until))
_WHOLE: Final = _ALL.where(col(Revocation.until) > bindparam("since"))
_NEW: Final = _ALL.where(col(Revocation.at) >= bindparam("since"))
_SERVICE: Final = Text(th="รายการการเข้าสู่ระบบที่สิ้นสุดแล้ว", en="The list of sign-ins that have ended")

log = structlog.get_logger()


class RevocationsUnknown(ServiceUnavailable):
    """Nobody can say just now whether the token still works, so it does not."""

    def __init__(self) -> None:
        super().__init__(_SERVICE)


class Revocations:
    """The ids of revoked families, access tokens and clients (`endings.client_mark`).

    Inside :meth:`watching` they lie in memory; `version` grows whenever one is added. Outside, each question is one to
    the table.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        poll_seconds: float = POLL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._clock, self._poll_seconds, self._monotonic = db, clock, poll_seconds, monotonic
        self._until: dict[UUID, datetime] = {}
        self._version = 0
        self._stale_at = float("-inf")
        self._whole_at = float("-inf")
        self._looked_at = clock.now()
        self._watchers = 0
        self._listeners: dict[UUID, set[asyncio.Event]] = {}

    def version(self) -> int | None:
        """Of what is known now; None where the table is asked at each use.

        Raises :class:`RevocationsUnknown` when it is too long ago that the list could be read.
        """
        if not self._watchers:
            return None
        if self._monotonic() > self._stale_at:
            raise RevocationsUnknown
        return self._version

    async def any(self, ids: Iterable[UUID]) -> bool:
        """Whether one of these was revoked. Raises :class:`RevocationsUnknown`, `DatabaseUnavailable`."""
        if self.version() is not None:
            return any(one in self._until for one in ids)
        async with self._db.read() as session:
            found = await session.execute(select(col(Revocation.id)).where(col(Revocation.id).in_(list(ids))).limit(1))
        return found.first() is not None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Keeps the list fresh while the block runs, which begins when it was read once. May be nested."""
        await self._look(whole=True)
        self._watchers += 1
        task = asyncio.create_task(self._watch(), name="revocations")
        try:
            yield
        finally:
            self._watchers -= 1
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until_revoked(self, ids: Collection[UUID]) -> None:
        """Returns once one of these was revoked; at once, if one is."""
        woken = asyncio.Event()
        for one in ids:
            self._listeners.setdefault(one, set()).add(woken)
        try:
            while not await self._surely_revoked(ids):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), None if self._watchers else self._poll_seconds)
                woken.clear()
        finally:
            for one in ids:
                self._listeners[one].discard(woken)
                if not self._listeners[one]:
                    del self._listeners[one]

    async def _surely_revoked(self, ids: Collection[UUID]) -> bool:
        try:
            return await self.any(ids)
        except ServiceUnavailable:  # what is under way goes on until it is known to have ended
            return False

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                async with asyncio.timeout(_LOOK_SECONDS_MAX):
                    await self._look(whole=self._monotonic() >= self._whole_at)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may do better
                log.warning("revocations_not_read", error=type(error).__name__)

    async def _look(self, *, whole: bool) -> None:
        began, now = self._monotonic(), self._clock.now()
        query, since = (_WHOLE, now) if whole else (_NEW, min(self._looked_at, now) - LOOK_BACK)
        found: dict[UUID, datetime] = {row.id: row.until for row in await self._db.alone(query, {"since": since})}
        new = found.keys() - self._until.keys()
        self._until = found if whole else {**self._until, **found} if new else self._until
        if whole:
            self._whole_at = began + WHOLE_EVERY_SECONDS
        self._looked_at, self._stale_at = now, began + STALE_SECONDS
        if new:
            self._version += 1
            self._tell(new)

    def _tell(self, new: Iterable[UUID]) -> None:
        for one in new:
            for listener in self._listeners.get(one, ()):
                listener.set()
