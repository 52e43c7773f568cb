"""Payments that went out by runs, on the bank's statement of their day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.money import Money
from services.pay.ledger.service import Account, book, bounded, transfer
from services.pay.payers import treasury_account
from services.pay.rails.bank import BankRail
from services.pay.rails.contract import Entry, EntryKind
from services.pay.statements.models import StatementBreakKind as Kind
from services.pay.statements.service import Statements, Taken
from services.pay.statements.told import told_of
from services.sandbox.bank import statements as written
from services.sandbox.bank.faults import Faults
from tests.services.pay.town import KEYS, TownHall


class Says:
    """A bank with one statement."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    async def statement(self, account: str, day: date) -> bytes:
        return self._document


async def statement_of_today(hall: TownHall, faults: Faults | None = None) -> tuple[Taken, list[Kind]]:
    """Once today is over."""
    day = hall.clock.today()
    hall.clock.advance(timedelta(days=1))
    hall.bank.faults = faults or Faults()
    statements = Statements(hall.db, hall.clock, KEYS, BankRail(hall.client, "http://bank"), treasury_account)
    taken = await statements.take(hall.planner, day)
    return taken, [Kind(one.kind) for one, _ in await statements.breaks(hall.planner)]


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
    statements = Statements(hall.db, hall.clock, KEYS, BankRail(hall.client, "http://bank"), treasury_account)
    assert (await statements.take(hall.planner, day)).closed == 2
    assert await statements.breaks(hall.planner) == []


async def test_a_payment_that_the_statement_leaves_out_is_named(hall: TownHall) -> None:
    run = await hall.sent(2)
    await hall.jobs.reconcile(hall.approver, run.id)
    reference = next(str(one.bank_reference) for one in await hall.instalments())
    _, kinds = await statement_of_today(hall, Faults(statement_omits=frozenset({reference})))
    assert sorted(kinds) == [Kind.DOES_NOT_ADD_UP, Kind.NOT_LISTED]


@pytest.mark.parametrize(
    ("listed", "kinds"),
    [
        ("01", []),
        ("-1", []),  # one without an id
        ("0", [Kind.DOES_NOT_ADD_UP, Kind.NOT_LISTED]),
        ("-", [Kind.DOES_NOT_ADD_UP, Kind.NOT_LISTED]),
        ("011", [Kind.DOES_NOT_ADD_UP, Kind.LISTED_TWICE]),
        ("00", [Kind.LISTED_TWICE, Kind.NOT_LISTED]),
        ("", [Kind.NOT_LISTED, Kind.NOT_LISTED]),
        ("0011", [Kind.DOES_NOT_ADD_UP, Kind.LISTED_TWICE, Kind.LISTED_TWICE]),
    ],
)
async def test_one_reference_of_two_payments_lists_each(hall: TownHall, listed: str, kinds: list[Kind]) -> None:
    run = await hall.sent(2)
    ids = {str(n): one.id.hex for n, one in enumerate(await hall.instalments())}
    at = hall.clock.now()
    told = [Entry(EntryKind.PAID, "R1", key, Money(700_00), "THB", at) for key in ids.values()]
    async with hall.db.write() as session:
        held = await hall.jobs.runs.locked(session, hall.approver, run.id)
        await hall.jobs.reconciliation.take_entries(session, held, told)
    day = hall.clock.today()
    hall.clock.advance(timedelta(days=1))
    account = treasury_account(run.agency).account
    document = written.write(account, day, 0, [("R1", -700_00)] * len(listed), hall.clock.now(), Faults()).decode()
    closing = Money(700_00 * len(listed)).decimal()
    document = document.replace(
        f">{closing}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Dt>", ">1400.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Dt>"
    )
    for which in listed:
        said = f"<EndToEndId>{ids[which]}</EndToEndId>" if which in ids else "<EndToEndId>NOTPROVIDED</EndToEndId>"
        document = document.replace(
            "<AcctSvcrRef>R1</AcctSvcrRef></Refs>", f"<AcctSvcrRef>R1</AcctSvcrRef>{said}</Refs>", 1
        )
    statements = Statements(hall.db, hall.clock, KEYS, Says(document.encode()), treasury_account)
    await statements.take(hall.planner, day)
    assert sorted(Kind(one.kind) for one, _ in await statements.breaks(hall.planner)) == kinds


async def test_what_was_told_with_another_amount_than_the_statement_has_is_named(hall: TownHall) -> None:
    run = await hall.sent(2)
    hall.bank.faults = Faults(wrong_amount=frozenset("*"))
    await hall.jobs.reconcile(hall.approver, run.id)
    _, kinds = await statement_of_today(hall)
    assert kinds == [Kind.OTHER_AMOUNT] * 2


@pytest.mark.parametrize("agency", ["dla", "x" * 50, "x" * 60])
async def test_what_was_paid_back_is_known_by_either_form_of_its_key(hall: TownHall, agency: str) -> None:
    lines = transfer(Account.BANK, Account.RECEIVABLE, Money(100))
    for name, reference in ((agency[:50], "OLD"), (bounded(agency, 50), "NEW")):
        async with hall.db.write() as session:
            key = f"paid-back:{name}:{reference}"
            await book(session, key=key, agency=agency, lines=lines, at=hall.clock.now())
    async with hall.db.read() as session:
        assert await told_of(session, agency, {"OLD", "NEW", "NONE"}) == {"OLD": {100}, "NEW": {100}}
        assert await told_of(session, agency + "y", {"OLD", "NEW"}) == {}
