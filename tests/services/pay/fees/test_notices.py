"""The bank's word that a bill was paid: taken in once, whole, and from the bank alone."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core.ids import new_id
from core.money import Money
from identity.inbox.models import Message
from services.pay.fees.errors import BillPaid, IncomingNotFound, NothingToPay
from services.pay.fees.models import Bill, IncomingPayment
from services.pay.fees.needs import Notice
from services.pay.fees.routes import NOTICES_PATH
from services.pay.fees.service import GOOD_FOR
from services.pay.fees.states import Verdict
from services.pay.ledger.models import LedgerTransaction
from services.sandbox.bank.bills import BillBank, ScanFault
from tests.services.pay.fees.till import SECRET, Till, code_of


async def messages(till: Till) -> list[str]:
    async with till.db.read() as session:
        return list(await session.scalars(select(col(Message.template)).order_by(col(Message.id))))


def notice(bill: Bill, transaction: str = "B1", satang: int | None = None, **other: object) -> Notice:
    values = {
        "transaction": transaction,
        "biller": bill.biller,
        "reference": bill.reference,
        "second": bill.second_reference,
        "money": Money(bill.satang if satang is None else satang),
        "paid_at": bill.created_at + timedelta(minutes=1),
        **other,
    }
    return Notice(**values)  # type: ignore[arg-type]  # by name


async def take(till: Till, given: Notice) -> Verdict:
    async with till.db.write() as session:
        return await till.bills.take(session, given)


async def test_a_scanned_bill_is_paid_booked_and_told(till: Till) -> None:
    bill = await till.bill()
    assert await till.scan(bill) == [{"status": 200, "outcome": "PAID"}]
    assert await till.status(bill) == "PAID"
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}
    assert [key for key, _ in till.fees.settled] == [bill.id]
    assert await messages(till) == ["pay.bill-paid"]


async def test_a_notice_that_comes_twice_is_answered_the_same_and_books_once(till: Till) -> None:
    bill = await till.bill()
    paid = {"status": 200, "outcome": "PAID"}
    assert await till.scan(bill, ScanFault.TOLD_TWICE) == [paid, paid]
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}
    assert len(await till.incoming()) == 1


async def test_of_fifty_parallel_notices_exactly_one_books(till: Till) -> None:
    bill = await till.bill()
    told = await asyncio.gather(*(take(till, notice(bill)) for _ in range(50)))
    assert set(told) == {Verdict.PAID}
    assert len(till.fees.settled) == 1
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}
    async with till.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(LedgerTransaction)) == 1


async def test_of_twenty_who_pay_at_once_one_pays_and_the_others_get_all_of_it_back(till: Till) -> None:
    bill = await till.bill()
    told = await asyncio.gather(*(take(till, notice(bill, f"B{number}")) for number in range(20)))
    assert sorted(told) == sorted([Verdict.PAID, *[Verdict.PAID_ALREADY] * 19])
    assert len(till.fees.settled) == 1
    assert await till.balances() == {"BANK": 5_000_00, "FEES": -250_00, "UNAPPLIED": -4_750_00}


@pytest.mark.parametrize("satang", [249_99, 250_01, 1])
async def test_a_wrong_amount_pays_nothing_and_is_set_apart_whole(till: Till, satang: int) -> None:
    bill = await till.bill()
    assert await take(till, notice(bill, satang=satang)) is Verdict.WRONG_AMOUNT
    assert await till.status(bill) == "OPEN"
    assert till.fees.settled == []
    assert await till.balances() == {"BANK": satang, "UNAPPLIED": -satang}
    assert await messages(till) == ["pay.bill-goes-back"]
    assert await take(till, notice(bill, "B2")) is Verdict.PAID


async def test_a_second_reference_of_another_bill_pays_nothing(till: Till) -> None:
    bill = await till.bill()
    assert await take(till, notice(bill, second="20261119100000")) is Verdict.WRONG_AMOUNT
    assert await till.status(bill) == "OPEN"


async def test_an_unknown_reference_is_set_apart_and_tells_nobody(till: Till) -> None:
    bill = await till.bill()
    assert await till.scan(bill, ScanFault.UNKNOWN_REFERENCE) == [{"status": 200, "outcome": "UNKNOWN_REFERENCE"}]
    [kept] = await till.incoming()
    assert (kept.person, kept.bill) == (None, None)
    assert await till.balances() == {"BANK": 250_00, "UNAPPLIED": -250_00}
    assert await messages(till) == []


@pytest.mark.parametrize(("before", "verdict"), [(1, Verdict.PAID), (0, Verdict.LATE), (-1, Verdict.LATE)])
async def test_a_bill_is_good_to_the_last_moment_and_not_at_it(till: Till, before: int, verdict: Verdict) -> None:
    bill = await till.bill()
    till.clock.advance(GOOD_FOR + timedelta(hours=1))
    assert await take(till, notice(bill, paid_at=bill.due_at - timedelta(microseconds=before))) is verdict


async def test_what_was_paid_in_time_counts_though_it_was_told_late_and_another_bill_was_made(till: Till) -> None:
    about = new_id()
    first = await till.bill(about)
    till.clock.advance(GOOD_FOR + timedelta(hours=1))
    second = await till.bill(about)
    assert second.id != first.id
    assert await take(till, notice(first)) is Verdict.PAID
    assert (await till.status(first), await till.status(second)) == ("PAID", "CANCELLED")
    assert await take(till, notice(second, "B2")) is Verdict.PAID_ALREADY


async def test_a_forged_notice_changes_nothing(till: Till) -> None:
    bill = await till.bill()
    [told] = await till.scan(bill, ScanFault.FORGED)
    assert told["status"] == 401
    assert told["errors"][0]["extensions"]["code"] == "NOTICE_NOT_SIGNED"
    assert await till.incoming() == []
    assert await till.balances() == {}


@pytest.mark.parametrize("broken", ["signature", "signature-input", "content-digest", "body", "created", "path"])
async def test_whatever_of_a_signed_notice_is_changed_it_is_refused(till: Till, broken: str) -> None:
    bill = await till.bill()
    body = json.dumps(till.bank._read(code_of(bill)).as_json()).encode()
    headers = till.bank._headers(body, SECRET)
    path = NOTICES_PATH
    if broken == "body":
        body = body.replace(b"250.00", b"250.01")
    elif broken == "path":
        other = BillBank(till.bank._path, till.clock, till.client, "http://sitthi/elsewhere", SECRET)
        headers = other._headers(body, SECRET)
    elif broken == "created":
        till.clock.advance(timedelta(seconds=301))
    else:
        del headers[broken]
    answer = await till.client.post(path, content=body, headers=headers)
    assert answer.status_code == 401
    assert await till.incoming() == []


@pytest.mark.parametrize(
    ("member", "value"),
    [("amount", "-1.00"), ("amount", "1e3"), ("amount", "1.005"), ("amount", "0.00"), ("amount", 250), ("biller", "1"),
     ("currency", "USD"), ("paidAt", "2026-11-16T10:00:00"), ("paidAt", "2027-11-16T10:00:00+07:00"),
     ("transaction", "x" * 36), ("transaction", ""), ("reference1", "๑๒๓"), ("extra", "1")],
)  # fmt: skip
async def test_a_signed_notice_that_cannot_be_read_names_the_member_and_changes_nothing(
    till: Till, member: str, value: object
) -> None:
    bill = await till.bill()
    body = json.dumps({**till.bank._read(code_of(bill)).as_json(), member: value}).encode()
    answer = await till.client.post(NOTICES_PATH, content=body, headers=till.bank._headers(body, SECRET))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOTICE_MALFORMED"
    assert await till.incoming() == []


async def test_a_biller_that_nobody_is_is_refused(till: Till) -> None:
    bill = await till.bill()
    credit = {**till.bank._read(code_of(bill)).as_json(), "biller": "0" * 15}
    body = json.dumps(credit).encode()
    answer = await till.client.post(NOTICES_PATH, content=body, headers=till.bank._headers(body, SECRET))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (422, "UNKNOWN_BILLER")


async def test_another_payment_under_a_known_transaction_id_is_refused(till: Till) -> None:
    bill = await till.bill()
    [_] = await till.scan(bill)
    [kept] = await till.incoming()
    credit = {**till.bank.credits(bill.biller)[0].as_json(), "amount": "999.00"}
    body = json.dumps(credit).encode()
    answer = await till.client.post(NOTICES_PATH, content=body, headers=till.bank._headers(body, SECRET))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (409, "NOTICE_CONFLICT")
    assert [one.satang for one in await till.incoming()] == [kept.satang]


async def test_what_is_not_owed_any_more_goes_back(till: Till) -> None:
    bill = await till.bill()
    till.fees.owed = False
    assert await take(till, notice(bill)) is Verdict.NOT_DUE
    assert await till.status(bill) == "OPEN"
    assert await till.balances() == {"BANK": 250_00, "UNAPPLIED": -250_00}


async def test_a_withdrawn_bill_is_not_paid(till: Till) -> None:
    bill = await till.bill()
    async with till.db.write() as session:
        await till.bills.cancel(session, bill.charge)
    assert await take(till, notice(bill)) is Verdict.NOT_DUE
    assert await till.status(bill) == "CANCELLED"


async def test_who_asks_for_the_bill_again_gets_the_same(till: Till) -> None:
    about = new_id()
    made = await asyncio.gather(*(till.bill(about) for _ in range(10)))
    assert len({one.id for one in made}) == 1


async def test_a_changed_amount_makes_another_bill_and_withdraws_the_first(till: Till) -> None:
    about = new_id()
    first = await till.bill(about)
    till.fees.satang = 300_00
    second = await till.bill(about)
    assert (await till.status(first), await till.status(second)) == ("CANCELLED", "OPEN")


async def test_a_fee_that_is_paid_is_not_billed_again(till: Till) -> None:
    about = new_id()
    await till.scan(await till.bill(about))
    with pytest.raises(BillPaid):
        await till.bill(about)


async def test_where_nothing_is_owed_there_is_no_bill(till: Till) -> None:
    till.fees.satang = None
    with pytest.raises(NothingToPay):
        await till.bill()


async def test_what_paid_no_bill_goes_back_once(till: Till) -> None:
    bill = await till.bill()
    await till.scan(bill, ScanFault.WRONG_AMOUNT)
    [kept] = await till.desk.to_go_back(till.officer)

    async def refund(key: UUID, agency: str = "dla") -> IncomingPayment:
        async with till.db.write() as session:
            return await till.bills.refund(session, agency, key, "R1")

    with pytest.raises(IncomingNotFound):
        await refund(kept.id, "dlt")
    done = await asyncio.gather(*(refund(kept.id) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, IncomingPayment) for one in done) == 1
    assert await till.balances() == {}
    assert await till.desk.to_go_back(till.officer) == []
    assert (await messages(till))[-1] == "pay.bill-refunded"


async def test_what_paid_its_bill_does_not_go_back(till: Till) -> None:
    await till.scan(await till.bill())
    [kept] = await till.incoming()
    with pytest.raises(IncomingNotFound):
        async with till.db.write() as session:
            await till.bills.refund(session, "dla", kept.id, "R1")
