"""Awards: what an approved application leads to. Fulfils `services.apply.deciding.Awarder`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.text import Text
from services.pay.amounts import AmountSource
from services.pay.contents import leave_planned_runs
from services.pay.models import Award, Instalment
from services.pay.repository import PaymentRepository
from services.pay.states import InstalmentStatus
from services.pay.writing import insert_new


def period_of(day: date) -> date:
    """The month of a day, by its first day."""
    return day.replace(day=1)


class Awards:
    def __init__(self, amounts: AmountSource, clock: Clock) -> None:
        self._amounts, self._clock = amounts, clock

    async def award(
        self,
        session: AsyncSession,
        *,
        application: UUID,
        payee: UUID,
        beneficiary: UUID,
        subject: str,
        title: Text,
        since: date,
    ) -> UUID:
        """The award's id, at most one per application. Paid from the month of `since`, the day of the application.

        It schedules the months up to this one: an agency that was down, or an appeal, costs the citizen none of them.
        `session` is the transaction that grants, with the decision in it already: the amount is read from that.
        """
        row = {
            "person": payee,
            "id": new_id(),
            "application": application,
            "beneficiary": beneficiary,
            "subject": subject,
            "title": {"th": title.th, "en": title.en},
            "agency": self._amounts.payer(subject),
            "starts_on": period_of(since),
            "ends_on": None,
            "created_at": self._clock.now(),
        }
        await insert_new(session, Award, [row])
        award = await PaymentRepository(session).award_of(application)
        assert award is not None, "inserted just now, or before"
        for period in months(award.starts_on, period_of(self._clock.today())):
            await self.schedule(session, [award], period)
        return award.id

    async def end(self, session: AsyncSession, *, application: UUID) -> None:
        """Ends the award: what is in no approved run is not paid any more. Nothing to do without an award."""
        repository = PaymentRepository(session)
        award = await repository.award_of(application)
        if award is None:
            return
        if award.ends_on is None:
            award.ends_on = self._clock.today()
            await session.flush()
        await repository.cancel_scheduled(award)
        await leave_planned_runs(session, award)

    async def schedule(self, session: AsyncSession, awards: list[Award], period: date) -> None:
        """Makes the instalment of each award for the month that begins on `period`, where something is due."""
        rows: list[dict[str, Any]] = []
        for award in awards:
            money = await self._amounts.amount(session, award.application, period)
            if money is None or money.satang <= 0:
                continue
            rows.append(
                {
                    "person": award.person,
                    "id": new_id(),
                    "award": award.id,
                    "beneficiary": award.beneficiary,
                    "subject": award.subject,
                    "agency": award.agency,
                    "period": period,
                    "satang": money.satang,
                    "due_on": self._amounts.payday(award.subject, period),
                    "status": InstalmentStatus.SCHEDULED.value,
                    "run": None,
                    "created_at": self._clock.now(),
                }
            )
        await insert_new(session, Instalment, rows)


def months(first: date, last: date) -> Iterator[date]:
    """The first days of the months from one to the other, both included."""
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield date(number // 12, number % 12 + 1, 1)
