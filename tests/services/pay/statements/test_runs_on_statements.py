"""Payments that went out by runs, on the bank's statement of their day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.pay.payers import treasury_account
from services.pay.rails.bank import BankRail
from services.pay.statements.models import StatementBreakKind as Kind
from services.pay.statements.service import Statements, Taken
from services.sandbox.bank.faults import Faults
from tests.services.pay.town import TownHall


async def statement_of_today(hall: TownHall, faults: Faults | None = None) -> tuple[Taken, list[Kind]]:
    """Once today is over."""
    day = hall.clock.today()
    hall.clock.advance(timedelta(days=1))
    hall.bank.faults = faults or Faults()
    statements = Statements(hall.db, hall.clock, BankRail(hall.client, "http://bank"), treasury_account)
    taken = await statements.take(hall.planner, day)
    return taken, [Kind(one.kind) for one in await statements.breaks(hall.planner)]


@pytest.mark.parametrize("fault", ["", "send_back", "reject", "take_back", "duplicate"])
async def test_whatever_became_of_a_run_is_known_on_its_day(hall: TownHall, fault: str) -> None:
    run = await hall.approved(3)
    some = [one.id.hex for one in await hall.instalments()][:1]
    hall.bank.faults = Faults.model_validate({} if not fault else {fault: True if fault == "duplicate" else some})
    await hall.jobs.send(hall.approver, run.id)
    await hall.jobs.reconcile(hall.approver, run.id)
    await hall.jobs.reconcile(hall.approver, run.id)
    taken, kinds = await statement_of_today(hall)
    assert kinds == []
    left = 3 if fault in ("", "duplicate") else 2
    assert taken.statement.closing == -left * 700_00


async def test_what_was_never_asked_for_is_named_until_it_is(hall: TownHall) -> None:
    run = await hall.sent(2)
    hall.bank.notification(message=run.id.hex)  # booked, and the notification lost
    day = hall.clock.today()
    taken, kinds = await statement_of_today(hall)
    assert (taken.new, kinds) == (2, [Kind.NOT_TOLD] * 2)
    await hall.jobs.reconcile(hall.approver, run.id)
    statements = Statements(hall.db, hall.clock, BankRail(hall.client, "http://bank"), treasury_account)
    assert (await statements.take(hall.planner, day)).closed == 2
    assert await statements.breaks(hall.planner) == []


async def test_a_payment_that_the_statement_leaves_out_is_named(hall: TownHall) -> None:
    run = await hall.sent(2)
    await hall.jobs.reconcile(hall.approver, run.id)
    reference = next(str(one.bank_reference) for one in await hall.instalments())
    _, kinds = await statement_of_today(hall, Faults(statement_omits=frozenset({reference})))
    assert sorted(kinds) == [Kind.DOES_NOT_ADD_UP, Kind.NOT_LISTED]


async def test_what_was_told_with_another_amount_than_the_statement_has_is_named(hall: TownHall) -> None:
    run = await hall.sent(2)
    hall.bank.faults = Faults(wrong_amount=frozenset("*"))
    await hall.jobs.reconcile(hall.approver, run.id)
    _, kinds = await statement_of_today(hall)
    assert kinds == [Kind.OTHER_AMOUNT] * 2
