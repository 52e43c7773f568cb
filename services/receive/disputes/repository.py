"""Queries of disputes. A citizen's take the person first, an agency's its slug."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.models import Award, Instalment
from services.receive.disputes.models import Dispute, DisputeEvent
from services.receive.disputes.states import DisputeStatus


class DisputeRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def insert_first(self, row: Mapping[str, Any]) -> bool:
        """Whether it went in: not if a dispute of the same payment is not over."""
        dialect = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(Dispute).values(**row).on_conflict_do_nothing().returning(col(Dispute.id))
        return (await self._session.execute(insert)).first() is not None

    # Of a citizen.

    async def get(self, person: UUID, dispute: UUID, *, lock: bool = False) -> Dispute | None:
        return await self._session.get(Dispute, (person, dispute), with_for_update=lock or None, populate_existing=True)

    async def payment(self, person: UUID, instalment: UUID) -> tuple[Instalment, Award] | None:
        query = (
            select(Instalment, Award)
            .join(Award, (col(Award.person) == col(Instalment.person)) & (col(Award.id) == col(Instalment.award)))
            .where(col(Instalment.person) == person, col(Instalment.id) == instalment)
        )
        found = (await self._session.execute(query)).tuples().first()
        return None if found is None else (found[0], found[1])

    async def of_payments(self, person: UUID, instalments: Collection[UUID]) -> Mapping[UUID, Sequence[Dispute]]:
        """By payment, the newest first."""
        query = select(Dispute).where(col(Dispute.person) == person, col(Dispute.instalment).in_(instalments))
        found: dict[UUID, list[Dispute]] = defaultdict(list)
        for row in await self._session.scalars(query.order_by(col(Dispute.id).desc())):
            found[row.instalment].append(row)
        return found

    async def page(self, person: UUID, *, size: int, before: UUID | None) -> Sequence[Dispute]:
        """The newest first."""
        query = select(Dispute).where(col(Dispute.person) == person)
        if before is not None:
            query = query.where(col(Dispute.id) < before)
        return (await self._session.scalars(query.order_by(col(Dispute.id).desc()).limit(size))).all()

    async def events(self, person: UUID, disputes: Collection[UUID]) -> Sequence[DisputeEvent]:
        """Of these disputes, oldest first."""
        query = select(DisputeEvent).where(col(DisputeEvent.person) == person, col(DisputeEvent.dispute).in_(disputes))
        return (await self._session.scalars(query.order_by(col(DisputeEvent.sequence)))).all()

    # Of an agency.

    async def of_agency(self, agency: str, dispute: UUID, *, lock: bool = False) -> Dispute | None:
        query = select(Dispute).where(col(Dispute.agency) == agency, col(Dispute.id) == dispute)
        found: Dispute | None = await self._session.scalar(query.with_for_update() if lock else query)
        return found

    async def listed(
        self, agency: str, statuses: Collection[DisputeStatus], *, but_of: UUID, after: UUID | None, limit: int
    ) -> Sequence[Dispute]:
        """Oldest first; none of `but_of`."""
        query = select(Dispute).where(
            col(Dispute.agency) == agency,
            col(Dispute.status).in_([status.value for status in statuses]),
            col(Dispute.person) != but_of,
        )
        if after is not None:
            query = query.where(col(Dispute.id) > after)
        return (await self._session.scalars(query.order_by(col(Dispute.id)).limit(limit))).all()

    async def ending(self, agency: str, ending: str) -> Sequence[UUID]:
        """Ids of the agency's that end with these hexadecimal digits, two at most."""
        written = func.replace(cast(col(Dispute.id), String), "-", "")
        query = select(col(Dispute.id)).where(col(Dispute.agency) == agency, written.endswith(ending, autoescape=True))
        return (await self._session.scalars(query.limit(2))).all()

    # For the job.

    async def left_alone(self, today: date, *, limit: int) -> Sequence[Dispute]:
        """Answered, and the citizen's days are over. Locked; what another process holds is left to it."""
        query = select(Dispute).where(
            col(Dispute.closed_at).is_(None),
            col(Dispute.status) == DisputeStatus.ANSWERED.value,
            col(Dispute.due_on) < today,
        )
        query = query.order_by(col(Dispute.due_on)).limit(limit).with_for_update(skip_locked=True)
        return (await self._session.scalars(query)).all()
