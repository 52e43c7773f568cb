"""Awards: what an approved application leads to. Fulfils `services.apply.deciding.Awarder`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.ids import new_id
from core.money import Money
from core.text import Text
from core.working_days import WorkingDays, WorkingDaysUnknown, thai_working_days
from services.pay.adjusting import Adjusting
from services.pay.amounts import AmountSource
from services.pay.contents import leave_planned_runs
from services.pay.exclusive import Beside, is_paid_beside, nothing_beside
from services.pay.holding import Holding, HoldReason
from services.pay.models import Award, HeldMonth, Instalment
from services.pay.needs import GIVEN_ONCE, NoNotices, Notices
from services.pay.repository import PaymentRepository
from services.pay.shares import GOES_OUT
from services.pay.states import InstalmentStatus
from services.pay.supplements import annul, open_of
from services.pay.turns import has_turn_for, take_turn_for, take_turn_to_plan
from services.pay.writing import insert_new

FOUND_PAID: Final = "FOUND_PAID"
"""The cause of what is too little, or too much, of a month whose payment had come back and was paid after all."""


def period_of(day: date) -> date:
    """The month of a day, by its first day."""
    return day.replace(day=1)


class Awards:
    def __init__(
        self,
        amounts: AmountSource,
        clock: Clock,
        *,
        notices: Notices | None = None,
        days: WorkingDays | None = None,
        beside: Beside = nothing_beside,
    ) -> None:
        """`days` are those that come with the program, unless a test brings others."""
        self._amounts, self._clock, self._beside = amounts, clock, beside
        self._days, self._notices = days or thai_working_days(), notices or NoNotices()
        self._holding = Holding(clock, self._notices)
        self._adjusting = Adjusting(clock, self._notices, self.due_for, self.is_excluded)

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
        One that had ended goes on, and the months since then are owed again.
        `session` is the transaction that grants, with the decision in it already: the amount is read from that.
        """
        before = await self._held(session, application, ended=True)
        if before is None and self._beside(subject):
            await take_turn_for(session, [beneficiary])
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
        is_new = await insert_new(session, Award, [row])
        award = await PaymentRepository(session).award_of(application)
        assert award is not None, "inserted just now, or before"
        if award.ends_on is not None:
            ended_on, award.ends_on = award.ends_on, None
            await session.flush()
            await self._adjusting.resume(session, award, ended_on)
        await self._schedule_missing(session, award, months(award.starts_on, period_of(self._clock.today())))
        if is_new and (await self.given_before(session, award, award.starts_on)).satang:
            await self._notices.send(session, award.person, GIVEN_ONCE, title=title)
        return award.id

    async def end(self, session: AsyncSession, *, application: UUID) -> None:
        """Ends the award: what is in no approved run is not paid any more. Nothing to do without an award."""
        repository = PaymentRepository(session)
        award = await self._held(session, application)
        if award is None:
            return
        if award.ends_on is None:
            award.ends_on = self._clock.today()
            await session.flush()
        await repository.cancel_scheduled(award)
        await leave_planned_runs(session, award)
        await self._release_all(session, award)

    async def end_from(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """Ends the award for the months that begin on `since` or later; what is owed for those before stays owed.

        What went out for the months after is an overpayment. Answers how many months those are. Called before the
        decision that ends it is written: until then the months before are known. Nothing to do without an award.
        """
        repository = PaymentRepository(session)
        award = await self._held(session, application)
        if award is None:
            return 0
        if award.ends_on is None:
            before = months(award.starts_on, period_of(min(since, self._clock.today())))
            await self._schedule_missing(session, award, [period for period in before if period < since])
            award.ends_on = max(since, award.starts_on)
            await session.flush()
        await repository.cancel_scheduled(award, since)
        await leave_planned_runs(session, award, since)
        await self._release_all(session, award)
        there = await repository.instalments_since(award, since)
        await annul(session, await open_of(session, there, ()), there, self._clock.now())
        paid = [one for one in there if one.status in GOES_OUT and not one.refunds]
        return await self._adjusting.claim(session, award, [(one, one.satang, cause) for one in paid])

    async def reassessed(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """After a decision that lets the award go on: months that were held are tried again, and from `since` on what
        is in no run is of the amount that is due now. Answers for how many months too much went out."""
        award = await self._held(session, application)
        if award is None or award.ends_on is not None:
            return 0
        await self._retry(session, award)
        return await self._adjusting.adjust(session, award, since, cause)

    async def reassessed_after_end(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """After a decision, counting from `since`, on what has ended by then: the award stays ended, and what was not
        due is found, of what went out and of what came back and is owed still. Answers for how many months."""
        award = await self._held(session, application)
        if award is None or award.ends_on is None:
            return 0
        return await self._adjusting.adjust(session, award, since, cause)

    async def hold_of(self, session: AsyncSession, payment: UUID) -> Award | None:
        """The award of a payment, held as for a decision on it. The caller holds the payment's run alone."""
        query = select(col(Award.application)).join(
            Instalment, (col(Instalment.person) == col(Award.person)) & (col(Instalment.award) == col(Award.id))
        )
        application = await session.scalar(query.where(col(Instalment.id) == payment))
        return None if application is None else await self._held(session, application)

    async def found_paid(self, session: AsyncSession, award: Award, period: date) -> None:
        """What had come back of that month was paid after all: the month is brought to what is due of it by now. Of an
        award that has ended, what was not due is known already."""
        if award.ends_on is None:
            await self._adjusting.adjust(session, award, period, FOUND_PAID, until=period)

    async def _held(self, session: AsyncSession, application: UUID, *, ended: bool = False) -> Award | None:
        """The application's award, as it is now and held, with all that looking at it again changes
        (:mod:`services.pay.turns`). `ended`: only if it has; else nothing is held, and None is answered."""
        repository = PaymentRepository(session)
        award = await repository.award_of(application)
        if award is None or (ended and award.ends_on is None):
            return None
        await take_turn_to_plan(session, award.agency, alone=False)
        await take_turn_for(session, [award.beneficiary])
        await repository.hold_award(award)
        return award

    async def held_months(self, session: AsyncSession) -> Sequence[tuple[HeldMonth, Award]]:
        """Every month of a running award that is held."""
        return await PaymentRepository(session).held_months()

    async def retry_held(self, session: AsyncSession, *, application: UUID) -> None:
        """Tries the held months of the award again."""
        award = await self._held(session, application)
        if award is not None and award.ends_on is None:
            await self._retry(session, award)

    def hangs_on_others(self, award: Award, period: date) -> bool:
        """Whether another award may stand in the way of that month of this one: what is given once is so in the
        first month."""
        return period == award.starts_on or bool(self._beside(award.subject))

    async def hanging_on_others(self, session: AsyncSession, agency: str, period: date) -> Sequence[UUID]:
        """Beneficiaries of the agency's awards without an instalment for the month whose month hangs on others."""
        repository = PaymentRepository(session)
        subjects = [one for one in await repository.subjects_without_instalment(agency, period) if self._beside(one)]
        return await repository.beneficiaries_without_instalment(agency, period, subjects)

    def in_turn(self, session: AsyncSession, awards: Iterable[Award], period: date) -> list[Award]:
        """Without those that hang on others and were granted since the planner took its turns: they are next time's."""
        return [
            one for one in awards if not self.hangs_on_others(one, period) or has_turn_for(session, one.beneficiary)
        ]

    async def schedule(self, session: AsyncSession, awards: list[Award], period: date) -> None:
        """Makes the instalment of each award for the month that begins on `period`, where something is due.

        Where nobody can say what or when, the month is held. The day is the programme's payday, or the last bank day
        before it: the comptroller pays before a holiday, not after (unverified).
        """
        rows: list[dict[str, Any]] = []
        await take_turn_for(session, {award.beneficiary for award in awards if self._beside(award.subject)})
        for award in awards:
            money = await self._amount(session, award, period)
            if money is None:
                if needs := await self._amounts.needed(session, award.application, period):
                    await self._holding.hold(session, award, period, HoldReason.FACT_NEEDED, needs)
                elif self._amounts.ran_out(award.subject, period):
                    await self._holding.hold(session, award, period, HoldReason.LAW_RAN_OUT)
                continue
            if money.satang <= 0:
                continue
            if await self.is_excluded(session, award, period):
                await self._holding.hold(session, award, period, HoldReason.EXCLUDED)
                continue
            try:
                due_on = self._days.previous_bank_day(self._amounts.payday(award.subject, period))
            except WorkingDaysUnknown:
                await self._holding.hold(session, award, period, HoldReason.CALENDAR_UNKNOWN)
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
                    "due_on": due_on,
                    "status": InstalmentStatus.SCHEDULED.value,
                    "run": None,
                    "created_at": self._clock.now(),
                }
            )
        await insert_new(session, Instalment, rows)

    async def _schedule_missing(self, session: AsyncSession, award: Award, periods: Iterable[date]) -> None:
        """Whatever a later decision can say of a month that has its instalment, it is not one to wait for."""
        there = await PaymentRepository(session).instalments_since(award, award.starts_on)
        known = {one.period for one in there}
        for period in periods:
            if period not in known:
                await self.schedule(session, [award], period)

    async def is_excluded(self, session: AsyncSession, award: Award, period: date) -> bool:
        """Whether the month was paid, or will be, by a programme that nobody may have beside the award's."""
        others = self._beside(award.subject)
        if not others:
            return False
        await take_turn_for(session, [award.beneficiary])
        return await is_paid_beside(session, award.beneficiary, others, period)

    async def due_for(self, session: AsyncSession, award: Award, period: date) -> Money | None:
        """What the month should be of, as things are now: of a month without money, none; None where nobody can say."""
        money = await self._amount(session, award, period)
        if money is not None or self._amounts.ran_out(award.subject, period):
            return money
        return None if await self._amounts.needed(session, award.application, period) else Money(0)

    async def _amount(self, session: AsyncSession, award: Award, period: date) -> Money | None:
        """Of the month, less what is given once and was given by another award already."""
        money = await self._amounts.amount(session, award.application, period)
        return money if money is None else money - await self.given_before(session, award, period)

    async def given_before(self, session: AsyncSession, award: Award, period: date) -> Money:
        """What is given once and not again: whoever withdraws and applies in another month had it."""
        once = None
        if period == award.starts_on:
            once = await self._amounts.once(session, award.application, period)
        if once is None or once.satang == 0:
            return Money(0)
        await take_turn_for(session, [award.beneficiary])
        others = await PaymentRepository(session).given_once_elsewhere(award)
        occasion = await self._amounts.occasion(session, award.application) if others else ""
        for other in others:
            if await self._amounts.occasion(session, other) == occasion:
                return once
        return Money(0)

    async def _retry(self, session: AsyncSession, award: Award) -> None:
        repository = PaymentRepository(session)
        held = [
            month.period
            for month in await repository.held(award)
            if month.reason != HoldReason.DESTINATION_CHANGED  # that waits for a plan, not for a fact
        ]
        for period in held:
            await self.schedule(session, [award], period)
        scheduled = {one.period for one in await repository.instalments_since(award, min(held, default=date.max))}
        answered = [
            period
            for period in held
            if period in scheduled or not await self._amounts.needed(session, award.application, period)
        ]
        known = [period for period in answered if period in scheduled or await self._is_over(session, award, period)]
        await repository.release(award, known, self._clock.now())

    async def _is_over(self, session: AsyncSession, award: Award, period: date) -> bool:
        """Whether a month without an instalment is one without money due: the calendar holds its payday, and no other
        programme stands in its way."""
        if self._amounts.ran_out(award.subject, period) or await self.is_excluded(session, award, period):
            return False
        try:
            self._days.previous_bank_day(self._amounts.payday(award.subject, period))
        except WorkingDaysUnknown:
            return False
        return True

    async def _release_all(self, session: AsyncSession, award: Award) -> None:
        repository = PaymentRepository(session)
        held = [month.period for month in await repository.held(award)]
        await repository.release(award, held, self._clock.now())


def months(first: date, last: date) -> Iterator[date]:
    """The first days of the months from one to the other, both included."""
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield date(number // 12, number % 12 + 1, 1)
