"""Queries of the room that pays. Citizens' own payments are asked for by person; runs, by agency."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.pay.models import Award, HeldMonth, Instalment, Overpayment, PaymentFile, PaymentRun, ReconciliationBreak
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

    async def repeated(self, payments: Collection[tuple[UUID, UUID]]) -> dict[UUID, Instalment]:
        """Of payments by (person, id), those that another one pays again, with that one."""
        query = select(Instalment).where(tuple_(col(Instalment.person), col(Instalment.repeats)).in_(list(payments)))
        return {row.repeats: row for row in await self._session.scalars(query) if row.repeats is not None}

    async def awards(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Award]:
        """Awards by (person, award)."""
        query = select(Award).where(tuple_(col(Award.person), col(Award.id)).in_(list(keys)))
        return {(award.person, award.id): award for award in await self._session.scalars(query)}

    # Awards and their instalments.

    async def award_of(self, application: UUID) -> Award | None:
        return (await self._session.scalars(select(Award).where(col(Award.application) == application))).first()

    async def hold_award(self, award: Award) -> None:
        """As it is now, and changed by nobody else until the transaction ends; and so its planned runs."""
        query = select(Award).where(col(Award.person) == award.person, col(Award.id) == award.id)
        await self._session.execute(query.with_for_update(key_share=True).execution_options(populate_existing=True))
        await self.planned_with(award)

    async def cancel_scheduled(self, award: Award, since: date | None = None) -> None:
        """What is in no run, of months that begin on `since` or later; without a day, all but what came back and is
        paid again, for it was approved before, and what was missing of a month that was paid."""
        query = update(Instalment).where(
            *_of(award),
            col(Instalment.status) == InstalmentStatus.SCHEDULED.value,
            and_(col(Instalment.repeats).is_(None), col(Instalment.supplements).is_(None))
            if since is None
            else col(Instalment.period) >= since,
            col(Instalment.refunds).is_(False),
        )
        await self._session.execute(query.values(status=InstalmentStatus.CANCELLED.value))

    async def instalments_since(self, award: Award, since: date) -> Sequence[Instalment]:
        """The award's instalments of months that begin on that day or later, earliest first, locked."""
        query = select(Instalment).where(*_of(award), col(Instalment.period) >= since)
        query = query.order_by(col(Instalment.id)).with_for_update()
        rows = await self._session.scalars(query.execution_options(populate_existing=True))
        return sorted(rows, key=lambda one: (one.period, one.id))

    async def given_once_elsewhere(self, award: Award) -> Sequence[UUID]:
        """Applications of other awards for the same beneficiary and subject whose first month was paid, or will be:
        it held what is given once."""
        query = (
            select(col(Award.application))
            .join(Instalment, (col(Award.person) == col(Instalment.person)) & (col(Award.id) == col(Instalment.award)))
            .where(
                col(Award.beneficiary) == award.beneficiary,
                col(Award.subject) == award.subject,
                col(Award.id) != award.id,
                col(Instalment.period) == col(Award.starts_on),
                col(Instalment.status).not_in([InstalmentStatus.CANCELLED.value, InstalmentStatus.RETURNED.value]),
            )
        )
        return (await self._session.scalars(query.order_by(col(Award.id)))).all()

    async def paid_elsewhere(self, award: Award) -> frozenset[date]:
        """Months that another award for the same beneficiary and subject pays, or paid."""
        query = select(col(Instalment.period)).where(
            col(Instalment.beneficiary) == award.beneficiary,
            col(Instalment.subject) == award.subject,
            col(Instalment.award) != award.id,
            col(Instalment.status).not_in([InstalmentStatus.CANCELLED.value, InstalmentStatus.RETURNED.value]),
        )
        return frozenset(await self._session.scalars(query))

    async def overpayments(self, award: Award) -> dict[UUID, Overpayment]:
        """Those of the award that stand, by instalment, locked."""
        query = select(Overpayment).where(
            col(Overpayment.person) == award.person,
            col(Overpayment.award) == award.id,
            col(Overpayment.annulled_at).is_(None),
        )
        rows = await self._session.scalars(query.order_by(col(Overpayment.id)).with_for_update())
        return {row.instalment: row for row in rows}

    async def overpayment_of(self, instalment: Instalment) -> Overpayment | None:
        """The one that stands."""
        query = select(Overpayment).where(
            col(Overpayment.person) == instalment.person,
            col(Overpayment.instalment) == instalment.id,
            col(Overpayment.annulled_at).is_(None),
        )
        return (await self._session.scalars(query)).first()

    # Months that are held.

    async def held(self, award: Award) -> Sequence[HeldMonth]:
        """The award's months that are still held, earliest first."""
        query = select(HeldMonth).where(
            col(HeldMonth.person) == award.person,
            col(HeldMonth.award) == award.id,
            col(HeldMonth.released_at).is_(None),
        )
        return (await self._session.scalars(query.order_by(col(HeldMonth.period)))).all()

    async def hold_again(self, award: Award, period: date, **values: Any) -> bool:
        """Whether the month was there, and released."""
        query = update(HeldMonth).where(
            col(HeldMonth.person) == award.person,
            col(HeldMonth.award) == award.id,
            col(HeldMonth.period) == period,
            col(HeldMonth.released_at).is_not(None),
        )
        query = query.values(released_at=None, **values).returning(col(HeldMonth.period))
        return (await self._session.execute(query.execution_options(synchronize_session=False))).first() is not None

    async def held_of(self, person: UUID) -> Sequence[tuple[HeldMonth, Award]]:
        """What of the person's is held, with the award that it is of, latest month first."""
        query = select(HeldMonth, Award).join(
            Award, (col(Award.person) == col(HeldMonth.person)) & (col(Award.id) == col(HeldMonth.award))
        )
        query = query.where(col(HeldMonth.person) == person, col(HeldMonth.released_at).is_(None))
        return (await self._session.execute(query.order_by(col(HeldMonth.period).desc()))).tuples().all()

    async def release(self, award: Award, periods: Collection[date], at: datetime) -> None:
        await self._session.execute(
            update(HeldMonth)
            .where(
                col(HeldMonth.person) == award.person,
                col(HeldMonth.award) == award.id,
                col(HeldMonth.period).in_(list(periods)),
                col(HeldMonth.released_at).is_(None),
            )
            .values(released_at=at)
            .execution_options(synchronize_session=False)
        )

    async def held_months(self) -> Sequence[tuple[HeldMonth, Award]]:
        """Every month of a running award that is held."""
        query = select(HeldMonth, Award).join(
            Award, (col(Award.person) == col(HeldMonth.person)) & (col(Award.id) == col(HeldMonth.award))
        )
        query = query.where(col(HeldMonth.released_at).is_(None), col(Award.ends_on).is_(None))
        return (await self._session.execute(query.order_by(col(HeldMonth.award)))).tuples().all()

    async def awards_without_instalment(
        self, agency: str, period: date, *, after: UUID | None = None, limit: int = 1_000
    ) -> Sequence[Award]:
        """Running awards of the agency that have no instalment for the period; held, so that none ends meanwhile.

        In the order of their ids; `after` is the last one seen.
        """
        query = select(Award).where(*_without_instalment(agency, period)).order_by(col(Award.id)).limit(limit)
        if after is not None:
            query = query.where(col(Award.id) > after)
        return (await self._session.scalars(query.with_for_update(read=True))).all()

    async def subjects_without_instalment(self, agency: str, period: date) -> frozenset[str]:
        """Subjects of those awards."""
        query = select(col(Award.subject)).where(*_without_instalment(agency, period)).distinct()
        return frozenset(await self._session.scalars(query))

    async def beneficiaries_without_instalment(
        self, agency: str, period: date, subjects: Collection[str]
    ) -> Sequence[UUID]:
        """Of those awards, the ones of the subjects, and those that begin with the period. Not held."""
        query = select(col(Award.beneficiary)).where(
            *_without_instalment(agency, period),
            or_(col(Award.subject).in_(sorted(subjects)), col(Award.starts_on) == period),
        )
        return (await self._session.scalars(query)).all()

    # Runs.

    async def planned(self, agency: str, period: date) -> PaymentRun | None:
        """The first run of the payday that is planned."""
        query = select(PaymentRun).where(
            col(PaymentRun.agency) == agency,
            col(PaymentRun.period) == period,
            col(PaymentRun.status) == RunStatus.PLANNED.value,
        )
        return (await self._session.scalars(query.order_by(col(PaymentRun.part)))).first()

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
        """The agency's runs, latest first; of a payday of several, the first."""
        other = aliased(PaymentRun)
        earlier = select(1).where(
            other.payday == col(PaymentRun.payday),  # type: ignore[arg-type] # a column
            other.part < col(PaymentRun.part),
        )
        return (await self._session.scalars(self._runs(agency).where(~earlier.exists()).limit(limit))).all()

    async def open_runs(self, agency: str) -> Sequence[PaymentRun]:
        """Runs with the bank that are not decided yet."""
        query = self._runs(agency).where(col(PaymentRun.status) == RunStatus.SUBMITTED.value)
        return (await self._session.scalars(query)).all()

    async def closed_runs(self, agency: str, since: datetime) -> Sequence[PaymentRun]:
        """Runs that were decided since then: the bank may still take back what it booked."""
        query = self._runs(agency).where(col(PaymentRun.submitted_at).is_not(None), col(PaymentRun.closed_at) >= since)
        return (await self._session.scalars(query)).all()

    async def pays_the_month(self, returned: Instalment) -> bool:
        """Whether another instalment pays that beneficiary's month, or what supplements it."""
        same = (
            col(Instalment.supplements).is_(None)
            if returned.supplements is None
            else col(Instalment.supplements) == returned.supplements
        )
        query = select(col(Instalment.id)).where(
            col(Instalment.beneficiary) == returned.beneficiary,
            col(Instalment.subject) == returned.subject,
            col(Instalment.period) == returned.period,
            same,
            col(Instalment.id) != returned.id,
            col(Instalment.status).not_in([InstalmentStatus.CANCELLED.value, InstalmentStatus.RETURNED.value]),
        )
        return await self._session.scalar(query.limit(1)) is not None

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


def _without_instalment(agency: str, period: date) -> tuple[ColumnElement[bool], ...]:
    there = select(col(Instalment.award)).where(col(Instalment.award) == col(Award.id))
    return (
        col(Award.agency) == agency,
        col(Award.starts_on) <= period,
        col(Award.ends_on).is_(None),
        ~there.where(col(Instalment.period) == period).exists(),
    )


def _of(award: Award) -> tuple[ColumnElement[bool], ...]:
    return col(Instalment.person) == award.person, col(Instalment.award) == award.id
