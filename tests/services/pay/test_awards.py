"""When money falls due, what is held, and what becomes of an award that ends, goes on or changes."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import BANGKOK
from core.ids import new_id
from core.money import Money
from core.working_days import WorkingDaysUnknown
from identity.inbox.models import Message
from identity.inbox.service import Inbox
from services.pay.awards import Awards
from services.pay.models import HeldMonth, Overpayment, PaymentRun
from services.pay.ran_out import hold_what_ran_out
from services.pay.recovery.models import Underpayment
from services.pay.repository import PaymentRepository
from services.pay.service import PaymentRuns
from services.sandbox.bank import Faults
from tests.services.pay.town import PERIOD, FixedAmounts, TownHall

NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)


async def end(hall: TownHall, application: UUID, since: date, cause: str = "DEATH") -> int:
    async with hall.db.write() as session:
        return await hall.awards.end_from(session, application=application, since=since, cause=cause)


async def reassess(hall: TownHall, application: UUID, since: date = PERIOD) -> int:
    async with hall.db.write() as session:
        return await hall.awards.reassessed(session, application=application, since=since, cause="CORRECTION")


async def overpaid(hall: TownHall) -> list[tuple[date, int, bool]]:
    async with hall.db.read() as session:
        rows = await session.scalars(select(Overpayment).order_by(col(Overpayment.period)))
        return [(row.period, row.satang, row.annulled_at is None) for row in rows]


async def held(hall: TownHall) -> list[tuple[date, str, list[str], bool]]:
    async with hall.db.read() as session:
        rows = await session.scalars(select(HeldMonth).order_by(col(HeldMonth.period)))
        return [(row.period, row.reason, row.needs, row.released_at is None) for row in rows]


async def months(hall: TownHall) -> list[tuple[date, str]]:
    return [(one.period, one.status) for one in sorted(await hall.instalments(), key=lambda one: one.period)]


# When it falls due.


@pytest.mark.parametrize(
    ("now", "due_on"),
    [
        (datetime(2026, 11, 2, tzinfo=BANGKOK), date(2026, 11, 10)),  # a Tuesday
        (datetime(2026, 10, 2, tzinfo=BANGKOK), date(2026, 10, 9)),  # a Saturday
        (datetime(2026, 5, 2, tzinfo=BANGKOK), date(2026, 5, 8)),  # a Sunday
        (datetime(2026, 12, 2, tzinfo=BANGKOK), date(2026, 12, 9)),  # Constitution Day, a Thursday
        (datetime(2027, 4, 2, tzinfo=BANGKOK), date(2027, 4, 9)),  # a Saturday, before Songkran
        (datetime(2024, 8, 2, tzinfo=BANGKOK), date(2024, 8, 9)),  # a Saturday, before a holiday on Monday
    ],
)
async def test_money_falls_due_on_the_last_bank_day_up_to_the_payday(
    hall: TownHall, now: datetime, due_on: date
) -> None:
    hall.clock.set(now)
    await hall.grant()
    [instalment] = await hall.instalments()
    assert instalment.due_on == due_on


async def test_a_late_file_asks_for_the_next_bank_day(hall: TownHall) -> None:
    hall.clock.set(datetime(2026, 11, 21, 10, tzinfo=BANGKOK))  # a Saturday
    run = await hall.approved(1)
    async with hall.db.read() as session:
        [instalment] = await PaymentRepository(session).instalments_of(run.id)
        payees = await hall.jobs.payees.reveal({(instalment.person, None)}, officer=hall.approver, run=run.id)
        order = await hall.jobs.runs.order(session, run, payees)
    assert [transfer.pay_on for transfer in order.transfers] == [date(2026, 11, 23)]


async def test_an_early_file_asks_for_the_day_it_falls_due(hall: TownHall) -> None:
    hall.clock.set(datetime(2026, 12, 1, 10, tzinfo=BANGKOK))
    await hall.grant()
    run = await hall.jobs.approve(hall.approver, (await hall.jobs.plan(hall.planner, DECEMBER)).id)
    sent = await hall.jobs.send(hall.approver, run.id)
    async with hall.db.read() as session:
        file = await hall.jobs.runs.file(session, sent)
    assert b"<ReqdExctnDt><Dt>2026-12-09</Dt></ReqdExctnDt>" in file


async def test_a_month_of_a_year_without_calendar_is_held_and_paid_when_it_is_known(hall: TownHall) -> None:
    hall.clock.set(datetime(2028, 1, 3, 10, tzinfo=BANGKOK))
    application = new_id()
    await hall.grant(application=application, since=date(2027, 12, 5))
    assert await months(hall) == [(date(2027, 12, 1), "SCHEDULED")]
    assert await held(hall) == [(date(2028, 1, 1), "CALENDAR_UNKNOWN", [], True)]
    async with hall.db.write() as session:
        await hall.awards.retry_held(session, application=application)
    assert [one[3] for one in await held(hall)] == [True], "nobody has entered the holidays yet"
    runs = PaymentRuns(hall.clock, hall.awards, hall.jobs.runs._keys, hall.jobs.runs._payers)
    run = await hall.jobs.approve(hall.approver, (await hall.jobs.plan(hall.planner, date(2027, 12, 1))).id)
    async with hall.db.read() as session:
        with pytest.raises(WorkingDaysUnknown):
            await runs.order(session, run, {})


# What is held.


async def test_a_month_that_needs_an_unread_fact_is_held_told_once_and_paid_when_it_is_known(hall: TownHall) -> None:
    application, payee = new_id(), await hall.person()
    hall.amounts.unread[application] = ("annual_income",)
    hall.awards = Awards(hall.amounts, hall.clock, notices=Inbox(hall.clock))
    await hall.grant(application=application, payee=payee)
    await hall.grant(application=application, payee=payee)
    assert await held(hall) == [(NOVEMBER, "FACT_NEEDED", ["annual_income"], True)]
    async with hall.db.read() as session:
        [message] = await session.scalars(select(Message))
        [(month, award)] = await PaymentRepository(session).held_of(payee)
        assert await PaymentRepository(session).held_of(new_id()) == []
        [(same, _)] = await hall.awards.held_months(session)
    assert (message.person, message.template) == (payee, "pay.held")
    assert (month.award, same.period) == (award.id, NOVEMBER)
    assert await months(hall) == []
    del hall.amounts.unread[application]
    assert await reassess(hall, application) == 0
    assert await months(hall) == [(NOVEMBER, "SCHEDULED")]
    assert [one[3] for one in await held(hall)] == [False]


async def test_a_held_month_for_which_nothing_is_due_after_all_is_released(hall: TownHall) -> None:
    application = new_id()
    hall.amounts.unread[application] = ("annual_income",)
    await hall.grant(application=application)
    del hall.amounts.unread[application]
    hall.amounts.by_application[application] = None
    await reassess(hall, application)
    assert await months(hall) == []
    assert [one[3] for one in await held(hall)] == [False]


# An award that ends.


async def test_what_is_owed_up_to_the_end_stays_owed_and_what_comes_after_is_not_paid(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application, since=date(2026, 9, 3))
    await hall.jobs.plan(hall.planner, DECEMBER)
    hall.clock.set(datetime(2026, 12, 2, tzinfo=BANGKOK))
    assert await end(hall, application, date(2026, 11, 15)) == 0
    assert await months(hall) == [
        (date(2026, 9, 1), "IN_RUN"),
        (date(2026, 10, 1), "IN_RUN"),
        (NOVEMBER, "IN_RUN"),
        (DECEMBER, "CANCELLED"),
    ]
    assert await overpaid(hall) == []
    run = (await hall.jobs.listed(hall.planner))[0]
    assert (run.instalments, run.total) == (3, 210_000)
    assert (await hall.jobs.approve(hall.approver, run.id)).status == "APPROVED"


async def test_an_unscheduled_month_before_the_end_is_made(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    hall.clock.set(datetime(2027, 1, 5, tzinfo=BANGKOK))
    await end(hall, application, date(2026, 12, 20))
    assert await months(hall) == [(NOVEMBER, "SCHEDULED"), (DECEMBER, "SCHEDULED")]


@pytest.mark.parametrize(
    ("since", "found"), [(NOVEMBER, [(NOVEMBER, 70_000, True)]), (date(2026, 11, 2), []), (DECEMBER, [])]
)
async def test_money_that_went_out_for_a_month_after_the_end_is_an_overpayment(
    hall: TownHall, since: date, found: list[tuple[date, int, bool]]
) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    await hall.jobs.send(hall.planner, run.id)
    await hall.jobs.reconcile(hall.planner, run.id)
    assert await end(hall, application, since) == len(found)
    assert await end(hall, application, since) == 0, "once"
    assert await overpaid(hall) == found


async def test_an_award_that_goes_on_after_all_owes_again_what_was_cancelled_and_claims_nothing(hall: TownHall) -> None:
    application, payee = new_id(), await hall.person()
    await hall.grant(application=application, payee=payee)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    await hall.jobs.plan(hall.planner, DECEMBER)
    await end(hall, application, NOVEMBER)
    assert await months(hall) == [(NOVEMBER, "IN_RUN"), (DECEMBER, "CANCELLED")]
    assert await overpaid(hall) == [(NOVEMBER, 70_000, True)]
    await hall.grant(application=application, payee=payee)
    assert await months(hall) == [(NOVEMBER, "IN_RUN"), (DECEMBER, "SCHEDULED")]
    assert await overpaid(hall) == [(NOVEMBER, 70_000, False)]
    await end(hall, application, NOVEMBER)
    assert await overpaid(hall) == [(NOVEMBER, 70_000, False), (NOVEMBER, 70_000, True)]


async def test_a_month_that_another_award_pays_is_not_owed_again(hall: TownHall) -> None:
    first, payee = new_id(), await hall.person()
    await hall.grant(application=first, payee=payee)
    await end(hall, first, NOVEMBER)
    await hall.grant(payee=payee)
    await hall.grant(application=first, payee=payee)
    assert sorted(status for _, status in await months(hall)) == ["CANCELLED", "SCHEDULED"]


async def test_an_application_without_an_award_has_nothing_to_end(hall: TownHall) -> None:
    assert await end(hall, new_id(), NOVEMBER) == 0
    assert await reassess(hall, new_id()) == 0


# An award that changes.


async def test_a_new_amount_counts_for_what_is_not_approved_and_what_was_too_much_is_found(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    planned = await hall.jobs.plan(hall.planner, DECEMBER)
    hall.amounts.by_application[application] = Money.baht(600)
    assert await reassess(hall, application) == 1
    found = {one.period: (one.satang, one.status) for one in await hall.instalments()}
    assert found == {NOVEMBER: (70_000, "IN_RUN"), DECEMBER: (60_000, "SCHEDULED")}
    assert await overpaid(hall) == [(NOVEMBER, 10_000, True)]
    again = await hall.jobs.plan(hall.planner, DECEMBER)
    assert (again.id != planned.id, again.total) == (True, 60_000)


async def test_a_new_amount_does_not_reach_back_before_its_day(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application, since=date(2026, 10, 3))
    hall.amounts.by_application[application] = Money.baht(600)
    await reassess(hall, application, NOVEMBER)
    assert {one.period: one.satang for one in await hall.instalments()} == {date(2026, 10, 1): 70_000, NOVEMBER: 60_000}


async def test_while_nobody_can_say_what_is_due_nothing_is_claimed(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.amounts.unread[application] = ("annual_income",)
    assert await reassess(hall, application) == 0
    assert await overpaid(hall) == []


async def test_what_was_too_much_follows_each_later_decision(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.amounts.by_application[application] = Money.baht(600)
    assert [await reassess(hall, application), await reassess(hall, application)] == [1, 0]
    hall.amounts.by_application[application] = Money.baht(500)
    assert await reassess(hall, application) == 1
    assert standing(await overpaid(hall)) == [(NOVEMBER, 20_000)]
    hall.amounts.by_application[application] = Money.baht(700)
    assert await reassess(hall, application) == 0
    assert standing(await overpaid(hall)) == [], "it was due after all"


async def test_an_end_claims_the_whole_month_of_which_a_part_was_claimed(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.amounts.by_application[application] = Money.baht(600)
    await reassess(hall, application)
    assert await end(hall, application, NOVEMBER) == 1
    assert standing(await overpaid(hall)) == [(NOVEMBER, 70_000)]
    assert await end(hall, application, NOVEMBER) == 0


async def test_an_award_that_goes_on_at_a_lower_amount_still_had_too_much(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.amounts.by_application[application] = Money.baht(600)
    await reassess(hall, application)
    await end(hall, application, DECEMBER, "NO_ANSWER")
    [payee] = {one.person for one in await hall.instalments()}
    await hall.grant(application=application, payee=payee)
    assert standing(await overpaid(hall)) == [(NOVEMBER, 10_000)]


def standing(rows: list[tuple[date, int, bool]]) -> list[tuple[date, int]]:
    return [(period, satang) for period, satang, stands in rows if stands]


async def test_a_month_that_was_held_when_its_award_ended_is_held_again_when_it_goes_on(hall: TownHall) -> None:
    application, payee = new_id(), await hall.person()
    hall.amounts.unread[application] = ("annual_income",)
    await hall.grant(application=application, payee=payee)
    await end(hall, application, NOVEMBER, "NO_ANSWER")
    assert await held(hall) == [(NOVEMBER, "FACT_NEEDED", ["annual_income"], False)]
    await hall.grant(application=application, payee=payee)
    assert await held(hall) == [(NOVEMBER, "FACT_NEEDED", ["annual_income"], True)]
    del hall.amounts.unread[application]
    await reassess(hall, application)
    assert await months(hall) == [(NOVEMBER, "SCHEDULED")]
    assert await held(hall) == [(NOVEMBER, "FACT_NEEDED", ["annual_income"], False)]


async def test_of_a_month_that_is_paid_nobody_is_told_that_it_is_not(hall: TownHall) -> None:
    application, payee = new_id(), await hall.person()
    await hall.grant(application=application, payee=payee)
    hall.amounts.unread[application] = ("annual_income",)
    await hall.grant(application=application, payee=payee)  # as every decision does that confirms it
    assert await held(hall) == []
    assert await months(hall) == [(NOVEMBER, "SCHEDULED")]


# What a decision finds that was too little, and months of which nobody can say.


async def underpaid(hall: TownHall) -> list[tuple[date, int, bool]]:
    async with hall.db.read() as session:
        rows = await session.scalars(select(Underpayment).order_by(col(Underpayment.id)))
        return [(row.period, row.satang, row.annulled_at is None) for row in rows]


async def test_what_was_paid_too_little_is_noted_once_and_follows_each_later_decision(hall: TownHall) -> None:
    hall.awards = Awards(hall.amounts, hall.clock, notices=Inbox(hall.clock))
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    for baht, standing in ((800, [10_000]), (800, [10_000]), (750, [5_000]), (700, []), (650, [])):
        hall.amounts.by_application[application] = Money.baht(baht)
        await reassess(hall, application)
        assert [satang for _, satang, stands in await underpaid(hall) if stands] == standing
    assert [stands for *_, stands in await overpaid(hall)] == [True], "then it was too much"
    async with hall.db.read() as session:
        messages = (await session.scalars(select(Message).where(col(Message.template) == "pay.underpaid"))).all()
    assert len(messages) == 2


async def test_what_comes_back_is_paid_again_and_what_was_missing_of_it_beside_it(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.amounts.by_application[application] = Money.baht(800)
    await reassess(hall, application)
    hall.bank.faults = Faults(reject=frozenset({"*"}))
    await hall.jobs.send(hall.planner, run.id)
    assert [stands for *_, stands in await underpaid(hall)] == [True]
    [first] = await hall.instalments()
    assert (await hall.jobs.pay_again(hall.planner, first.id)).satang == 70_000
    waiting = [one.satang for one in await hall.instalments() if one.status == "SCHEDULED"]
    assert sorted(waiting) == [10_000, 70_000], "so it is paid once, whatever becomes of the first"


async def test_a_planned_month_of_which_nobody_can_say_stays_owed_when_another_changes(hall: TownHall) -> None:
    hall.clock.set(datetime(2026, 12, 2, tzinfo=BANGKOK))
    amounts = ByMonth({NOVEMBER: Money.baht(700), DECEMBER: Money.baht(700)})
    hall.awards = Awards(amounts, hall.clock)
    application = new_id()
    await hall.grant(application=application, since=NOVEMBER)
    run = await hall.jobs.plan(hall.planner, DECEMBER)
    amounts.by_month = {NOVEMBER: None, DECEMBER: Money.baht(600)}
    await reassess(hall, application)
    assert [(one.period, one.status, one.satang, one.run) for one in await hall.instalments()] == [
        (NOVEMBER, "SCHEDULED", 70_000, None),
        (DECEMBER, "SCHEDULED", 60_000, None),
    ]
    async with hall.db.read() as session:
        assert await session.get(PaymentRun, run.id) is None


class ByMonth(FixedAmounts):
    """Another amount each month; None where nobody can say."""

    def __init__(self, by_month: dict[date, Money | None]) -> None:
        super().__init__()
        self.by_month = by_month

    async def amount(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        return self.by_month.get(period)

    async def needed(self, session: AsyncSession, application: UUID, period: date) -> tuple[str, ...]:
        return () if self.by_month.get(period) else ("annual_income",)


# Law that is over with none after it.


async def test_a_month_without_law_is_held_told_once_and_paid_when_there_is_one(hall: TownHall) -> None:
    hall.awards = Awards(hall.amounts, hall.clock, notices=Inbox(hall.clock))
    application = new_id()
    await hall.grant(application=application)
    hall.amounts.law_until = date(2026, 11, 30)
    hall.clock.set(datetime(2026, 12, 1, 0, 5, tzinfo=BANGKOK))
    subjects = ["programme:dla-old-age"]
    assert await hold_what_ran_out(hall.db, hall.awards, ["programme:dla-other"], DECEMBER) == 0
    assert await hold_what_ran_out(hall.db, hall.awards, subjects, DECEMBER) == 1
    assert await hold_what_ran_out(hall.db, hall.awards, subjects, DECEMBER) == 0
    assert await held(hall) == [(DECEMBER, "LAW_RAN_OUT", [], True)]
    async with hall.db.read() as session:
        [message] = await session.scalars(select(Message).where(col(Message.template) == "pay.law-ran-out"))
    assert "has not ended" in message.body_en
    await reassess(hall, application)
    assert await held(hall) == [(DECEMBER, "LAW_RAN_OUT", [], True)]
    assert await months(hall) == [(NOVEMBER, "SCHEDULED")]
    hall.amounts.law_until = None
    async with hall.db.write() as session:
        await hall.awards.retry_held(session, application=application)
    assert await months(hall) == [(NOVEMBER, "SCHEDULED"), (DECEMBER, "SCHEDULED")]
    assert [one[3] for one in await held(hall)] == [False]


async def test_where_the_law_is_over_nothing_that_was_paid_is_claimed(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.amounts.law_until = date(2026, 10, 31)
    assert await reassess(hall, application) == 0
    assert await overpaid(hall) == []


# A look that came after the withdrawal.


async def after_end(hall: TownHall, application: UUID, since: date = PERIOD) -> int:
    async with hall.db.write() as session:
        return await hall.awards.reassessed_after_end(session, application=application, since=since, cause="CORRECTION")


async def test_what_went_out_too_much_before_a_withdrawal_is_claimed_and_nothing_else_moves(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    await hall.jobs.approve(hall.approver, (await hall.jobs.plan(hall.planner, NOVEMBER)).id)
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)
    hall.amounts.by_application[application] = Money.baht(600)
    assert await after_end(hall, application) == 1
    assert await after_end(hall, application) == 0, "once"
    assert await overpaid(hall) == [(NOVEMBER, 10_000, True)]
    assert await months(hall) == [(NOVEMBER, "IN_RUN")]
    assert (await hall.balances())["RECEIVABLE"] == 10_000
    hall.amounts.by_application[application] = Money.baht(800)
    assert await after_end(hall, application) == 0
    assert await overpaid(hall) == [(NOVEMBER, 10_000, False)]
    async with hall.db.read() as session:
        assert [one.satang for one in await session.scalars(select(Underpayment))] == [10_000]


async def test_what_a_withdrawal_cancelled_is_not_owed_again_by_a_later_look(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)
    hall.amounts.by_application[application] = Money.baht(900)
    assert await after_end(hall, application) == 0
    assert await months(hall) == [(NOVEMBER, "CANCELLED")]
    assert await after_end(hall, new_id()) == 0, "nor is there anything of what has no award"


async def test_what_came_back_is_paid_again_less_what_a_later_look_found(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await hall.jobs.approve(hall.approver, (await hall.jobs.plan(hall.planner, NOVEMBER)).id)
    [one] = await hall.instalments()
    hall.bank.faults = Faults(reject=frozenset({one.id.hex}))
    await hall.jobs.send(hall.approver, run.id)
    hall.clock.set(datetime(2026, 12, 1, 9, tzinfo=BANGKOK))
    await hall.jobs.reconcile(hall.approver)
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)
    hall.amounts.by_application[application] = Money.baht(600)
    assert await after_end(hall, application) == 1
    assert (await hall.balances()).get("RECEIVABLE", 0) == 0, "nothing is claimed of what nobody had"
    again = await hall.jobs.pay_again(hall.planner, one.id)
    assert again.satang == 60_000
