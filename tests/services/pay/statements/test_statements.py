"""The bank's statement of a day against what it told: every entry known, none missing, the balances in a row."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.errors import BadInput
from services.pay.errors import (
    BankFileRefused,
    BreakClosed,
    BreakNotFound,
    NotAPaymentOfficer,
    NotResolvedSo,
    SameOfficer,
)
from services.pay.fees.breaks import IncomingOutcome
from services.pay.fees.models import IncomingPayment
from services.pay.fees.resolving import Proposal
from services.pay.iso20022.camt053 import Listed, Statement, read_statement
from services.pay.statements.errors import StatementMissing
from services.pay.statements.models import StatementBreak
from services.pay.statements.models import StatementBreakKind as Kind
from services.pay.statements.service import Taken
from services.sandbox.bank import statements as written
from services.sandbox.bank.bills import ScanFault
from services.sandbox.bank.faults import Faults
from tests.services.pay.fees.test_resolving import MOBILE, OTHER, REASON
from tests.services.pay.fees.till import Till, code_of
from tests.services.pay.town import Clerk


async def next_day(till: Till) -> date:
    day = till.clock.today()
    till.clock.advance(timedelta(days=1))
    return day


async def paid(till: Till, fault: ScanFault = ScanFault.NONE) -> str:
    """The bank's reference of what came in."""
    [made] = await till.bank.scan(await code(till), fault)
    reference: str = made["payment"]["transaction"]
    return reference


async def code(till: Till) -> str:
    return code_of(await till.bill())


async def take(till: Till, day: date, faults: Faults | None = None) -> Taken:
    till.files.faults = faults or Faults()
    return await till.statements.take(till.officer, day)


async def open_kinds(till: Till) -> list[Kind]:
    return [Kind(one.kind) for one, _ in await till.statements.breaks(till.officer)]


async def test_a_day_on_which_all_was_told_fits(till: Till) -> None:
    await paid(till)
    await paid(till)
    taken = await take(till, await next_day(till))
    assert (taken.new, taken.statement.entries) == (0, 2)
    assert (taken.statement.opening, taken.statement.closing) == (0, 500_00)
    assert await open_kinds(till) == []


async def test_what_went_out_and_came_back_is_known_too(till: Till) -> None:
    await paid(till, ScanFault.WRONG_AMOUNT)
    day = await next_day(till)
    await till.desk.reconcile(till.officer, day)
    assert (await take(till, day)).new == 0
    [(found, _)] = await till.desk.breaks(till.officer)
    await till.desk.propose(till.officer, found.id, Proposal(IncomingOutcome.REFUND, REASON, MOBILE))
    await till.desk.agree(OTHER, found.id, IncomingOutcome.REFUND)
    till.files.faults = Faults(send_back=frozenset("*"))
    assert (await till.refunds.send(till.officer)).returned == 1
    till.files.faults = Faults()
    await till.desk.propose(till.officer, found.id, Proposal(IncomingOutcome.REFUND, REASON, MOBILE))
    await till.desk.agree(OTHER, found.id, IncomingOutcome.REFUND)
    assert (await till.refunds.send(till.officer)).settled == 1
    taken = await take(till, await next_day(till))
    assert (taken.new, taken.statement.entries) == (0, 3)
    assert (taken.statement.opening, taken.statement.closing) == (251_00, 0)


@pytest.mark.parametrize("what", ["statement_omits", "statement_alters", "statement_repeats"])
async def test_what_the_statement_says_otherwise_is_named_and_its_sum_with_it(till: Till, what: str) -> None:
    reference = await paid(till)
    await paid(till)
    day = await next_day(till)
    kind = {
        "statement_omits": Kind.NOT_LISTED,
        "statement_alters": Kind.OTHER_AMOUNT,
        "statement_repeats": Kind.LISTED_TWICE,
    }[what]
    assert (await take(till, day, Faults.model_validate({what: [reference]}))).new == 2
    found = {Kind(one.kind): one for one, _ in await till.statements.breaks(till.officer)}
    assert set(found) == {kind, Kind.DOES_NOT_ADD_UP}
    assert found[kind].bank_reference == reference
    assert found[kind].expected == 250_00


async def test_an_entry_that_nobody_told_of_is_named(till: Till) -> None:
    await paid(till, ScanFault.NOT_TOLD)
    day = await next_day(till)
    assert (await take(till, day)).new == 1
    [(one, _)] = await till.statements.breaks(till.officer)
    assert (one.kind, one.expected, one.found) == (Kind.NOT_TOLD.value, None, 250_00)
    await till.desk.reconcile(till.officer, day)  # the bank's list tells of it
    taken = await take(till, day)
    assert (taken.new, taken.closed) == (0, 1)
    assert await open_kinds(till) == []


