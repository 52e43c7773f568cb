"""Queries of the room that pays. Citizens' own payments are asked for by person; runs, by agency."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.models import Award, Instalment, PaymentFile, PaymentRun, ReconciliationBreak
from services.pay.states import InstalmentStatus, RunStatus


class PaymentRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # What citizens read: always by the person first.

    async def payments(self, person: UUID, *, after: tuple[date, UUID] | None, limit: int) -> Sequence[Instalment]:
        """The person's instalments, the latest due first; `after` is the last one seen."""
        query = select(Instalment).where(
            col(Instalment.person) == person, col(Instalment.status) != InstalmentStatus.CANCELLED.value
        )
        if after is not None:
            due_on, key = after
            earlier, same_day = col(Instalment.due_on) < due_on, col(Instalment.due_on) == due_on
            query = query.where(or_(earlier, and_(same_day, col(Instalment.id) < key)))
        query = query.order_by(col(Instalment.due_on).desc(), col(Instalment.id).desc()).limit(limit)
        return (await self._session.scalars(query)).all()

    async def payment(self, person: UUID, instalment: UUID) -> Instalment | None:
        return await self._session.get(Instalment, (person, instalment))

    async def awards(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Award]:
        """Awards by (person, award)."""
        query = select(Award).where(tuple_(col(Award.person), col(Award.id)).in_(list(keys)))
        return {(award.person, award.id): award for award in await self._session.scalars(query)}

    # Awards and their instalments.

    async def award_of(self, application: UUID) -> Award | None:
        return (await self._session.scalars(select(Award).where(col(Award.application) == application))).first()

    async def cancel_scheduled(self, award: Award) -> None:
        await self._session.execute(
            update(Instalment)
            .where(
                col(Instalment.person) == award.person,
                col(Instalment.award) == award.id,
                col(Instalment.status) == InstalmentStatus.SCHEDULED.value,
            )
            .values(status=InstalmentStatus.CANCELLED.value)
        )

    async def awards_without_instalment(self, agency: str, period: date) -> Sequence[Award]:
        """Running awards of the agency that have no instalment for the period; held, so that none ends meanwhile."""
        there = select(col(Instalment.award)).where(col(Instalment.award) == col(Award.id))
        query = (
            select(Award)
            .where(
                col(Award.agency) == agency,
                col(Award.starts_on) <= period,
                col(Award.ends_on).is_(None),
                ~there.where(col(Instalment.period) == period).exists(),
            )
            .order_by(col(Award.id))
            .with_for_update(read=True)
        )
        return (await self._session.scalars(query)).all()

    async def scheduled(self, agency: str, period: date) -> Sequence[Instalment]:
        """Instalments of the period, or of an earlier one, that are in no run, locked."""
        query = (
            select(Instalment)
            .where(
                col(Instalment.agency) == agency,
                col(Instalment.period) <= period,
                col(Instalment.status) == InstalmentStatus.SCHEDULED.value,
            )
            .order_by(col(Instalment.id))
            .with_for_update()
        )
        return (await self._session.scalars(query)).all()

    # Runs.

    async def take_turn(self, agency: str) -> None:
        """Waits until nobody else plans for that agency; SQLite has one writer anyway."""
        if self._session.get_bind().dialect.name == "postgresql":
            digest = hashlib.sha256(f"payment_run\x00{agency}".encode()).digest()
            key = int.from_bytes(digest[:8], "big", signed=True)
            await self._session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    async def planned(self, agency: str, period: date) -> PaymentRun | None:
        query = select(PaymentRun).where(
            col(PaymentRun.agency) == agency,
            col(PaymentRun.period) == period,
            col(PaymentRun.status) == RunStatus.PLANNED.value,
        )
        return (await self._session.scalars(query)).first()

    async def planned_with(self, award: Award) -> Sequence[PaymentRun]:
        """Runs that hold an instalment of the award and are only planned, locked in the order of their ids."""
        holding = select(col(Instalment.run)).where(
            col(Instalment.person) == award.person, col(Instalment.award) == award.id
        )
        query = (
            select(PaymentRun)
            .where(col(PaymentRun.id).in_(holding), col(PaymentRun.status) == RunStatus.PLANNED.value)
            .order_by(col(PaymentRun.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self._session.scalars(query)).all()

    async def run(self, agency: str, run: UUID, *, lock: bool = False) -> PaymentRun | None:
        """The agency's run; another agency's is as unknown as one that never was."""
        query = select(PaymentRun).where(col(PaymentRun.id) == run, col(PaymentRun.agency) == agency)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(query)).first()

    async def runs(self, agency: str, *, limit: int = 50) -> Sequence[PaymentRun]:
        """The agency's runs, latest first."""
        return (await self._session.scalars(self._runs(agency).limit(limit))).all()

    async def open_runs(self, agency: str) -> Sequence[PaymentRun]:
        """Runs with the bank that are not decided yet."""
        query = self._runs(agency).where(col(PaymentRun.status) == RunStatus.SUBMITTED.value)
        return (await self._session.scalars(query)).all()

    async def instalments_of(self, run: UUID) -> Sequence[Instalment]:
        query = select(Instalment).where(col(Instalment.run) == run).order_by(col(Instalment.id))
        return (await self._session.scalars(query.execution_options(populate_existing=True))).all()

    async def statuses_of(self, run: UUID) -> dict[InstalmentStatus, int]:
        """How many instalments of the run are in which state."""
        query = (
            select(col(Instalment.status), func.count())
            .where(col(Instalment.run) == run)
            .group_by(col(Instalment.status))
        )
        return {InstalmentStatus(status): count for status, count in (await self._session.execute(query)).tuples()}

    async def file_of(self, run: UUID) -> PaymentFile | None:
        return await self._session.get(PaymentFile, run)

    async def breaks(self, agency: str) -> Sequence[ReconciliationBreak]:
        query = (
            select(ReconciliationBreak)
            .join(PaymentRun, col(PaymentRun.id) == col(ReconciliationBreak.run))
            .where(col(PaymentRun.agency) == agency)
            .order_by(col(ReconciliationBreak.found_at), col(ReconciliationBreak.id))
        )
        return (await self._session.scalars(query)).all()

    @staticmethod
    def _runs(agency: str) -> Select[tuple[PaymentRun]]:
        return select(PaymentRun).where(col(PaymentRun.agency) == agency).order_by(col(PaymentRun.id).desc())
