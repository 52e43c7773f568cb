"""Our list of a day against the bank's, and asking the bank about lost notices."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.errors import BadInput
from core.ids import new_id
from core.money import Money
from services.pay.errors import NotAPaymentOfficer
from services.pay.fees.errors import NoticeMalformed
from services.pay.fees.notices import read_list
from services.pay.reconciliation import BreakKind
from services.sandbox.bank.bills import ScanFault
from tests.services.pay.fees.till import Till
from tests.services.pay.town import Clerk


async def next_day(till: Till) -> date:
    """The day that was today and is over now."""
    day = till.clock.today()
    till.clock.advance(timedelta(days=1))
    return day


async def kinds(till: Till) -> list[str]:
    return [one.kind for one, _ in await till.desk.breaks(till.officer)]


async def test_a_lost_notice_is_found_by_asking_and_paid_once(till: Till) -> None:
    bill = await till.bill()
    assert await till.scan(bill, ScanFault.NOT_TOLD) == []
    assert await till.desk.ask() == 0
    assert await till.status(bill) == "OPEN"
    till.clock.advance(timedelta(minutes=6))
    assert await till.desk.ask() == 1
    assert await till.status(bill) == "PAID"
    assert await till.desk.ask() == 0
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}


async def test_the_bank_is_asked_about_a_bill_once_an_hour(till: Till) -> None:
    bill = await till.bill()
    till.clock.advance(timedelta(minutes=6))
    assert await till.desk.ask() == 0
    await till.scan(bill, ScanFault.NOT_TOLD)
    till.clock.advance(timedelta(minutes=59))
    assert await till.desk.ask() == 0
    till.clock.advance(timedelta(minutes=2))
    assert await till.desk.ask() == 1


async def test_a_day_on_which_all_is_well_has_no_breaks_and_its_sums(till: Till) -> None:
    await till.scan(await till.bill())
    await till.scan(await till.bill(), ScanFault.TOLD_TWICE)
    day = await next_day(till)
    report = await till.desk.reconcile(till.officer, day)
    assert (report.paid, report.money, report.set_apart, report.breaks) == (2, Money.baht(500), 0, 0)
    assert await kinds(till) == []


async def test_what_nobody_told_of_is_taken_in_from_the_list(till: Till) -> None:
    bill = await till.bill()
    await till.scan(bill, ScanFault.NOT_TOLD)
    report = await till.desk.reconcile(till.officer, await next_day(till))
    assert (report.paid, report.money, report.breaks) == (1, Money.baht(250), 0)
    assert await till.status(bill) == "PAID"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (ScanFault.UNKNOWN_REFERENCE, BreakKind.UNKNOWN_REFERENCE),
        (ScanFault.WRONG_AMOUNT, BreakKind.WRONG_AMOUNT),
        (ScanFault.PAID_TWICE, BreakKind.BOOKED_TWICE),
        (ScanFault.NOT_LISTED, BreakKind.NOT_BOOKED),
    ],
)
async def test_every_divergence_is_a_break_of_one_kind_once(till: Till, fault: ScanFault, kind: BreakKind) -> None:
    await till.scan(await till.bill(), fault)
    day = await next_day(till)
    assert (await till.desk.reconcile(till.officer, day)).breaks == 1
    assert await kinds(till) == [kind.value]
    assert (await till.desk.reconcile(till.officer, day)).breaks == 0
    assert await kinds(till) == [kind.value]


async def test_what_came_for_a_withdrawn_bill_is_a_break(till: Till) -> None:
    bill = await till.bill()
    async with till.db.write() as session:
        await till.bills.cancel(session, bill.charge)
    await till.scan(bill)
    await till.desk.reconcile(till.officer, await next_day(till))
    assert await kinds(till) == [BreakKind.PAID_AFTER_RETURN.value]


async def test_what_went_back_and_is_not_in_the_list_is_a_break(till: Till) -> None:
    bill = await till.bill()
    await till.scan(bill)
    till.fees.owed = False
    await till.scan(await till.bill(), ScanFault.NOT_LISTED)
    [kept] = await till.desk.to_go_back(till.officer)
    async with till.db.write() as session:
        await till.bills.refund(session, "dla", kept.id, "R1")
    report = await till.desk.reconcile(till.officer, await next_day(till))
    assert report.refunded == Money.baht(250)
    assert await kinds(till) == [BreakKind.RETURN_NOT_EXPECTED.value]


async def test_a_day_that_is_not_over_is_not_reconciled(till: Till) -> None:
    with pytest.raises(BadInput):
        await till.desk.reconcile(till.officer, till.clock.today())


async def test_each_agency_sees_its_own(till: Till) -> None:
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    other = Clerk(agency="dlt")
    assert await till.desk.to_go_back(other) == []
    assert (await till.desk.report(other, till.clock.today())).set_apart == 0
    assert (await till.desk.report(till.officer, till.clock.today())).set_apart == 1


async def test_who_has_no_role_in_paying_sees_nothing(till: Till) -> None:
    nobody = Clerk(roles=frozenset())
    for look in (till.desk.to_go_back, till.desk.breaks):
        with pytest.raises(NotAPaymentOfficer):
            await look(nobody)
    with pytest.raises(NotAPaymentOfficer):
        await till.desk.report(nobody, till.clock.today())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"count": 1, "total": "0.00", "payments": []}',
        b'{"count": 0, "total": "1.00", "payments": []}',
        b'{"count": 0, "total": "0.00", "payments": {}}',
        b'{"count": 0, "total": "0.00"}',
    ],
)
def test_a_list_whose_count_or_sum_does_not_hold_is_not_used(body: bytes) -> None:
    with pytest.raises(NoticeMalformed):
        read_list(body)


async def test_ids_of_bills_are_nobody_s(till: Till) -> None:
    first, second = await till.bill(new_id()), await till.bill(new_id())
    assert first.person == second.person
    assert first.reference != second.reference