async def test_a_foreign_entry_is_named(till: Till) -> None:
    assert (await take(till, await next_day(till), Faults(statement_adds=-12_345))).new == 2
    assert sorted(await open_kinds(till)) == [Kind.DOES_NOT_ADD_UP, Kind.NOT_TOLD]


async def test_the_same_statement_again_in_whatever_order_changes_nothing(till: Till) -> None:
    for _ in range(4):
        await paid(till)
    day = await next_day(till)
    first = await take(till, day)
    for seed in range(3):
        again = await take(till, day, Faults(reorder=seed))
        assert (again.new, again.closed, again.statement.taken_at) == (0, 0, first.statement.taken_at)


async def test_a_statement_that_says_other_things_than_before_is_named_and_the_first_stands(till: Till) -> None:
    reference = await paid(till)
    day = await next_day(till)
    await take(till, day)
    for _ in range(2):
        altered = await take(till, day, Faults(statement_alters=frozenset({reference})))
        assert altered.statement.closing == 250_00
    assert await open_kinds(till) == [Kind.CHANGED]
    assert (await take(till, day)).closed == 1
    assert (await take(till, day, Faults(statement_omits=frozenset({reference})))).new == 1
    assert await open_kinds(till) == [Kind.CHANGED]


async def test_a_day_opens_with_what_the_day_before_closed_with(till: Till) -> None:
    await paid(till)
    first = await next_day(till)
    await paid(till)
    second = await next_day(till)
    await take(till, first)
    assert (await take(till, second, Faults(statement_opens=1))).new == 1
    [(one, _)] = await till.statements.breaks(till.officer)
    assert (one.kind, one.expected, one.found) == (Kind.OPENS_OTHERWISE.value, 250_00, 250_01)


async def test_a_day_without_a_statement_is_named_until_it_is_there_whatever_the_order(till: Till) -> None:
    days = []
    for _ in range(3):
        await paid(till)
        days.append(await next_day(till))
    await take(till, days[0])
    assert (await take(till, days[2])).new == 1
    assert await open_kinds(till) == [Kind.DAY_MISSING]
    assert (await take(till, days[1])).closed == 1
    assert await open_kinds(till) == []


async def test_the_first_statement_of_all_hangs_on_none(till: Till) -> None:
    await paid(till)
    await next_day(till)
    await paid(till)
    taken = await take(till, await next_day(till))
    assert (taken.new, taken.statement.opening) == (0, 250_00)


async def test_of_many_who_take_one_statement_in_at_once_each_break_is_named_once(till: Till) -> None:
    reference = await paid(till)
    day = await next_day(till)
    till.files.faults = Faults(statement_omits=frozenset({reference}))
    taken = await asyncio.gather(*(till.statements.take(till.officer, day) for _ in range(5)))
    assert sum(one.new for one in taken) == 2
    assert len(await till.statements.breaks(till.officer)) == 2


async def test_days_that_are_taken_in_at_once_hang_on_each_other_all_the_same(till: Till) -> None:
    await paid(till)
    days = [await next_day(till) for _ in range(12)]
    await take(till, days[0])
    for one, other in zip(days[1::2], days[2::2], strict=False):
        await asyncio.gather(take(till, other), take(till, one))
        assert await open_kinds(till) == []


async def test_each_agency_has_its_own_account(till: Till) -> None:
    await paid(till)
    day = await next_day(till)
    other = Clerk(agency="dlt")
    taken = await till.statements.take(other, day)
    assert (taken.statement.entries, taken.statement.closing) == (0, 0)
    await take(till, day, Faults(statement_adds=1))
    assert await till.statements.breaks(other) == []


async def test_a_day_that_is_not_over_and_an_officer_without_a_role_are_refused(till: Till) -> None:
    with pytest.raises(BadInput):
        await till.statements.take(till.officer, till.clock.today())
    nobody = Clerk(roles=frozenset())
    with pytest.raises(NotAPaymentOfficer):
        await till.statements.take(nobody, till.clock.today() - timedelta(days=1))
    with pytest.raises(NotAPaymentOfficer):
        await till.statements.breaks(nobody)


async def left_out(till: Till) -> StatementBreak:
    """The break of an entry that its day's statement leaves out, beside one of its sum."""
    reference = await paid(till)
    await take(till, await next_day(till), Faults(statement_omits=frozenset({reference})))
    return next(one for one, _ in await till.statements.breaks(till.officer) if one.kind == Kind.NOT_LISTED.value)


