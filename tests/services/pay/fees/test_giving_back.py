"""What a fee was paid for is not to be had: all of it goes back, as what paid no bill does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from core.ids import new_id
from services.pay.fees.models import Bill
from services.pay.fees.service import Bills
from services.sandbox.bank.bills import ScanFault
from tests.services.pay.fees.till import Till


async def paid(till: Till, about: UUID | None = None) -> Bill:
    bill = await till.bill(about)
    await till.scan(bill)
    return bill


async def give_back(till: Till, bill: Bill) -> bool:
    bills: Bills = till.bills
    async with till.db.write() as session:
        return await bills.give_back(session, bill.charge)


async def test_it_is_set_apart_whole_once_and_refunded_as_ever(till: Till) -> None:
    bill = await paid(till)
    assert sorted(await asyncio.gather(*(give_back(till, bill) for _ in range(3)))) == [False, False, True]
    assert await till.balances() == {"BANK": 250_00, "UNAPPLIED": -250_00}
    assert await till.status(bill) == "CANCELLED"
    [kept] = await till.desk.to_go_back(till.officer)
    async with till.db.write() as session:
        await till.bills.refund(session, "dla", kept.id, "R-1")
    assert await till.balances() == {}
    assert await give_back(till, bill) is False


async def test_nothing_goes_back_where_nothing_was_paid(till: Till) -> None:
    bill = await till.bill()
    assert await give_back(till, bill) is False
    assert await till.status(bill) == "OPEN"
    assert await till.balances() == {}


async def test_what_was_paid_twice_goes_back_twice(till: Till) -> None:
    bill = await paid(till)
    await till.scan(bill)
    assert await give_back(till, bill) is True
    assert await till.balances() == {"BANK": 500_00, "UNAPPLIED": -500_00}
    assert len(await till.desk.to_go_back(till.officer)) == 2


async def test_the_banks_list_of_the_day_shows_it_until_it_is_refunded(till: Till) -> None:
    bill = await paid(till)
    await give_back(till, bill)
    day = till.clock.today()
    till.clock.advance(timedelta(days=1))
    report = await till.desk.reconcile(till.officer, day)
    assert (report.paid, report.set_apart) == (0, 1)
    assert [one.kind for one, _ in await till.desk.breaks(till.officer)] == ["PAID_AFTER_RETURN"]
    [kept] = await till.incoming()
    async with till.db.write() as session:
        await till.bills.refund(session, "dla", kept.id, "R-1")
    assert await till.desk.breaks(till.officer) == []


async def test_the_fee_can_be_asked_for_again_after_it_went_back(till: Till) -> None:
    about = new_id()
    first = await paid(till, about)
    await give_back(till, first)
    second = await till.bill(about)
    assert second.id != first.id
    assert await till.scan(second, ScanFault.TOLD_TWICE) == [{"status": 200, "outcome": "PAID"}] * 2
    assert await till.balances() == {"BANK": 500_00, "FEES": -250_00, "UNAPPLIED": -250_00}
