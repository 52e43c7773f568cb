"""Money that came in a month whose books are closed: booked in the open one, with the day on which the bank had it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import BANGKOK
from core.money import Money
from services.pay.books import Books
from services.pay.fees.acts import FeeRefund
from services.pay.fees.models import Bill, IncomingPayment
from services.pay.fees.states import Verdict
from services.pay.ledger.acts import ActKind, TwoOfficers
from services.pay.ledger.models import LedgerTransaction
from services.pay.ledger.periods import ClosePeriod
from services.sandbox.bank.bills import ScanFault
from tests.services.pay.fees.test_notices import notice, take
from tests.services.pay.fees.till import Till
from tests.services.pay.town import Clerk

DECEMBER = datetime(2026, 12, 1, tzinfo=BANGKOK)
LAST_OF_NOVEMBER = DECEMBER - timedelta(microseconds=1)


def books(till: Till) -> Books:
    return Books(till.db, till.clock, TwoOfficers(till.clock, [ClosePeriod(till.clock), FeeRefund(till.bills)]), ())


async def bill_of_the_last_evening(till: Till) -> Bill:
    till.clock.advance(LAST_OF_NOVEMBER - timedelta(minutes=10) - till.clock.now())
    return await till.bill()


async def closed(till: Till) -> None:
    """November's books are, on the first day on which they may be."""
    till.clock.advance(DECEMBER + timedelta(days=1) - till.clock.now())
    act = await books(till).propose(till.officer, ActKind.CLOSE_PERIOD, {"month": "2026-11"}, "the month is over")
    await books(till).confirm(Clerk(), act.id)


async def booked_at(till: Till) -> list[datetime]:
    async with till.db.read() as session:
        return list(await session.scalars(select(col(LedgerTransaction.booked_at))))


@pytest.mark.parametrize("paid_at", [LAST_OF_NOVEMBER, DECEMBER])
async def test_what_was_paid_on_either_side_of_the_month_s_end_and_told_after_it_was_closed_pays_its_bill(
    till: Till, paid_at: datetime
) -> None:
    bill = await bill_of_the_last_evening(till)
    await closed(till)
    assert await take(till, notice(bill, paid_at=paid_at)) is Verdict.PAID
    assert await booked_at(till) == [till.clock.now()]
    [kept] = await till.incoming()
    assert kept.paid_at == paid_at
    async with till.db.read() as session:
        found = await session.get(Bill, (bill.person, bill.id))
    assert found is not None
    assert found.paid_at == paid_at
    report = await till.desk.report(till.officer, paid_at.astimezone(BANGKOK).date())
    later = Money.baht(250) if paid_at < DECEMBER else Money(0)
    assert (report.paid, report.money, report.later) == (1, Money.baht(250), later)


async def test_what_paid_no_bill_in_a_closed_month_goes_back_in_the_open_one(till: Till) -> None:
    bill = await bill_of_the_last_evening(till)
    await closed(till)
    assert await take(till, notice(bill, satang=1, paid_at=LAST_OF_NOVEMBER)) is Verdict.WRONG_AMOUNT
    [kept] = await till.incoming()
    given = {"incoming": kept.id.hex, "reference": "R1"}
    act = await books(till).propose(till.officer, ActKind.FEE_REFUND, given, "paid the wrong amount")
    await books(till).confirm(Clerk(), act.id)
    assert await till.balances() == {}


async def test_a_lost_notice_of_a_closed_month_is_taken_in_from_the_bank_s_list(till: Till) -> None:
    bill = await bill_of_the_last_evening(till)
    await till.scan(bill, ScanFault.NOT_TOLD)
    await closed(till)
    report = await till.desk.reconcile(till.officer, LAST_OF_NOVEMBER.astimezone(BANGKOK).date())
    assert (report.paid, report.later, report.breaks) == (1, Money.baht(250), 0)
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}


async def test_what_was_told_before_the_month_was_closed_is_in_its_own_books(till: Till) -> None:
    bill = await bill_of_the_last_evening(till)
    assert await take(till, notice(bill, paid_at=till.clock.now())) is Verdict.PAID
    first = await booked_at(till)
    await closed(till)
    assert await take(till, notice(bill, paid_at=first[0])) is Verdict.PAID  # told again
    assert await booked_at(till) == first
    report = await till.desk.report(till.officer, LAST_OF_NOVEMBER.astimezone(BANGKOK).date())
    assert report.later == Money(0)
    async with till.db.read() as session:
        assert len((await session.scalars(select(IncomingPayment))).all()) == 1