async def test_two_officers_close_what_they_have_explained_and_nothing_is_booked(till: Till) -> None:
    found = await left_out(till)
    before = await till.balances()
    await till.statements.propose(till.officer, found.id, REASON)
    [proposed] = [row for one, row in await till.statements.breaks(till.officer) if one.id == found.id]
    assert proposed is not None
    assert (proposed.reason, proposed.proposed_by, proposed.closed_at) == (REASON, till.officer.person, None)
    await till.statements.agree(OTHER, found.id)
    assert await open_kinds(till) == [Kind.DOES_NOT_ADD_UP]
    assert await till.balances() == before
    for again in (till.statements.propose(OTHER, found.id, REASON), till.statements.agree(OTHER, found.id)):
        with pytest.raises(BreakClosed):
            await again


async def test_what_officers_have_explained_stays_closed_while_the_bank_says_the_same(till: Till) -> None:
    found = await left_out(till)
    await till.statements.propose(till.officer, found.id, REASON)
    await till.statements.agree(OTHER, found.id)
    omits = Faults(statement_omits=frozenset({found.bank_reference}))
    assert (await take(till, found.day, omits)).new == 0
    async with till.db.write() as session:  # of another amount it is not what they explained
        await session.execute(update(IncomingPayment).values(satang=IncomingPayment.satang + 1))
    assert (await take(till, found.day, omits)).new == 1
    [again] = [one for one, _ in await till.statements.breaks(till.officer) if one.id == found.id]
    assert again.expected == 250_01
    with pytest.raises(NotResolvedSo):
        await till.statements.agree(Clerk(), found.id)
    await till.statements.propose(OTHER, found.id, REASON)
    await till.statements.agree(till.officer, found.id)
    assert await open_kinds(till) == [Kind.DOES_NOT_ADD_UP]


async def test_another_officer_of_the_agency_must_agree_to_an_explanation(till: Till) -> None:
    found = await left_out(till)
    with pytest.raises(NotResolvedSo):
        await till.statements.agree(OTHER, found.id)
    for reason in ("no", "x" * 501, "a\nb\nc\nd"):
        with pytest.raises(BadInput):
            await till.statements.propose(till.officer, found.id, reason)
    await till.statements.propose(till.officer, found.id, REASON)
    with pytest.raises(SameOfficer):
        await till.statements.agree(till.officer, found.id)
    stranger, nobody = Clerk(agency="dlt"), Clerk(roles=frozenset())
    with pytest.raises(BreakNotFound):
        await till.statements.propose(stranger, found.id, REASON)
    with pytest.raises(BreakNotFound):
        await till.statements.agree(stranger, found.id)
    with pytest.raises(NotAPaymentOfficer):
        await till.statements.propose(nobody, found.id, REASON)
    with pytest.raises(NotAPaymentOfficer):
        await till.statements.agree(nobody, found.id)


