"""Queries of corrections. A citizen's take the person first, an agency's its slug."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.exchange.corrections.models import Correction, CorrectionEvent
from services.exchange.corrections.states import CorrectionStatus


class CorrectionRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def insert_first(self, row: Mapping[str, Any]) -> bool:
        """Whether it went in: not if a case about the same is open."""
        dialect = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(Correction).values(**row).on_conflict_do_nothing().returning(col(Correction.id))
        return (await self._session.execute(insert)).first() is not None

    # Of a citizen.

    async def get(self, person: UUID, correction: UUID, *, lock: bool = False) -> Correction | None:
        return await self._session.get(
            Correction, (person, correction), with_for_update=lock or None, populate_existing=True
        )

    async def page(self, person: UUID, *, size: int, before: UUID | None) -> Sequence[Correction]:
        """The newest first."""
        query = select(Correction).where(col(Correction.person) == person)
        if before is not None:
            query = query.where(col(Correction.id) < before)
        return (await self._session.scalars(query.order_by(col(Correction.id).desc()).limit(size))).all()

    async def events(self, person: UUID, corrections: Collection[UUID]) -> Sequence[CorrectionEvent]:
        """Of these cases, oldest first."""
        query = select(CorrectionEvent).where(
            col(CorrectionEvent.person) == person, col(CorrectionEvent.correction).in_(corrections)
        )
        return (await self._session.scalars(query.order_by(col(CorrectionEvent.sequence)))).all()

    # Of an agency.

    async def of_agency(self, agency: str, correction: UUID, *, lock: bool = False) -> Correction | None:
        query = select(Correction).where(col(Correction.steward) == agency, col(Correction.id) == correction)
        found: Correction | None = await self._session.scalar(query.with_for_update() if lock else query)
        return found

    async def listed(
        self, agency: str, statuses: Collection[CorrectionStatus], *, after: UUID | None, limit: int
    ) -> Sequence[Correction]:
        """Oldest first."""
        query = select(Correction).where(
            col(Correction.steward) == agency, col(Correction.status).in_([status.value for status in statuses])
        )
        if after is not None:
            query = query.where(col(Correction.id) > after)
        return (await self._session.scalars(query.order_by(col(Correction.id)).limit(limit))).all()

    # For the job that forgets.

    async def corrected_facts_since(self, at: datetime) -> Sequence[tuple[UUID, UUID, str, datetime]]:
        """Id, person, attribute and moment of what was put right since then, oldest first."""
        query = select(
            col(Correction.id), col(Correction.person), col(Correction.attribute), col(Correction.closed_at)
        ).where(col(Correction.closed_at) >= at, col(Correction.status) == CorrectionStatus.CORRECTED.value)
        rows = (await self._session.execute(query.order_by(col(Correction.closed_at)))).tuples()
        return [(key, person, attribute, closed) for key, person, attribute, closed in rows if closed is not None]

    async def corrected_since(self, at: datetime, *, limit: int) -> Sequence[tuple[UUID, UUID]]:
        """Id and person of what was put right since then."""
        query = select(col(Correction.id), col(Correction.person)).where(
            col(Correction.closed_at) >= at, col(Correction.status) == CorrectionStatus.CORRECTED.value
        )
        return (await self._session.execute(query.order_by(col(Correction.closed_at)).limit(limit))).tuples().all()
