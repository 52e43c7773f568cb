"""Breaks of money that comes in: two officers close them, once, and the ledger follows."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from core.errors import BadInput, ServiceUnavailable
from core.ids import new_id
from core.money import Money
from services.pay.accounts import BankAccount, Mobile
from services.pay.errors import BreakClosed, BreakNotFound, NotAPaymentOfficer, NotResolvedSo, SameOfficer
from services.pay.fees.breaks import IncomingOutcome as Outcome
from services.pay.fees.errors import BillNotAssignable, IncomingNotFound
from services.pay.fees.models import Bill, FeeRefund, IncomingBreak, IncomingResolution
from services.pay.fees.resolving import Proposal
from services.pay.fees.service import GOOD_FOR
from services.pay.rails.contract import Entry, EntryKind
from services.pay.reconciliation import BreakKind
from services.pay.recovery.errors import OwnDebt
from services.sandbox.bank.bills import ScanFault
from services.sandbox.bank.faults import Faults, Settles
from tests.services.pay.fees.test_notices import messages, notice, take
from tests.services.pay.fees.till import Till
from tests.services.pay.town import Clerk

REASON = "the payer was asked"
MOBILE = Mobile("+66812345678")
OTHER = Clerk()


async def broken(till: Till, fault: ScanFault = ScanFault.WRONG_AMOUNT, bill: Bill | None = None) -> IncomingBreak:
    """The break of a day on which that happened."""
    await till.scan(bill or await till.bill(), fault)
    return await found_next_day(till)


async def found_next_day(till: Till) -> IncomingBreak:
    day = till.clock.today()
    till.clock.advance(timedelta(days=1))
    await till.desk.reconcile(till.officer, day)
    [(found, _)] = await till.desk.breaks(till.officer)
    return found


async def propose(till: Till, found: IncomingBreak, outcome: Outcome, **more: object) -> None:
    await till.desk.propose(till.officer, found.id, Proposal(outcome, REASON, **more))  # type: ignore[arg-type]  # by name


async def resolve(till: Till, found: IncomingBreak, outcome: Outcome, **more: object) -> None:
    await propose(till, found, outcome, **more)
    await till.desk.agree(OTHER, found.id, outcome)


async def refund_of(till: Till) -> FeeRefund:
    async with till.db.read() as session:
        return (await session.scalars(select(FeeRefund).order_by(FeeRefund.id.desc()))).first()  # type: ignore[attr-defined,return-value]  # a column; there is one


@pytest.mark.parametrize(
    "fault", [ScanFault.UNKNOWN_REFERENCE, ScanFault.WRONG_AMOUNT, ScanFault.PAID_TWICE], ids=lambda one: one.value
)
@pytest.mark.parametrize("account", [MOBILE, BankAccount("004", "1234567890")], ids=["promptpay", "account"])
async def test_what_paid_no_bill_goes_back_by_a_file_and_is_booked_when_the_bank_books_it(
    till: Till, fault: ScanFault, account: Mobile | BankAccount
) -> None:
    found = await broken(till, fault)
    before = await till.balances()
    await resolve(till, found, Outcome.REFUND, account=account)
    assert (await till.balances())["IN_TRANSIT"] == before["UNAPPLIED"]
    till.files.faults = Faults(settles=Settles.HELD)
    assert (await till.refunds.send(till.officer)).open == 1
    till.files.faults = Faults()
    sent = await till.refunds.send(till.officer)
    assert (sent.settled, sent.open) == (1, 0)
    after = await till.balances()
    assert "UNAPPLIED" not in after
    assert "IN_TRANSIT" not in after
    assert sum(after.values()) == 0
    assert (await till.refunds.send(till.officer)) == type(sent)(0, 0, 0)
    kept = [one for one in await till.incoming() if one.refunded_at is not None]
    refund = await refund_of(till)
    assert [one.refund_reference for one in kept] == [refund.bank_reference]
    assert await till.desk.breaks(till.officer) == []
    assert await till.desk.to_go_back(till.officer) == []


async def test_the_account_is_kept_until_the_bank_has_decided_and_then_gone(till: Till) -> None:
    found = await broken(till)
    await resolve(till, found, Outcome.REFUND, account=MOBILE)
    await till.refunds.send(till.officer)
    async with till.db.read() as session:
        row = await session.get(IncomingResolution, found.id)
    refund = await refund_of(till)
    assert row is not None
    assert (row.account_sealed, refund.file_sealed) == (None, None)


async def test_a_refund_whose_answer_was_lost_is_sent_again_and_paid_once(till: Till) -> None:
    found = await broken(till)
    await resolve(till, found, Outcome.REFUND, account=MOBILE)
    till.files.faults = Faults(timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await till.refunds.send(till.officer)
    assert (await till.refunds.send(till.officer)).settled == 1
    assert (await till.balances()) == {}


@pytest.mark.parametrize("fault", ["reject", "send_back"])
async def test_a_refund_that_comes_back_opens_its_break_again_and_may_go_elsewhere(till: Till, fault: str) -> None:
    found = await broken(till)
    await resolve(till, found, Outcome.REFUND, account=MOBILE)
    till.files.faults = Faults.model_validate({fault: ["*"]})
    assert (await till.refunds.send(till.officer)).returned == 1
    till.files.faults = Faults()
    assert (await till.balances())["UNAPPLIED"] == -251_00
    [(again, proposed)] = await till.desk.breaks(till.officer)
    assert (again.id, proposed) == (found.id, None)
    kept = await refund_of(till)
    assert (kept.why, kept.proposed_by, kept.agreed_by) == (REASON, till.officer.person, OTHER.person)
    assert kept.proposed_at is not None
    assert kept.agreed_at is not None
    await resolve(till, found, Outcome.REFUND, account=BankAccount("004", "1234567890"))
    assert (await till.refunds.send(till.officer)).settled == 1
    assert await till.balances() == {}


async def test_a_refund_that_the_bank_takes_back_opens_its_break_again(till: Till) -> None:
    found = await broken(till)
    await resolve(till, found, Outcome.REFUND, account=MOBILE)
    await till.refunds.send(till.officer)
    till.files.faults = Faults(take_back=frozenset("*"))
    assert (await till.refunds.send(till.officer)).returned == 1
    assert await till.balances() == {"BANK": 251_00, "UNAPPLIED": -251_00}
    assert [one.id for one, _ in await till.desk.breaks(till.officer)] == [found.id]


async def test_a_refund_that_the_bank_tells_wrongly_is_a_break_of_its_own_and_settles_nothing(till: Till) -> None:
    await resolve(till, await broken(till), Outcome.REFUND, account=MOBILE)
    till.files.faults = Faults(wrong_amount=frozenset("*"))
    assert (await till.refunds.send(till.officer)).open == 1
    [(found, _)] = await till.desk.breaks(till.officer)
    assert (found.kind, found.expected, found.found) == (BreakKind.WRONG_AMOUNT.value, -251_00, -251_01)
    till.files.faults = Faults()
    assert (await till.refunds.send(till.officer)).settled == 1
    assert await till.desk.breaks(till.officer) == [], "it is told rightly by now"


@pytest.mark.parametrize("fault", ["wrong_amount", "unknown_reference"])
async def test_what_was_claimed_of_a_refund_that_the_bank_tells_rightly_later_left_the_account_once(
    till: Till, fault: str
) -> None:
    await resolve(till, await broken(till), Outcome.REFUND, account=MOBILE)
    till.files.faults = Faults.model_validate({fault: ["*"]})
    await till.refunds.send(till.officer)
    [(found, _)] = await till.desk.breaks(till.officer)
    await resolve(till, found, Outcome.CLAIMED)
    till.files.faults = Faults()
    assert (await till.refunds.send(till.officer)).settled == 1
    await till.refunds.send(till.officer)
    assert await till.balances() == {}


async def test_an_entry_of_a_refund_in_another_currency_is_no_baht_to_be_claimed(till: Till) -> None:
    await resolve(till, await broken(till), Outcome.REFUND, account=MOBILE)
    refund = await refund_of(till)
    entry = Entry(EntryKind.PAID, "X1", refund.id.hex, Money(100_00), "USD", till.clock.now())
    async with till.db.write() as session:
        await till.refunds._take_entries(session, refund.id, [entry])
    [(found, _)] = await till.desk.breaks(till.officer)
    assert (found.kind, found.expected, found.found) == (BreakKind.WRONG_AMOUNT.value, None, None)
    with pytest.raises(NotResolvedSo):
        await propose(till, found, Outcome.CLAIMED)
    await resolve(till, found, Outcome.NO_MONEY_MOVED)


async def test_what_came_late_pays_the_fee_after_all_where_two_officers_say_so(till: Till) -> None:
    bill = await till.bill()
    till.clock.advance(GOOD_FOR + timedelta(hours=1))
    async with till.db.write() as session:
        await till.bills.take(session, notice(bill, paid_at=till.clock.now()))
    [kept] = await till.incoming()
    assert kept.verdict == "LATE"
    await till.scan(bill)
    day = till.clock.today()
    till.clock.advance(timedelta(days=1))
    await till.desk.reconcile(till.officer, day)
    late = [one for one, _ in await till.desk.breaks(till.officer) if one.kind == BreakKind.PAID_AFTER_RETURN.value]
    await resolve(till, late[0], Outcome.ASSIGN, bill=bill.reference)
    assert await till.status(bill) == "PAID"
    assert (await till.balances())["FEES"] == -250_00
    assert [key for key, _ in till.fees.settled] == [bill.id]
    assert (await messages(till))[-1] == "pay.bill-paid"


async def test_what_came_for_no_bill_pays_the_one_it_was_meant_for(till: Till) -> None:
    bill = await till.bill()
    found = await broken(till, ScanFault.UNKNOWN_REFERENCE, bill)
    await resolve(till, found, Outcome.ASSIGN, bill=bill.reference)
    assert await till.status(bill) == "PAID"
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}
    assert await till.desk.to_go_back(till.officer) == []


@pytest.mark.parametrize("proposes", [True, False])
async def test_no_officer_has_strangers_money_pay_their_own_bill(till: Till, proposes: bool) -> None:
    bill = await till.bill()
    found = await broken(till, ScanFault.UNKNOWN_REFERENCE, bill)
    own = Clerk(person=bill.person)
    if proposes:
        with pytest.raises(OwnDebt):
            await till.desk.propose(own, found.id, Proposal(Outcome.ASSIGN, REASON, bill=bill.reference))
    else:
        await propose(till, found, Outcome.ASSIGN, bill=bill.reference)
        with pytest.raises(OwnDebt):
            await till.desk.agree(own, found.id, Outcome.ASSIGN)
    assert await till.status(bill) == "OPEN"


async def test_only_a_fee_of_that_amount_that_is_still_owed_is_paid_so(till: Till) -> None:
    found = await broken(till)
    another = await till.bill()
    for reference in (another.reference, "000000000000000000"):  # 250 is not 251
        with pytest.raises(BillNotAssignable):
            await propose(till, found, Outcome.ASSIGN, bill=reference)
    till.fees.satang = 251_00
    fits = await till.bill()
    await propose(till, found, Outcome.ASSIGN, bill=fits.reference)
    await till.scan(fits)  # it is paid meanwhile
    with pytest.raises(BillNotAssignable):
        await till.desk.agree(OTHER, found.id, Outcome.ASSIGN)
    assert (await till.balances())["UNAPPLIED"] == -251_00


async def test_what_is_not_owed_any_more_is_not_paid_and_nothing_is_changed(till: Till) -> None:
    bill = await till.bill()
    found = await broken(till, ScanFault.UNKNOWN_REFERENCE, bill)
    await propose(till, found, Outcome.ASSIGN, bill=bill.reference)
    till.fees.owed = False
    with pytest.raises(BillNotAssignable):
        await till.desk.agree(OTHER, found.id, Outcome.ASSIGN)
    assert await till.status(bill) == "OPEN"
    assert await till.balances() == {"BANK": 250_00, "UNAPPLIED": -250_00}
    [(_, proposed)] = await till.desk.breaks(till.officer)
    assert proposed is not None
    assert proposed.closed_at is None


async def test_what_nobody_claims_is_kept_apart_and_goes_back_to_whoever_does_after_all(till: Till) -> None:
    found = await broken(till, ScanFault.UNKNOWN_REFERENCE)
    await resolve(till, found, Outcome.KEEP)
    assert await till.balances() == {"BANK": 250_00, "UNCLAIMED": -250_00}
    [kept] = await till.desk.kept(till.officer)
    assert await till.desk.to_go_back(till.officer) == []
    async with till.db.write() as session:
        await till.bills.refund(session, "dla", kept.id, "R1")
    assert await till.balances() == {}
    assert await till.desk.kept(till.officer) == []


async def test_what_went_back_at_the_bank_closes_its_break(till: Till) -> None:
    found = await broken(till)
    await propose(till, found, Outcome.KEEP)
    [kept] = await till.incoming()
    async with till.db.write() as session:
        await till.bills.refund(session, "dla", kept.id, "R1")
    assert await till.desk.breaks(till.officer) == []
    with pytest.raises(BreakClosed):
        await till.desk.agree(OTHER, found.id, Outcome.KEEP)
    async with till.db.read() as session:
        row = await session.get(IncomingResolution, found.id)
    assert row is not None
    assert (row.outcome, row.proposed_by) == (Outcome.GONE_BACK.value, None)


async def test_what_is_on_its_way_back_is_not_booked_as_gone_back_besides(till: Till) -> None:
    await resolve(till, await broken(till), Outcome.REFUND, account=MOBILE)
    [kept] = await till.incoming()
    with pytest.raises(IncomingNotFound):
        async with till.db.write() as session:
            await till.bills.refund(session, "dla", kept.id, "R1")


async def test_what_the_bank_told_and_does_not_list_is_claimed_from_it(till: Till) -> None:
    found = await broken(till, ScanFault.NOT_LISTED)
    assert found.kind == BreakKind.NOT_BOOKED.value
    await resolve(till, found, Outcome.CLAIMED)
    assert await till.balances() == {"BANK_CLAIM": 250_00, "FEES": -250_00}


async def test_what_the_bank_lists_after_all_is_closed_without_officers(till: Till) -> None:
    bill = await till.bill()
    found = await broken(till, ScanFault.NOT_LISTED, bill)

    with sqlite3.connect(till.bank._path) as books:
        books.execute("UPDATE credit SET listed = 1")
    await till.desk.reconcile(till.officer, found.day)
    assert await till.desk.breaks(till.officer) == []


async def test_what_the_bank_lists_and_then_lists_no_more_is_open_again(till: Till) -> None:
    found = await broken(till, ScanFault.NOT_LISTED)
    for listed, new in ((1, 0), (0, 1), (0, 0), (1, 0), (0, 1)):
        with sqlite3.connect(till.bank._path) as books:
            books.execute("UPDATE credit SET listed = ?", (listed,))
        assert (await till.desk.reconcile(till.officer, found.day)).breaks == new
        assert [one.id for one, _ in await till.desk.breaks(till.officer)] == ([] if listed else [found.id])
    await resolve(till, found, Outcome.NO_MONEY_MOVED)
    assert (await till.desk.reconcile(till.officer, found.day)).breaks == 0, "two officers have said what it is"
    assert await till.desk.breaks(till.officer) == []


async def test_what_was_claimed_and_is_listed_after_all_came_in_once(till: Till) -> None:
    found = await broken(till, ScanFault.NOT_LISTED)
    await resolve(till, found, Outcome.CLAIMED)
    with sqlite3.connect(till.bank._path) as books:
        books.execute("UPDATE credit SET listed = 1")
    for _ in range(2):
        await till.desk.reconcile(till.officer, found.day)
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}


async def test_what_was_claimed_of_another_amount_falls_when_the_bank_lists_what_it_had_told(till: Till) -> None:
    bill = await till.bill()
    await till.scan(bill)
    with sqlite3.connect(till.bank._path) as books:
        books.execute("UPDATE credit SET satang = satang - 1000")
    found = await found_next_day(till)
    assert (found.kind, found.expected, found.found) == (BreakKind.WRONG_AMOUNT.value, 250_00, 240_00)
    await resolve(till, found, Outcome.CLAIMED)
    assert await till.balances() == {"BANK": 240_00, "BANK_CLAIM": 10_00, "FEES": -250_00}
    with sqlite3.connect(till.bank._path) as books:
        books.execute("UPDATE credit SET satang = satang + 1000")
    for _ in range(2):
        await till.desk.reconcile(till.officer, found.day)
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}


@pytest.mark.parametrize("column", ["satang", "reference1"])
async def test_what_the_bank_contradicts_takes_back_and_contradicts_again_is_open_again(
    till: Till, column: str
) -> None:
    """As it says by now, and once for the same word; what two officers decided stands."""
    await till.scan(await till.bill())
    wrong, anew = {"satang": (240_00, 230_00), "reference1": ("1", "2")}[column]

    def lists(value: object) -> None:
        with sqlite3.connect(till.bank._path) as books:
            books.execute(f"UPDATE credit SET {column} = ?", (value,))  # noqa: S608 - one of two words

    with sqlite3.connect(till.bank._path) as books:
        right = books.execute(f"SELECT {column} FROM credit").fetchone()[0]  # noqa: S608 - one of two words
    lists(wrong)
    found = await found_next_day(till)
    assert found.kind == {"satang": BreakKind.WRONG_AMOUNT, "reference1": BreakKind.UNKNOWN_REFERENCE}[column].value
    for value, new in ((right, 0), (anew, 1), (anew, 0)):
        lists(value)
        assert (await till.desk.reconcile(till.officer, found.day)).breaks == new
    [(again, proposed)] = await till.desk.breaks(till.officer)
    assert (again.id, proposed) == (found.id, None)
    assert (again.expected, again.found) == (250_00, 230_00 if column == "satang" else 250_00)
    await resolve(till, again, Outcome.NO_MONEY_MOVED)
    lists(wrong)
    assert (await till.desk.reconcile(till.officer, found.day)).breaks == 0
    assert await till.desk.breaks(till.officer) == []


async def test_money_that_went_back_and_is_listed_with_another_amount_later_is_another_break(till: Till) -> None:
    """Of the same kind and the same entry: what two officers decided is about the money, this is about the word."""
    found = await broken(till)
    await resolve(till, found, Outcome.REFUND, account=MOBILE)
    with sqlite3.connect(till.bank._path) as books:
        books.execute("UPDATE credit SET satang = satang - 1000")
    for new in (1, 0):
        assert (await till.desk.reconcile(till.officer, found.day)).breaks == new
    [(another, _)] = await till.desk.breaks(till.officer)
    assert (another.kind, another.expected, another.found) == (found.kind, 251_00, 241_00)
    assert another.id != found.id
    with pytest.raises(NotResolvedSo):
        await propose(till, another, Outcome.REFUND, account=MOBILE)
    await resolve(till, another, Outcome.NO_MONEY_MOVED)


async def test_a_refund_that_the_bank_tells_rightly_and_then_wrongly_is_an_open_break_again(till: Till) -> None:
    await resolve(till, await broken(till), Outcome.REFUND, account=MOBILE)
    refund = await refund_of(till)

    async def told(satang: int) -> None:
        entry = Entry(EntryKind.PAID, "X1", refund.id.hex, Money(satang), "THB", till.clock.now())
        async with till.db.write() as session:
            await till.refunds._take_entries(session, refund.id, [entry])

    await till.refunds._file(refund.id)
    for satang, there in ((refund.satang + 1, 1), (refund.satang, 0), (refund.satang + 2, 1), (refund.satang, 0)):
        await told(satang)
        assert [one.found for one, _ in await till.desk.breaks(till.officer)] == [-satang] * there


async def test_a_contradiction_of_the_bank_is_no_money_to_send_anywhere(till: Till) -> None:
    found = await broken(till, ScanFault.NOT_LISTED)
    for outcome, more in ((Outcome.REFUND, {"account": MOBILE}), (Outcome.KEEP, {}), (Outcome.ASSIGN, {"bill": "1"})):
        with pytest.raises(NotResolvedSo):
            await propose(till, found, outcome, **more)
    await resolve(till, found, Outcome.NO_MONEY_MOVED)
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}
    assert await till.desk.breaks(till.officer) == []


async def test_money_that_is_here_is_not_declared_never_to_have_come(till: Till) -> None:
    found = await broken(till)
    for outcome in (Outcome.NO_MONEY_MOVED, Outcome.CLAIMED, Outcome.BANK_MENDED, Outcome.GONE_BACK):
        with pytest.raises(NotResolvedSo):
            await propose(till, found, outcome)


async def test_another_officer_of_the_agency_must_agree_to_what_is_proposed(till: Till) -> None:
    found = await broken(till)
    with pytest.raises(NotResolvedSo):
        await till.desk.agree(OTHER, found.id, Outcome.KEEP)
    await propose(till, found, Outcome.KEEP)
    with pytest.raises(SameOfficer):
        await till.desk.agree(till.officer, found.id, Outcome.KEEP)
    with pytest.raises(NotResolvedSo):
        await till.desk.agree(OTHER, found.id, Outcome.REFUND)
    for stranger in (Clerk(agency="dlt"),):
        with pytest.raises(BreakNotFound):
            await till.desk.agree(stranger, found.id, Outcome.KEEP)
        with pytest.raises(BreakNotFound):
            await till.desk.propose(stranger, found.id, Proposal(Outcome.KEEP, REASON))
    nobody = Clerk(roles=frozenset())
    with pytest.raises(NotAPaymentOfficer):
        await till.desk.agree(nobody, found.id, Outcome.KEEP)
    with pytest.raises(NotAPaymentOfficer):
        await till.desk.propose(nobody, found.id, Proposal(Outcome.KEEP, REASON))
    with pytest.raises(NotAPaymentOfficer):
        await till.refunds.send(nobody)
    with pytest.raises(BreakNotFound):
        await till.desk.agree(OTHER, new_id(), Outcome.KEEP)


@pytest.mark.parametrize(
    "proposal",
    [
        Proposal(Outcome.KEEP, "no"),
        Proposal(Outcome.KEEP, "x" * 501),
        Proposal(Outcome.KEEP, "a\nb\nc\nd"),
        Proposal(Outcome.REFUND, REASON),
        Proposal(Outcome.KEEP, REASON, account=MOBILE),
        Proposal(Outcome.ASSIGN, REASON),
        Proposal(Outcome.KEEP, REASON, bill="1"),
        Proposal(Outcome.ASSIGN, REASON, account=MOBILE, bill="1"),
    ],
)
async def test_a_proposal_that_does_not_say_what_it_must_is_refused(till: Till, proposal: Proposal) -> None:
    found = await broken(till)
    with pytest.raises(BadInput):
        await till.desk.propose(till.officer, found.id, proposal)


async def test_of_parallel_decisions_one_counts_and_one_refund_is_paid(till: Till) -> None:
    found = await broken(till)
    await propose(till, found, Outcome.REFUND, account=MOBILE)
    agreed = await asyncio.gather(
        *(till.desk.agree(Clerk(), found.id, Outcome.REFUND) for _ in range(6)), return_exceptions=True
    )
    assert sum(not isinstance(one, BaseException) for one in agreed) == 1
    assert all(isinstance(one, BreakClosed | IncomingResolution) for one in agreed)
    await asyncio.gather(*(till.refunds.send(till.officer) for _ in range(4)))
    assert len(till.files.books.entries()) == 1
    assert await till.balances() == {}


async def test_a_break_is_never_closed_both_ways_at_once(till: Till) -> None:
    found = await broken(till)
    await propose(till, found, Outcome.KEEP)
    [kept] = await till.incoming()

    async def book_refund() -> None:
        async with till.db.write() as session:
            await till.bills.refund(session, "dla", kept.id, "R1")

    await asyncio.gather(till.desk.agree(OTHER, found.id, Outcome.KEEP), book_refund(), return_exceptions=True)
    assert await till.balances() in ({}, {"BANK": 251_00, "UNCLAIMED": -251_00})
    assert await till.desk.breaks(till.officer) == []


async def test_a_notice_told_again_after_it_was_assigned_books_nothing(till: Till) -> None:
    bill = await till.bill()
    found = await broken(till, ScanFault.UNKNOWN_REFERENCE, bill)
    await resolve(till, found, Outcome.ASSIGN, bill=bill.reference)
    [kept] = await till.incoming()
    again = notice(
        bill, kept.bank_transaction, reference=kept.reference, second=kept.second_reference, paid_at=kept.paid_at
    )
    assert (await take(till, again)).value == "PAID"
    assert await till.balances() == {"BANK": 250_00, "FEES": -250_00}
    assert isinstance(found.id, UUID)
    assert Money(kept.satang) == Money.baht(250)