async def test_of_many_who_agree_at_once_one_closes_it(till: Till) -> None:
    found = await left_out(till)
    await till.statements.propose(till.officer, found.id, REASON)
    agreed = await asyncio.gather(*(till.statements.agree(Clerk(), found.id) for _ in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in agreed) == ["BreakClosed"] * 4 + ["StatementResolution"]


async def test_what_fits_after_all_is_closed_without_officers_and_what_they_said_falls(till: Till) -> None:
    await paid(till, ScanFault.NOT_TOLD)
    day = await next_day(till)
    await take(till, day)
    [(found, _)] = await till.statements.breaks(till.officer)
    await till.statements.propose(till.officer, found.id, REASON)
    await till.desk.reconcile(till.officer, day)
    assert (await take(till, day)).closed == 1
    with pytest.raises(BreakClosed):
        await till.statements.agree(OTHER, found.id)


async def test_a_foreign_end_to_end_id_is_kept_as_a_mark_that_nobody_without_the_key_can_try_names_on(
    till: Till,
) -> None:
    """A bank may put a payer's name there."""
    day = await next_day(till)
    document = written.write("TREASURY-DLA", day, 0, [("R1", -100)], till.clock.now(), Faults()).decode()
    said = "<AcctSvcrRef>R1</AcctSvcrRef><EndToEndId>SOMCHAI JAIDEE</EndToEndId></Refs>"
    document = document.replace("<AcctSvcrRef>R1</AcctSvcrRef></Refs>", said)
    till.statements._bank = Says(document.encode())
    await till.statements.take(till.officer, day)
    [(found, _)] = await till.statements.breaks(till.officer)
    assert (found.kind, found.came_in, len(found.end_to_end)) == (Kind.NOT_TOLD.value, False, 33)
    assert "SOMCHAI" not in found.end_to_end
    unkeyed = "~" + sha256(b"SOMCHAI JAIDEE").hexdigest()[:32]
    assert found.end_to_end != unkeyed
    async with till.db.write() as session:  # as it was kept before there was a key to it
        [row] = await session.scalars(select(StatementBreak))
        row.end_to_end = unkeyed
    assert (await take(till, day)).new == 0, "it is the same break"
    [(again, _)] = await till.statements.breaks(till.officer)
    assert (again.id, again.end_to_end) == (found.id, found.end_to_end)


class Says:
    """A bank that says that."""

    def __init__(self, document: bytes | None) -> None:
        self._document = document

    async def statement(self, account: str, day: date) -> bytes | None:
        return self._document


async def test_a_statement_that_is_not_there_or_another_s_is_refused(till: Till) -> None:
    day = await next_day(till)
    statements = till.statements
    statements._bank = Says(None)
    with pytest.raises(StatementMissing):
        await statements.take(till.officer, day)
    for account, of in (("TREASURY-DLT", day), ("TREASURY-DLA", day - timedelta(days=1))):
        statements._bank = Says(written.write(account, of, 0, [], till.clock.now(), Faults()))
        with pytest.raises(BankFileRefused):
            await statements.take(till.officer, day)
    assert await statements.breaks(till.officer) == []


DAY = date(2026, 11, 16)
ENTRIES = st.lists(
    st.tuples(st.text("ABC123", min_size=1, max_size=10), st.integers(-(10**9), 10**9).filter(bool)), max_size=8
)


@given(ENTRIES, st.integers(-(10**10), 10**10))
def test_what_the_bank_writes_is_read_as_it_was_meant(entries: list[tuple[str, int]], opening: int) -> None:
    at = datetime(2026, 11, 17, tzinfo=UTC)
    read = read_statement(written.write("TREASURY-DLA", DAY, opening, entries, at, Faults()))
    assert read.adds_up
    assert (read.account, read.day, read.opening) == ("TREASURY-DLA", DAY, opening)
    assert read.entries == tuple(Listed(*one) for one in entries)
    shuffled = read_statement(written.write("TREASURY-DLA", DAY, opening, entries, at, Faults(reorder=1)))
    assert shuffled.content == read.content


def good() -> str:
    entries = [("SB1", -700_00), ("B2", 250_00)]
    return written.write("TREASURY-DLA", DAY, 1_000_00, entries, datetime(2026, 11, 17, tzinfo=UTC), Faults()).decode()


def test_a_statement_is_read_to_the_satang() -> None:
    read = read_statement(good().encode())
    assert read == Statement(
        "ST20261116", "TREASURY-DLA", DAY, 1_000_00, 550_00, (Listed("SB1", -700_00), Listed("B2", 250_00))
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Cd>OPBD</Cd>", "<Cd>CLBD</Cd>"),
        ("<Cd>CLBD</Cd>", "<Cd>ITBD</Cd>"),
        ('<Amt Ccy="THB">1000.00</Amt>', '<Amt Ccy="USD">1000.00</Amt>'),
        ('<Amt Ccy="THB">700.00</Amt>', '<Amt Ccy="THB">700.001</Amt>'),
        ("<Dt><Dt>2026-11-16</Dt></Dt></Bal>", "<Dt><Dt>2026-11-15</Dt></Dt></Bal>"),
        ("<BookgDt><Dt>2026-11-16</Dt>", "<BookgDt><Dt>2026-11-17</Dt>"),
        ("<NbOfNtries>2</NbOfNtries>", "<NbOfNtries>3</NbOfNtries>"),
        ("<Sum>950.00</Sum>", "<Sum>950.01</Sum>"),
        ("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>"),
        ("camt.053.001.08", "camt.053.001.02"),
        ("<Stmt><Id>ST20261116</Id>", "<Stmt>"),
        ("<FrToDt>", "<!--<FrToDt>"),
        ("<CdtDbtInd>DBIT</CdtDbtInd></TxDtls>", "<CdtDbtInd>CRDT</CdtDbtInd></TxDtls>"),
        ("</Stmt>", "<Nonsense/></Stmt>"),
    ],
)
def test_a_statement_that_is_not_one_is_refused_whole(old: str, new: str) -> None:
    assert old in good()
    with pytest.raises(BankFileRefused):
        read_statement(good().replace(old, new, 1).encode())
