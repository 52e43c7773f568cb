"""One worker at a time: a request is leased, and every step asks first whether it still is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from services.exchange.privacy import states
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.states import Event, Status

LASTS: Final = timedelta(minutes=10)
"""After the last step. A worker that was killed is followed by another when it is over."""


class Lost(Exception):
    """Another worker has the request now."""


class Lease:
    """A request that is this worker's. `row` is as it was when it was taken, with its new status."""

    def __init__(self, db: Database, clock: Clock, row: PrivacyRequest) -> None:
        self._db, self._clock, self.row = db, clock, row
        self._until = row.leased_until

    @classmethod
    async def take(
        cls, db: Database, clock: Clock, session: AsyncSession, row: PrivacyRequest, event: Event
    ) -> Lease | None:
        """Moves the request on and leases it, in the caller's transaction; None when another has it already."""
        now = clock.now()
        status = states.after(Status(row.status), event)
        free = col(PrivacyRequest.leased_until).is_(None) | (col(PrivacyRequest.leased_until) <= now)
        taken = await session.execute(
            update(PrivacyRequest)
            .where(
                col(PrivacyRequest.person) == row.person,
                col(PrivacyRequest.id) == row.id,
                col(PrivacyRequest.status) == row.status,
                free,
            )
            .values(status=status.value, leased_until=now + LASTS)
            .returning(col(PrivacyRequest.id))
            .execution_options(synchronize_session=False)
        )
        if taken.first() is None:
            return None
        if row in session:
            session.expunge(row)
        row.status, row.leased_until = status.value, now + LASTS
        return cls(db, clock, row)

    @asynccontextmanager
    async def step(self) -> AsyncIterator[AsyncSession]:
        """A transaction that holds the request and renews the lease. Raises :class:`Lost`."""
        is_ours = (col(PrivacyRequest.person) == self.row.person, col(PrivacyRequest.id) == self.row.id)
        async with self._db.write() as session:
            if self._db.is_sqlite:  # what is deleted is overwritten in the file too
                await session.execute(text("PRAGMA secure_delete=ON"))
            if (
                await session.scalar(select(col(PrivacyRequest.leased_until)).where(*is_ours).with_for_update())
                != self._until
            ):
                raise Lost
            renewed = self._clock.now() + LASTS
            if renewed != self._until:
                await session.execute(
                    update(PrivacyRequest)
                    .where(*is_ours)
                    .values(leased_until=renewed)
                    .execution_options(synchronize_session=False)
                )
            yield session
        self._until = renewed
