"""Queries of agencies' requests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from services.exchange.rest.models import AgencyRequest

REQUESTS_KEPT: Final = timedelta(days=90)
"""As traffic logs. A captured request is worth nothing long before: its access token lives for ten minutes."""
BATCH: Final = 500
"""Rows a transaction deletes: none holds the one writer of SQLite, or locks, for long."""


class AgencyRequests:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, row: AgencyRequest) -> AgencyRequest | None:
        """Enters the request; None when it is the first of its number, else the one that came before it.

        Of parallel twins one is the first, also of several processes: the others wait for its commit.
        """
        dialect: Any = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        entered = await self._session.execute(
            dialect.insert(AgencyRequest)
            .values(row.model_dump())
            .on_conflict_do_nothing()
            .returning(col(AgencyRequest.id))
        )
        if entered.first() is not None:
            return None
        return await self._session.get(AgencyRequest, (row.agency, row.id))

    async def conclude(self, agency: str, request: UUID, at: datetime) -> None:
        """That it is about to be answered."""
        await self._session.execute(
            update(AgencyRequest)
            .where(col(AgencyRequest.agency) == agency, col(AgencyRequest.id) == request)
            .values(concluded_at=at)
        )


async def forget_old_requests(db: Database, clock: Clock, *, batch: int = BATCH) -> int:
    """The job: forgets requests after 90 days; answers how many. May run in several processes, and be cut off."""
    gone, key = 0, (col(AgencyRequest.agency), col(AgencyRequest.id))
    some = select(*key).where(col(AgencyRequest.at) < clock.now() - REQUESTS_KEPT).limit(batch)
    while True:
        async with db.write() as session:
            rows = (await session.execute(some)).tuples().all()
            if not rows:
                return gone
            await session.execute(delete(AgencyRequest).where(tuple_(*key).in_([tuple(row) for row in rows])))
        gone += len(rows)
