"""A run from its plan to the receipt of the money."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.errors import ServiceUnavailable
from core.ids import new_id
from core.money import Money
from services.pay.errors import (
    NotAPaymentOfficer,
    NothingDue,
    NotYourAgency,
    PeriodNotOpen,
    RunChanged,
    RunNotFound,
    SameOfficer,
    WrongState,
)
from services.pay.models import Instalment, PaymentRun
from services.pay.states import InstalmentStatus, RunStatus
from services.sandbox.bank import Faults
from tests.services.pay.town import PERIOD, Clerk, TownHall

SETTLED, RETURNED, SUBMITTED = InstalmentStatus.SETTLED, InstalmentStatus.RETURNED, InstalmentStatus.SUBMITTED


async def statuses(hall: TownHall) -> list[str]:
    return [instalment.status for instalment in await hall.instalments()]


async def test_a_grant_schedules_the_instalment_of_its_month(hall: TownHall) -> None:
    await hall.grant()
    (instalment,) = await hall.instalments()
    assert (instalment.period, instalment.due_on) == (PERIOD, date(2026, 11, 10))
    assert (instalment.satang, instalment.status) == (70_000, "SCHEDULED")


async def test_the_same_application_is_awarded_once(hall: TownHall) -> None:
    application, payee = new_id(), await hall.person()
    first = await hall.grant(application=application, payee=payee)
    assert await hall.grant(application=application, payee=payee) == first
    assert len(await hall.instalments()) == 1


@pytest.mark.parametrize("money", [None, Money(0)])
async def test_where_nothing_is_due_there_is_no_instalment(hall: TownHall, money: Money | None) -> None:
    application = new_id()
    hall.amounts.by_application[application] = money
    await hall.grant(application=application)
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)
    assert await hall.instalments() == []


async def test_the_money_goes_from_plan_to_settlement_and_the_ledger_follows(hall: TownHall) -> None:
    await hall.grant()
    await hall.grant()
    run = await hall.jobs.plan(hall.planner, PERIOD)
    assert (run.status, run.instalments, run.total) == ("PLANNED", 2, 140_000)
    assert await hall.balances() == {}

    await hall.jobs.approve(hall.approver, run.id)
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": -140_000}

    sent = await hall.jobs.send(hall.planner, run.id)
    assert (sent.status, sent.answered_at is not None) == ("SUBMITTED", True)
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": 0, "IN_TRANSIT": -140_000}

    outcome = await hall.jobs.reconcile(hall.planner, run.id)
    assert (outcome.settled, outcome.returned, outcome.breaks) == (2, 0, 0)
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -140_000}
    assert await statuses(hall) == [SETTLED, SETTLED]
    assert {booked.end_to_end for booked in hall.bank.books.entries()} == {i.id.hex for i in await hall.instalments()}


async def test_a_late_award_schedules_every_month_since_the_application(hall: TownHall) -> None:
    await hall.grant(since=date(2026, 8, 31))
    periods = [instalment.period for instalment in await hall.instalments()]
    assert sorted(periods) == [date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1), PERIOD]


async def test_an_award_over_the_turn_of_the_year_schedules_each_month_once(hall: TownHall) -> None:
    hall.clock.advance(timedelta(days=60))
    await hall.grant(since=date(2026, 11, 16))
    periods = [instalment.period for instalment in await hall.instalments()]
    assert sorted(periods) == [PERIOD, date(2026, 12, 1), date(2027, 1, 1)]


async def test_a_plan_takes_what_earlier_months_still_owe(hall: TownHall) -> None:
    await hall.grant(since=date(2026, 9, 1))
    run = await hall.jobs.plan(hall.planner, PERIOD)
    assert (run.instalments, run.total) == (3, 3 * 70_000)


async def test_plans_of_two_months_at_once_do_not_take_the_same_instalment(hall: TownHall) -> None:
    for _ in range(5):
        await hall.grant(since=date(2026, 10, 1))
    months = (PERIOD, date(2026, 12, 1))
    runs = await asyncio.gather(*(hall.jobs.plan(Clerk(), months[n % 2]) for n in range(20)))
    planned = {run.id: run.instalments for run in runs}
    assert sum(planned.values()) == len(await hall.instalments()) == 15
    for run in planned:
        await hall.jobs.approve(hall.approver, run)


async def test_the_next_month_is_scheduled_by_its_plan(hall: TownHall) -> None:
    await hall.sent(1)
    run = await hall.jobs.plan(hall.planner, date(2026, 12, 1))
    assert (run.instalments, len(await hall.instalments())) == (1, 2)


async def test_a_second_month_ahead_cannot_be_planned(hall: TownHall) -> None:
    await hall.grant()
    with pytest.raises(PeriodNotOpen):
        await hall.jobs.plan(hall.planner, date(2027, 1, 1))


async def test_a_month_before_the_award_owes_nothing(hall: TownHall) -> None:
    await hall.grant()
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, date(2026, 10, 1))


async def test_planning_again_gives_the_run_that_is_planned(hall: TownHall) -> None:
    await hall.grant()
    first = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.grant()
    assert (await hall.jobs.plan(hall.planner, PERIOD)).id == first.id
    await hall.jobs.approve(hall.approver, first.id)
    second = await hall.jobs.plan(hall.planner, PERIOD)
    assert (second.id != first.id, second.instalments) == (True, 1)


async def test_after_everything_is_in_a_run_nothing_is_due(hall: TownHall) -> None:
    await hall.approved()
    with pytest.raises(NothingDue) as raised:
        await hall.jobs.plan(hall.planner, PERIOD)
    assert "2026-11" in str(raised.value)


async def test_thirty_plans_at_once_make_one_run(hall: TownHall) -> None:
    for _ in range(3):
        await hall.grant()
    runs = await asyncio.gather(*(hall.jobs.plan(Clerk(), PERIOD) for _ in range(30)))
    assert len({run.id for run in runs}) == 1
    assert [i.run for i in await hall.instalments()] == [runs[0].id] * 3


async def ended(hall: TownHall, *applications: UUID) -> None:
    async with hall.db.write() as session:
        for application in (*applications, new_id()):
            await hall.awards.end(session, application=application)
            await hall.awards.end(session, application=application)


async def test_an_ended_award_is_not_paid_unless_it_is_in_an_approved_run(hall: TownHall) -> None:
    approved, waiting = new_id(), new_id()
    await hall.grant(application=approved)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    await hall.grant(application=waiting)
    await ended(hall, approved, waiting)
    assert sorted(await statuses(hall)) == ["CANCELLED", "IN_RUN"]
    for period in (PERIOD, date(2026, 12, 1)):
        with pytest.raises(NothingDue):
            await hall.jobs.plan(hall.planner, period)
    await hall.jobs.send(hall.planner, run.id)
    assert (await hall.jobs.reconcile(hall.planner)).settled == 1


async def test_an_award_that_ends_leaves_the_runs_that_are_only_planned(hall: TownHall) -> None:
    leaving = new_id()
    await hall.grant(application=leaving)
    await hall.grant()
    this_month = await hall.jobs.plan(hall.planner, PERIOD)
    next_month = await hall.jobs.plan(hall.planner, date(2026, 12, 1))
    await ended(hall, leaving)
    for planned in (this_month, next_month):
        run = await hall.jobs.approve(hall.approver, planned.id)
        assert (run.instalments, run.total) == (1, 70_000)
        await hall.jobs.send(hall.approver, run.id)
    assert (await hall.jobs.reconcile(hall.approver)).settled == 2
    assert sorted(await statuses(hall)) == ["CANCELLED", "CANCELLED", SETTLED, SETTLED]
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -140_000}


async def test_a_planned_run_that_nobody_is_left_in_is_gone(hall: TownHall) -> None:
    leaving = new_id()
    await hall.grant(application=leaving)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await ended(hall, leaving)
    with pytest.raises(RunNotFound):
        await hall.jobs.approve(hall.approver, run.id)
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)
    await hall.grant()
    assert (await hall.jobs.plan(hall.planner, PERIOD)).instalments == 1


async def test_an_award_that_ends_while_its_run_is_approved_is_in_it_or_not(hall: TownHall) -> None:
    for number in range(8):
        leaving, period = new_id(), PERIOD
        agency = f"a{number}"
        planner, approver = Clerk(agency=agency), Clerk(agency=agency)
        await hall.grant(agency=agency, application=leaving)
        await hall.grant(agency=agency)
        run = await hall.jobs.plan(planner, period)
        approved, _ = await asyncio.gather(hall.jobs.approve(approver, run.id), ended(hall, leaving))
        sent = await hall.jobs.send(approver, run.id)
        assert sent.total == approved.total == 70_000 * approved.instalments
        assert (await hall.jobs.reconcile(approver)).settled == approved.instalments


async def test_an_award_that_ends_while_its_month_is_planned_is_not_in_the_plan(hall: TownHall) -> None:
    for number in range(8):
        agency, leaving = f"b{number}", new_id()
        await hall.grant(agency=agency, application=leaving)
        await hall.grant(agency=agency)
        await asyncio.gather(hall.jobs.plan(Clerk(agency=agency), date(2026, 11 + number % 2, 1)), ended(hall, leaving))
        [run] = await hall.jobs.listed(Clerk(agency=agency))
        months = 1 + number % 2  # December's plan takes November along
        assert (run.instalments, run.total) == (months, months * 70_000)


async def test_awards_that_end_at_once_all_leave_the_same_run(hall: TownHall) -> None:
    leaving = [new_id() for _ in range(5)]
    for application in leaving:
        await hall.grant(application=application)
    await hall.grant()
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await asyncio.gather(*(ended(hall, application) for application in leaving))
    approved = await hall.jobs.approve(hall.approver, run.id)
    assert (approved.instalments, approved.total) == (1, 70_000)


async def test_a_second_award_for_the_same_beneficiary_does_not_pay_the_month_again(hall: TownHall) -> None:
    payee, first = await hall.person(), new_id()
    await hall.grant(payee=payee, application=first)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    await ended(hall, first)
    await hall.grant(payee=payee)
    assert len(await hall.instalments()) == 1


async def test_the_officer_who_planned_may_not_approve(hall: TownHall) -> None:
    await hall.grant()
    run = await hall.jobs.plan(hall.planner, PERIOD)
    with pytest.raises(SameOfficer):
        await hall.jobs.approve(hall.planner, run.id)
    assert await hall.balances() == {}


async def test_the_database_refuses_the_same_officer_too(hall: TownHall) -> None:
    await hall.grant()
    run = await hall.jobs.plan(hall.planner, PERIOD)
    with pytest.raises(IntegrityError, match="four_eyes"):
        async with hall.db.write() as session:
            await session.execute(update(PaymentRun).values(approved_by=col(PaymentRun.planned_by)))
    with pytest.raises(IntegrityError, match="approved_before"):
        async with hall.db.write() as session:
            await session.execute(update(PaymentRun).where(col(PaymentRun.id) == run.id).values(status="APPROVED"))


async def test_another_agencys_officer_sees_no_run(hall: TownHall) -> None:
    run = await hall.approved()
    stranger = Clerk(agency="dcy")
    with pytest.raises(NotYourAgency):
        await hall.jobs.plan(stranger, PERIOD, agency="dla")
    for attempt in (
        hall.jobs.approve(stranger, run.id),
        hall.jobs.send(stranger, run.id),
        hall.jobs.reconcile(stranger, run.id),
        hall.jobs.send(hall.planner, new_id()),
    ):
        with pytest.raises(RunNotFound):
            await attempt


async def test_each_step_needs_its_role(hall: TownHall) -> None:
    await hall.grant()
    planner, approver = Clerk(roles=frozenset({"pay.plan"})), Clerk(roles=frozenset({"pay.approve"}))
    nobody = Clerk(roles=frozenset({"apply.decide"}))
    for clerk in (approver, nobody):
        with pytest.raises(NotAPaymentOfficer):
            await hall.jobs.plan(clerk, PERIOD)
    run = await hall.jobs.plan(planner, PERIOD)
    for clerk in (planner, nobody):
        with pytest.raises(NotAPaymentOfficer):
            await hall.jobs.approve(clerk, run.id)
    await hall.jobs.approve(approver, run.id)
    for attempt in (hall.jobs.send(nobody, run.id), hall.jobs.reconcile(nobody), hall.jobs.reconcile(nobody, run.id)):
        with pytest.raises(NotAPaymentOfficer):
            await attempt
    await hall.jobs.send(planner, run.id)
    assert (await hall.jobs.reconcile(approver)).settled == 1


async def test_a_run_is_approved_once(hall: TownHall) -> None:
    run = await hall.approved()
    with pytest.raises(WrongState):
        await hall.jobs.approve(hall.approver, run.id)


async def test_an_unapproved_run_is_not_sent(hall: TownHall) -> None:
    await hall.grant()
    run = await hall.jobs.plan(hall.planner, PERIOD)
    with pytest.raises(WrongState):
        await hall.jobs.send(hall.planner, run.id)
    assert hall.bank.books.entries() == []


@pytest.mark.parametrize("change", [{"satang": 70_001}, {"due_on": date(2026, 11, 11)}, {"person": new_id()}])
async def test_what_was_changed_after_planning_is_not_approved_or_sent(
    hall: TownHall, change: dict[str, object]
) -> None:
    await hall.grant()
    run = await hall.jobs.plan(hall.planner, PERIOD)

    async def tamper(values: dict[str, object]) -> None:
        if "person" in values:
            payee = await hall.person()
            award = await hall.grant(agency="other", payee=payee)
            values = {"person": payee, "award": award, "period": date(2026, 12, 1)}
        async with hall.db.write() as session:
            await session.execute(update(Instalment).where(col(Instalment.run) == run.id).values(**values))

    await tamper(change)
    with pytest.raises(RunChanged):
        await hall.jobs.approve(hall.approver, run.id)


async def test_what_was_changed_after_approval_is_not_sent(hall: TownHall) -> None:
    run = await hall.approved()
    async with hall.db.write() as session:
        await session.execute(update(Instalment).values(satang=70_001))
    with pytest.raises(RunChanged):
        await hall.jobs.send(hall.approver, run.id)
    assert hall.bank.books.answer_to(run.id.hex) is None


async def test_thirty_sends_and_reconciliations_at_once_pay_once(hall: TownHall) -> None:
    run = await hall.approved(3)
    await asyncio.gather(*(hall.jobs.send(hall.approver, run.id) for _ in range(30)))
    outcomes = await asyncio.gather(*(hall.jobs.reconcile(hall.approver, run.id) for _ in range(30)))
    assert sum(outcome.settled for outcome in outcomes) == 3
    assert len(hall.bank.books.entries()) == 3
    assert await hall.breaks() == []
    assert await hall.balances() == {"BENEFITS": 210_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -210_000}


async def test_a_bank_that_accepts_and_does_not_answer_is_sent_the_same_bytes_again(hall: TownHall) -> None:
    run = await hall.approved()
    hall.bank.faults = Faults(timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await hall.jobs.send(hall.approver, run.id)
    assert await statuses(hall) == [SUBMITTED, SUBMITTED]
    first = hall.bank.books.answer_to(run.id.hex)
    sent = await hall.jobs.send(hall.approver, run.id)
    assert (sent.answered_at is not None, hall.bank.books.answer_to(run.id.hex)) == (True, first)
    assert first is not None
    assert first[0] == sent.file_hash
    assert (await hall.jobs.reconcile(hall.approver)).settled == 2


async def test_what_the_bank_books_counts_even_if_its_answer_never_came(hall: TownHall) -> None:
    run = await hall.approved()
    hall.bank.faults = Faults(timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await hall.jobs.send(hall.approver, run.id)
    assert (await hall.jobs.reconcile(hall.approver)).settled == 2
    assert (await hall.jobs.send(hall.approver, run.id)).status == RunStatus.SETTLED
