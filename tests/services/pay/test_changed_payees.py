"""A payee who says another place between the plan and the bank is held; the rest of the run goes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core.database import Database
from core.ids import new_id
from core.viewer import Viewer
from identity.inbox.models import Message
from identity.inbox.service import Inbox
from services.pay.accounts import BankAccount, CreditorAccount, Mobile
from services.pay.destinations.models import PayoutDestination
from services.pay.destinations.service import Destinations
from services.pay.errors import NothingDue, RunChanged
from services.pay.models import HeldMonth, Instalment, PaymentRun
from services.pay.needs import Due, Officer
from services.pay.states import RunStatus
from tests.services.pay.town import KEYS, PERIOD, TownHall

MOBILE, ACCOUNT = Mobile("+66812345678"), BankAccount("006", "1234567890")


async def say(hall: TownHall, person: UUID, account: Mobile | BankAccount | None) -> PayoutDestination:
    viewer = Viewer(person, "demo-app", frozenset(), "ial2.3-aal2.2", hall.clock.now() + timedelta(hours=1))
    async with hall.db.write() as session:
        return await Destinations(hall.clock, KEYS, Inbox(hall.clock)).change(session, viewer, account)


async def payees(hall: TownHall, count: int) -> list[UUID]:
    found = [await hall.person() for _ in range(count)]
    for one in found:
        await hall.grant(payee=one)
    return found


async def approved(hall: TownHall) -> PaymentRun:
    run = await hall.jobs.plan(hall.planner, PERIOD)
    return await hall.jobs.approve(hall.approver, run.id)


async def held(db: Database) -> list[HeldMonth]:
    async with db.read() as session:
        return list(await session.scalars(select(HeldMonth).where(col(HeldMonth.released_at).is_(None))))


async def file_of(hall: TownHall, run: PaymentRun) -> str:
    async with hall.db.read() as session:
        return (await hall.jobs.runs.file(session, run)).decode()


async def test_who_changes_after_the_approval_is_held_and_the_rest_goes(hall: TownHall) -> None:
    changed, _ = await payees(hall, 2)
    run = await approved(hall)
    await say(hall, changed, ACCOUNT)
    sent = await hall.jobs.send(hall.approver, run.id)
    assert (sent.status, sent.instalments, sent.total) == ("SUBMITTED", 1, 70_000)
    assert (await hall.jobs.reconcile(hall.approver)).settled == 1
    status = {i.person: (i.status, i.run) for i in await hall.instalments()}
    assert status[changed] == ("SCHEDULED", None)
    [month] = await held(hall.db)
    assert (month.person, month.period, month.reason) == (changed, PERIOD, "DESTINATION_CHANGED")
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -70_000}


async def test_what_was_held_goes_to_the_new_place_after_a_fresh_approval(hall: TownHall) -> None:
    changed, _ = await payees(hall, 2)
    run = await approved(hall)
    await say(hall, changed, ACCOUNT)
    await hall.jobs.send(hall.approver, run.id)
    again = await hall.jobs.plan(hall.planner, PERIOD)
    assert (again.id != run.id, again.instalments, await held(hall.db)) == (True, 1, [])
    await hall.jobs.approve(hall.approver, again.id)
    assert ACCOUNT.number in await file_of(hall, await hall.jobs.send(hall.approver, again.id))
    assert (await hall.jobs.reconcile(hall.approver)).settled == 2
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -140_000}


async def test_who_changes_before_the_approval_is_not_paid_at_the_old_place_either(hall: TownHall) -> None:
    [payee] = await payees(hall, 1)
    planned = await hall.jobs.plan(hall.planner, PERIOD)
    await say(hall, payee, MOBILE)
    await hall.jobs.approve(hall.approver, planned.id)
    sent = await hall.jobs.send(hall.approver, planned.id)
    assert (sent.status, sent.submitted_at, hall.bank.books.answer_to(sent.id.hex)) == (RunStatus.RETURNED, None, None)
    assert set((await hall.balances()).values()) == {0}


async def test_a_run_in_which_everyone_is_held_ends_with_what_was_approved(hall: TownHall) -> None:
    for one in await payees(hall, 2):
        await hall.grant(payee=one, agency="other")
    run = await approved(hall)
    for one in {i.person for i in await hall.instalments()}:
        await say(hall, one, MOBILE)
    for _ in range(2):
        sent = await hall.jobs.send(hall.approver, run.id)
        assert (sent.status, sent.total, sent.closed_at is None) == (RunStatus.RETURNED, 140_000, False)
    assert (await hall.jobs.plan(hall.planner, PERIOD)).instalments == 2


async def test_who_changes_after_the_bank_has_it_is_paid_where_it_was_to_go(hall: TownHall) -> None:
    [payee] = await payees(hall, 1)
    run = await approved(hall)
    await hall.jobs.send(hall.approver, run.id)
    await say(hall, payee, ACCOUNT)
    await hall.jobs.send(hall.approver, run.id)
    assert (await hall.jobs.reconcile(hall.approver)).settled == 1
    assert await held(hall.db) == []


async def test_a_held_payee_is_told_what_happens_to_the_money(hall: TownHall) -> None:
    [payee] = await payees(hall, 1)
    run = await approved(hall)
    await say(hall, payee, ACCOUNT)
    await hall.jobs.send(hall.approver, run.id)
    async with hall.db.read() as session:
        kinds = set(await session.scalars(select(col(Message.template)).where(col(Message.person) == payee)))
    assert "pay.held-for-destination" in kinds


async def test_what_was_held_leaves_with_its_award(hall: TownHall) -> None:
    application, payee = new_id(), await hall.person()
    await hall.grant(payee=payee, application=application)
    run = await approved(hall)
    await say(hall, payee, ACCOUNT)
    await hall.jobs.send(hall.approver, run.id)
    async with hall.db.write() as session:
        await hall.awards.retry_held(session, application=application)
    assert [month.reason for month in await held(hall.db)] == ["DESTINATION_CHANGED"], "only a plan releases it"
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)
    assert ([i.status for i in await hall.instalments()], await held(hall.db)) == (["CANCELLED"], [])
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)


async def test_an_approved_run_that_another_hand_changed_holds_nobody(hall: TownHall) -> None:
    changed, other = await payees(hall, 2)
    run = await approved(hall)
    await say(hall, changed, ACCOUNT)
    async with hall.db.write() as session:
        await session.execute(update(Instalment).where(col(Instalment.person) == other).values(satang=70_001))
    with pytest.raises(RunChanged):
        await hall.jobs.send(hall.approver, run.id)
    assert {i.status for i in await hall.instalments()} == {"IN_RUN"}


async def test_who_changes_while_the_file_is_written_is_not_in_the_one_that_goes(hall: TownHall) -> None:
    changed, _ = await payees(hall, 2)
    run = await approved(hall)
    reveal = hall.jobs.payees.reveal

    class Meanwhile:
        asked = 0

        async def reveal(self, due: set[Due], *, officer: Officer, run: UUID) -> dict[Due, CreditorAccount]:
            found = dict(await reveal(due, officer=officer, run=run))
            self.asked += 1
            if self.asked == 1:
                await say(hall, changed, ACCOUNT)
            return found

    meanwhile = Meanwhile()
    object.__setattr__(hall.jobs, "payees", meanwhile)
    sent = await hall.jobs.send(hall.approver, run.id)
    assert (meanwhile.asked, sent.instalments) == (2, 1)
    assert (await hall.jobs.reconcile(hall.approver)).settled == 1


async def test_changes_and_sends_at_once_pay_each_once_and_nobody_where_they_are_no_more(hall: TownHall) -> None:
    people = await payees(hall, 6)
    run = await approved(hall)

    async def change(person: UUID) -> None:
        await say(hall, person, ACCOUNT)

    await asyncio.gather(
        *(change(person) for person in people[:4]), *(hall.jobs.send(hall.approver, run.id) for _ in range(8))
    )
    first = await hall.jobs.reconcile(hall.approver)
    there = await hall.instalments()
    waiting = {i.person for i in there if i.status == "SCHEDULED"}
    assert first.settled == 6 - len(waiting)
    assert waiting <= set(people[:4])
    assert {month.person for month in await held(hall.db)} == waiting
    if waiting:
        again = await hall.jobs.plan(hall.planner, PERIOD)
        assert again.instalments == len(waiting)
        await hall.jobs.approve(hall.approver, again.id)
        await hall.jobs.send(hall.approver, again.id)
        await hall.jobs.reconcile(hall.approver)
    assert {i.status for i in await hall.instalments()} == {"SETTLED"}
    assert await hall.balances() == {"BENEFITS": 420_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -420_000}
    assert len(hall.bank.books.entries()) == 6
