"""What came back is paid again, once, when its payee has said where they are paid or an officer says so."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.ids import new_id
from core.money import Money
from identity.inbox.models import Message
from services.pay.accounts import BankAccount
from services.pay.errors import InstalmentNotFound, NotAPaymentOfficer, NothingDue, NotPaidAgain
from services.pay.mending import what_to_mend
from services.pay.models import Instalment, PaymentRun
from services.pay.rails.contract import Entry, EntryKind
from services.sandbox.bank import Faults
from tests.services.pay.test_destinations import ACCOUNT, say
from tests.services.pay.town import PERIOD, Clerk, TownHall

DECEMBER = date(2026, 12, 1)
GOOD, BAD = Faults(), Faults(reject=frozenset({"*"}))
OWED_AGAIN = {"BENEFITS": 0, "PAYABLE": 0, "IN_TRANSIT": 0}
PAID = {"BENEFITS": 70_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -70_000}


async def returned(hall: TownHall, application: UUID | None = None, subject: str | None = None) -> Instalment:
    """Of a new payee, whose money the bank rejected; it is in good health again."""
    await hall.grant(application=application, subject=subject)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.bank.faults = BAD
    await hall.jobs.send(hall.planner, run.id)
    hall.bank.faults = GOOD
    return (await hall.instalments())[-1]


async def pay(hall: TownHall, run: PaymentRun) -> None:
    await hall.jobs.approve(hall.approver, run.id)
    await hall.jobs.send(hall.planner, run.id)
    await hall.jobs.reconcile(hall.planner, run.id)


async def standing(hall: TownHall) -> list[tuple[str, int]]:
    return [(one.status, one.satang) for one in await hall.instalments()]


async def told(hall: TownHall, template: str) -> list[tuple[str, str]]:
    async with hall.db.read() as session:
        rows = await session.scalars(select(Message).where(col(Message.template) == template))
        return [(row.body_th, row.body_en) for row in rows]


async def late(hall: TownHall, run: UUID | None, one: Instalment, reference: str = "LATE") -> None:
    """The bank books after all what it had rejected."""
    assert run is not None
    entry = Entry(EntryKind.PAID, reference, one.id.hex, Money(one.satang), "THB", hall.clock.now())
    async with hall.db.write() as session:
        held = await hall.jobs.runs.locked(session, hall.planner, run)
        await hall.jobs.reconciliation.take_entries(session, held, [entry])


async def test_who_says_where_they_are_paid_is_paid_again_with_the_next_run(hall: TownHall) -> None:
    first = await returned(hall)
    await say(hall, first.person, ACCOUNT)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    assert await hall.balances() == OWED_AGAIN
    old, again = await hall.instalments()
    assert (again.repeats, again.run, again.period, again.destination is None) == (old.id, run.id, PERIOD, False)
    await pay(hall, run)
    assert await standing(hall) == [("RETURNED", 70_000), ("SETTLED", 70_000)]
    assert await hall.balances() == PAID
    assert [entry.end_to_end for entry in hall.bank.books.entries()] == [again.id.hex]


async def test_while_nothing_is_mended_it_is_not_tried_again(hall: TownHall) -> None:
    await returned(hall)
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000, "IN_TRANSIT": 0}


async def test_an_officer_may_say_so_once(hall: TownHall) -> None:
    first = await returned(hall)
    assert [one.id for one in await hall.jobs.returned(hall.approver)] == [first.id]
    again = await hall.jobs.pay_again(hall.planner, first.id)
    assert await hall.jobs.returned(hall.approver) == []
    for refused in (first.id, again.id):
        with pytest.raises(NotPaidAgain):
            await hall.jobs.pay_again(hall.planner, refused)
    await pay(hall, await hall.jobs.plan(hall.planner, PERIOD))
    assert await hall.balances() == PAID


async def test_what_comes_back_twice_is_paid_by_a_third(hall: TownHall) -> None:
    first = await returned(hall)
    second = await hall.jobs.pay_again(hall.planner, first.id)
    hall.bank.faults = Faults(send_back=frozenset({second.id.hex}))
    await pay(hall, await hall.jobs.plan(hall.planner, PERIOD))
    hall.bank.faults = GOOD
    await say(hall, first.person, ACCOUNT)
    await pay(hall, await hall.jobs.plan(hall.planner, PERIOD))
    assert [status for status, _ in await standing(hall)] == ["RETURNED", "RETURNED", "SETTLED"]
    assert (await hall.balances())["BANK"] == -70_000
    assert (await hall.balances())["BENEFITS"] == 70_000


async def test_who_may_say_so_and_of_what(hall: TownHall) -> None:
    first = await returned(hall)
    with pytest.raises(NotAPaymentOfficer):
        await hall.jobs.pay_again(Clerk(roles=frozenset({"pay.approve"})), first.id)
    with pytest.raises(NotAPaymentOfficer):
        await hall.jobs.returned(Clerk(roles=frozenset()))
    for officer, instalment in ((Clerk(agency="dcy"), first.id), (hall.planner, new_id())):
        with pytest.raises(InstalmentNotFound):
            await hall.jobs.pay_again(officer, instalment)
    assert await hall.jobs.returned(Clerk(agency="dcy")) == []


@pytest.mark.parametrize("at_once", ["asked", "planned"])
async def test_twenty_at_once_owe_it_again_once(hall: TownHall, at_once: str) -> None:
    first = await returned(hall)
    await say(hall, first.person, ACCOUNT)
    if at_once == "asked":
        tries = await asyncio.gather(
            *(hall.jobs.pay_again(Clerk(), first.id) for _ in range(20)), return_exceptions=True
        )
        assert sum(isinstance(one, Instalment) for one in tries) == 1
        assert sum(isinstance(one, NotPaidAgain) for one in tries) == 19
    runs = await asyncio.gather(*(hall.jobs.plan(Clerk(), period) for period in (PERIOD, DECEMBER) for _ in range(10)))
    assert sum(one.repeats == first.id for one in await hall.instalments()) == 1
    assert len({run.id for run in runs}) <= 2
    assert (await hall.balances())["PAYABLE"] == 0


async def test_the_database_lets_one_repeat_it_and_one_of_a_month_count(hall: TownHall) -> None:
    first = await returned(hall)
    again = await hall.jobs.pay_again(hall.planner, first.id)
    fields = {column: getattr(again, column) for column in type(again).model_fields}
    for third in ({**fields, "id": new_id(), "status": "CANCELLED"}, {**fields, "id": new_id(), "repeats": new_id()}):
        with pytest.raises(IntegrityError):
            async with hall.db.write() as session:
                session.add(Instalment(**third))
    with pytest.raises(IntegrityError):
        async with hall.db.write() as session:
            await session.execute(update(Instalment).where(col(Instalment.id) == first.id).values(status="SETTLED"))


# What is due may have changed meanwhile.


@pytest.mark.parametrize(("baht", "paid"), [(600, 60_000), (700, 70_000)])
async def test_what_is_due_by_now_is_what_is_paid(hall: TownHall, baht: int, paid: int) -> None:
    application = new_id()
    first = await returned(hall, application)
    hall.amounts.by_application[application] = Money.baht(baht)
    await hall.jobs.pay_again(hall.planner, first.id)
    await pay(hall, await hall.jobs.plan(hall.planner, PERIOD))
    assert await hall.balances() == {"BENEFITS": paid, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -paid}


async def test_what_is_not_due_any_more_or_nobody_knows_is_not_paid(hall: TownHall) -> None:
    nothing, unknown = new_id(), new_id()
    of_nothing, of_unknown = await returned(hall, nothing), await returned(hall, unknown)
    hall.amounts.by_application[nothing] = None
    hall.amounts.unread[unknown] = ("annual_income",)
    for one in (of_nothing, of_unknown):
        with pytest.raises(NotPaidAgain):
            await hall.jobs.pay_again(hall.planner, one.id)


@pytest.mark.parametrize(("since", "is_owed"), [(PERIOD, False), (DECEMBER, True)])
async def test_after_an_end_only_the_months_before_it_are_paid_again(
    hall: TownHall, since: date, is_owed: bool
) -> None:
    application = new_id()
    first = await returned(hall, application)
    async with hall.db.write() as session:
        await hall.awards.end_from(session, application=application, since=since, cause="DEATH")
    await say(hall, first.person, ACCOUNT)
    hall.amounts.by_application[application] = None  # the decision that ends it says nothing of the months before
    if is_owed:
        assert (await hall.jobs.plan(hall.planner, PERIOD)).total == 70_000
    else:
        with pytest.raises(NothingDue):
            await hall.jobs.plan(hall.planner, PERIOD)


@pytest.mark.parametrize("planned", [False, True])
async def test_a_withdrawal_takes_nothing_of_what_was_approved_before_and_came_back(
    hall: TownHall, planned: bool
) -> None:
    application = new_id()
    first = await returned(hall, application)
    await hall.jobs.pay_again(hall.planner, first.id)
    if planned:
        await hall.jobs.plan(hall.planner, PERIOD)
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)
    await pay(hall, await hall.jobs.plan(hall.planner, PERIOD))
    assert await hall.balances() == PAID


async def test_a_month_that_another_award_pays_is_not_paid_again(hall: TownHall) -> None:
    application = new_id()
    first = await returned(hall, application)
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)
    await hall.grant(payee=first.person)
    with pytest.raises(NotPaidAgain):
        await hall.jobs.pay_again(hall.planner, first.id)
    assert [status for status, _ in await standing(hall)] == ["RETURNED", "SCHEDULED"]


# The bank books after all what it had sent back.


async def test_what_the_bank_paid_after_all_is_not_paid_again(hall: TownHall) -> None:
    first = await returned(hall)
    await late(hall, first.run, first)
    await say(hall, first.person, BankAccount("004", "1234567890"))
    assert await hall.jobs.returned(hall.planner) == []
    with pytest.raises(NotPaidAgain):
        await hall.jobs.pay_again(hall.planner, first.id)
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)


@pytest.mark.parametrize("others", [None, 0, 1])
async def test_what_was_to_pay_it_again_leaves_the_run_that_is_only_planned(hall: TownHall, others: int | None) -> None:
    first = await returned(hall)
    again = await hall.jobs.pay_again(hall.planner, first.id)
    planned = None
    if others is not None:
        for _ in range(others):
            await hall.grant()
        planned = await hall.jobs.plan(hall.planner, PERIOD)
    for _ in range(2):
        await late(hall, first.run, first)
    [now] = [one for one in await hall.instalments() if one.id == again.id]
    assert (now.status, now.run) == ("CANCELLED", None)
    assert [one.kind for one in await hall.breaks()] == ["PAID_AFTER_RETURN"]
    if planned is not None and others:
        await pay(hall, planned)
        assert (await hall.balances())["BANK"] == -70_000


async def test_what_is_approved_stays_in_its_run_and_the_break_says_so(hall: TownHall) -> None:
    first = await returned(hall)
    await hall.jobs.pay_again(hall.planner, first.id)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    await late(hall, first.run, first)
    assert [status for status, _ in await standing(hall)] == ["RETURNED", "IN_RUN"]
    assert [one.kind for one in await hall.breaks()] == ["PAID_AFTER_RETURN"]


async def test_a_cancelled_repeat_of_what_the_bank_paid_does_not_come_back(hall: TownHall) -> None:
    application = new_id()
    first = await returned(hall, application)
    await hall.jobs.pay_again(hall.planner, first.id)
    await late(hall, first.run, first)
    async with hall.db.write() as session:
        await hall.awards.reassessed(session, application=application, since=PERIOD, cause="CORRECTION")
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)


# The payee is told.


async def test_the_payee_is_told_what_to_mend_and_that_it_is_paid_again(hall: TownHall) -> None:
    first = await returned(hall)
    [(thai, english)] = await told(hall, "pay.returned")
    assert first.reason == "AC03"
    assert "correct where you are paid" in english
    assert "กรุณาแก้ช่องทางรับเงิน" in thai
    await hall.jobs.pay_again(hall.planner, first.id)
    [(_, english)] = await told(hall, "pay.again")
    assert "700.00 baht is paid again" in english


@pytest.mark.parametrize(
    ("reason", "says"), [("AC04", "closed"), ("AC06", "blocked"), ("ZZ99", "check"), (None, "check")]
)
def test_there_is_something_to_mend_for_every_reason(reason: str | None, says: str) -> None:
    assert says in what_to_mend(reason).en
