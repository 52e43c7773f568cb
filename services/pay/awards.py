"""Awards: what an approved application leads to. Fulfils `services.apply.deciding.Awarder`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.money import Money
from core.text import Text
from core.working_days import WorkingDays, WorkingDaysUnknown, thai_working_days
from services.pay.amounts import AmountSource
from services.pay.breaks import paid_after_return
from services.pay.claims import claim, release
from services.pay.contents import leave_planned_runs, move
from services.pay.exclusive import Beside, is_paid_beside, nothing_beside, take_turn_for
from services.pay.holding import Holding, HoldReason
from services.pay.models import Award, HeldMonth, Instalment, Overpayment
from services.pay.needs import GIVEN_ONCE, NoNotices, Notices
from services.pay.recovery.underpaid import UNDERPAID, note_underpaid
from services.pay.repository import PaymentRepository
from services.pay.states import InstalmentEvent, InstalmentStatus
from services.pay.writing import insert_new

_GOES_OUT = frozenset({InstalmentStatus.IN_RUN, InstalmentStatus.SUBMITTED, InstalmentStatus.SETTLED})
"""In these it is paid, or will be: what is in a run here is in one that was approved."""


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
            await self._resume(session, award)
        await self._schedule_missing(session, award, months(award.starts_on, period_of(self._clock.today())))
        if is_new and (await self.given_before(session, award, award.starts_on)).satang:
            await self._notices.send(session, award.person, GIVEN_ONCE, title=title)
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
        await self._release_all(session, award)

    async def end_from(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """Ends the award for the months that begin on `since` or later; what is owed for those before stays owed.

        What went out for the months after is an overpayment. Answers how many months those are. Called before the
        decision that ends it is written: until then the months before are known. Nothing to do without an award.
        """
        repository = PaymentRepository(session)
        award = await repository.award_of(application)
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
        paid = [i for i in await repository.instalments_since(award, since) if i.status in _GOES_OUT]
        return await self._claim(session, award, [(one, one.satang, cause) for one in paid])

    async def reassessed(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """After a decision that lets the award go on: months that were held are tried again, and from `since` on what
        is in no run is of the amount that is due now. Answers for how many months too much went out."""
        award = await PaymentRepository(session).award_of(application)
        if award is None or award.ends_on is not None:
            return 0
        await self._retry(session, award)
        return await self._adjust(session, award, since, cause)

    async def reassessed_after_end(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """After a decision, counting from `since`, on what has ended by then: the award stays ended, and what was not
        due is found, of what went out and of what came back and is owed still. Answers for how many months."""
        award = await PaymentRepository(session).award_of(application)
        if award is None or award.ends_on is None:
            return 0
        return await self._adjust(session, award, since, cause)

    async def _adjust(self, session: AsyncSession, award: Award, since: date, cause: str) -> int:
        repository = PaymentRepository(session)
        due = await self._due(session, award, since)
        there = await repository.instalments_since(award, since)
        planned = {one.id for one in there if one.status == InstalmentStatus.IN_RUN}
        if any(one.id in planned and due.get(one.id, one.satang) != one.satang for one in there):
            await leave_planned_runs(session, award, since)
            there = await repository.instalments_since(award, since)
            for one in there:  # of a month of which nobody can say, what was planned stands
                if one.id in planned - due.keys() and one.status == InstalmentStatus.CANCELLED:
                    move(one, InstalmentEvent.RESUME)
            await session.flush()
        runs_on = award.ends_on is None
        await self._owe_again(session, award, [one for one in there if runs_on or one.id in planned], due)
        repeated = {one.repeats for one in there}
        over: list[tuple[Instalment, int, str]] = []
        short: list[tuple[Instalment, int]] = []
        for one in there:
            satang = due.get(one.id, one.satang)
            if one.status == InstalmentStatus.SCHEDULED and satang != one.satang:
                if satang > 0:
                    one.satang = satang
                else:
                    move(one, InstalmentEvent.CANCEL)
            elif one.status in _GOES_OUT and one.id in due:
                over.append((one, max(one.satang - satang, 0), cause))
                short.append((one, max(satang - one.satang, 0)))
            elif one.status == InstalmentStatus.RETURNED and not runs_on and one.id not in repeated and one.id in due:
                over.append((one, max(one.satang - satang, 0), cause))  # so much less is it paid again with
        await session.flush()
        await self._note_short(session, award, short, cause)
        return await self._claim(session, award, over)

    async def held_months(self, session: AsyncSession) -> Sequence[tuple[HeldMonth, Award]]:
        """Every month of a running award that is held."""
        return await PaymentRepository(session).held_months()

    async def retry_held(self, session: AsyncSession, *, application: UUID) -> None:
        """Tries the held months of the award again."""
        award = await PaymentRepository(session).award_of(application)
        if award is not None and award.ends_on is None:
            await self._retry(session, award)

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

    async def _resume(self, session: AsyncSession, award: Award) -> None:
        """The award goes on as if it had not ended; of what was overpaid, only what is not due after all still is."""
        repository = PaymentRepository(session)
        award.ends_on = None
        await session.flush()
        due = await self._due(session, award, award.starts_on)
        there = await repository.instalments_since(award, award.starts_on)
        standing = await repository.overpayments(award)
        over = [
            (
                one,
                min(standing[one.id].satang, max(one.satang - due.get(one.id, one.satang), 0)),
                standing[one.id].cause,
            )
            for one in there
            if one.id in standing
        ]
        await self._claim(session, award, over)
        await self._owe_again(session, award, there, due)

    async def _due(self, session: AsyncSession, award: Award, since: date) -> dict[UUID, int]:
        """Satang that each instalment should be of; without those of which nobody can say."""
        found: dict[UUID, int] = {}
        for one in await PaymentRepository(session).instalments_since(award, since):
            money = await self.due_for(session, award, one.period)
            if money is not None:
                found[one.id] = money.satang
        return found

    async def _owe_again(
        self, session: AsyncSession, award: Award, there: Sequence[Instalment], due: Mapping[UUID, int]
    ) -> None:
        """What was cancelled and is due is scheduled again, unless the month was paid otherwise, or may have been."""
        elsewhere = await PaymentRepository(session).paid_elsewhere(award)
        unclear = await paid_after_return(session, award.agency)
        owed = {None, *(one.id for one in there if one.status == InstalmentStatus.RETURNED)} - unclear
        for one in there:
            if one.status == InstalmentStatus.CANCELLED and due.get(one.id, 0) > 0 and one.period not in elsewhere:
                if one.repeats not in owed or await self.is_excluded(session, award, one.period):
                    continue
                one.satang = due[one.id]
                move(one, InstalmentEvent.RESUME)
        await session.flush()

    async def _note_short(
        self, session: AsyncSession, award: Award, short: Sequence[tuple[Instalment, int]], cause: str
    ) -> None:
        """So much more was due than each of them paid: noted, and told, once."""
        found = await note_underpaid(session, short, cause, self._clock.now())
        if found:
            await self._notices.send(session, award.person, UNDERPAID, title=Text(**award.title), amount=Money(found))

    async def _claim(self, session: AsyncSession, award: Award, over: Sequence[tuple[Instalment, int, str]]) -> int:
        """So many satang of each instalment were not due, and no more: a row that says otherwise is annulled. Answers
        how many were found."""
        standing = await PaymentRepository(session).overpayments(award)
        found, now = 0, self._clock.now()
        for one, satang, cause in over:
            before = standing.get(one.id)
            if before is not None and before.satang != satang:
                before.annulled_at = now
                await session.flush()
                await release(session, before, now)
            if satang > 0 and (before is None or before.satang != satang):
                row = self._overpaid(one, satang, cause)
                row["released_at"] = None if one.status in _GOES_OUT else now  # what came back is not claimed
                if not await insert_new(session, Overpayment, [row]):
                    continue
                found += 1
                if one.status in _GOES_OUT:
                    await claim(session, row["id"], agency=one.agency, satang=satang, at=now)
        return found

    async def _release_all(self, session: AsyncSession, award: Award) -> None:
        repository = PaymentRepository(session)
        held = [month.period for month in await repository.held(award)]
        await repository.release(award, held, self._clock.now())

    def _overpaid(self, one: Instalment, satang: int, cause: str) -> dict[str, Any]:
        return {
            "person": one.person,
            "id": new_id(),
            "instalment": one.id,
            "award": one.award,
            "agency": one.agency,
            "period": one.period,
            "paid": one.satang,
            "satang": satang,
            "cause": cause,
            "found_at": self._clock.now(),
        }


def months(first: date, last: date) -> Iterator[date]:
    """The first days of the months from one to the other, both included."""
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield date(number // 12, number % 12 + 1, 1)
