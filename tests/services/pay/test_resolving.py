"""How a break is closed: by the bank, or by two officers, and what the ledger then says."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.errors import BadInput, ServiceUnavailable, SitthiError
from core.money import Money
from services.pay.breaks import BreakOutcome
from services.pay.errors import (
    BankSaysDuplicate,
    BreakClosed,
    BreakNotFound,
    NotAPaymentOfficer,
    NotResolvedSo,
    SameOfficer,
)
from services.pay.models import BreakResolution, PaymentRun
from services.pay.overdue import BANK_DAYS_MAX
from services.pay.rails.bank import BankRail
from services.pay.rails.contract import Entry, EntryKind
from services.pay.rails.limited import LimitedRail, file_of
from services.pay.reconciliation import BreakKind
from services.pay.resolving import OUTCOMES, BreakJobs
from services.sandbox.bank import Faults
from services.sandbox.bank.faults import Settles
from tests.services.pay.town import PERIOD, Clerk, TownHall, jobs_over

WHY = "The bank says so in its letter of today."
EVERYONE = frozenset({"*"})


def resolving(hall: TownHall) -> BreakJobs:
    return BreakJobs(hall.db, hall.clock, hall.jobs.reconciliation)


async def told(hall: TownHall, run: PaymentRun, *entries: Entry) -> None:
    async with hall.db.write() as session:
        held = await hall.jobs.runs.locked(session, hall.approver, run.id)
        await hall.jobs.reconciliation.take_entries(session, held, entries)


def entry(hall: TownHall, key: UUID | str, kind: EntryKind, reference: str, **more: object) -> Entry:
    end_to_end = key if isinstance(key, str) else key.hex
    values = {"money": Money(70_000), "currency": "THB", "booked_at": hall.clock.now(), "reason": "AC04"} | more
    return Entry(kind, reference, end_to_end, **values)  # type: ignore[arg-type] # built by name


async def decide(hall: TownHall, key: UUID, outcome: BreakOutcome) -> BreakResolution:
    await resolving(hall).propose(hall.planner, key, outcome, WHY)
    return await resolving(hall).agree(hall.approver, key, outcome)


async def only_break(hall: TownHall) -> UUID:
    [(found, _)] = await resolving(hall).listed(hall.planner)
    return found.id


@pytest.mark.parametrize("files", [1, 2])
async def test_no_payment_is_stuck_in_an_order_of_which_the_bank_has_had_a_file_before(
    hall: TownHall, files: int
) -> None:
    """Those of the other files are decided, those of that one wait for the bank's books, and then for officers."""
    run = await hall.approved(4)
    keys = [one.id for one in sorted(await hall.instalments(), key=lambda one: (one.due_on, one.id.hex))]
    most = 4 // files
    limited = LimitedRail(BankRail(hall.client, "http://bank"), most)
    jobs = jobs_over(hall.db, hall.clock, limited, hall.awards)
    known = run.id if files == 1 else file_of(run.id, 1)
    hall.bank.books.take(known.hex, b"other", b"<answer/>", [], hall.clock.now(), account="0")
    hall.bank.faults = Faults(reject=frozenset({keys[-1].hex}))
    with pytest.raises(BankSaysDuplicate):
        await jobs.send(hall.approver, run.id)
    rejected = [] if files == 1 else [keys[-1]]
    assert [one.id for one in await hall.instalments() if one.status == "RETURNED"] == rejected
    hall.clock.advance(timedelta(days=60))
    await jobs.send(hall.approver, run.id)
    await jobs.reconcile(hall.approver, run.id)
    named = await resolving(hall).listed(hall.planner)
    assert sorted((found.kind, found.end_to_end) for found, _ in named) == [
        ("NOT_BOOKED", key.hex) for key in sorted(keys[:most])
    ]
    for found, _ in named:
        await decide(hall, found.id, BreakOutcome.OWED_AGAIN)
    ends = {one.id: one.status for one in await hall.instalments()}
    assert "SUBMITTED" not in ends.values()
    assert [ends[key] for key in keys[:most]] == ["RETURNED"] * most


async def test_money_that_left_without_our_order_is_claimed_from_the_bank(hall: TownHall) -> None:
    run = await hall.sent(1)
    await told(hall, run, entry(hall, "f" * 32, EntryKind.PAID, "R9"))
    await decide(hall, await only_break(hall), BreakOutcome.CLAIMED)
    assert await resolving(hall).listed(hall.planner) == []
    balances = await hall.balances()
    assert (balances["BANK_CLAIM"], balances["BANK"], balances["IN_TRANSIT"]) == (70_000, -70_000, -70_000)


async def test_money_that_came_without_reason_is_owed_to_the_bank(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await hall.jobs.reconcile(hall.approver, run.id)
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R9", reason="ZZ99"))
    await decide(hall, await only_break(hall), BreakOutcome.CLAIMED)
    balances = await hall.balances()
    assert (balances["BANK_CLAIM"], balances["BANK"]) == (-70_000, 0)
    assert [i.status for i in await hall.instalments()] == ["SETTLED"]


async def test_what_did_not_happen_moves_no_money(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await hall.jobs.reconcile(hall.approver, run.id)
    before = await hall.balances()
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R9"))
    await decide(hall, await only_break(hall), BreakOutcome.NO_MONEY_MOVED)
    assert await hall.balances() == before
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R9"))
    assert await resolving(hall).listed(hall.planner) == [], "told again, it is the same break"


async def test_a_payment_that_the_bank_never_books_is_named_after_some_bank_days_and_owed_again(hall: TownHall) -> None:
    hall.bank.faults = Faults(settles=Settles.HELD)
    run = await hall.sent(1)  # on Monday, the 16th
    hall.clock.advance(timedelta(days=BANK_DAYS_MAX))
    assert (await hall.jobs.reconcile(hall.approver, run.id)).breaks == 0
    hall.clock.advance(timedelta(days=1))
    assert [(await hall.jobs.reconcile(hall.approver, run.id)).breaks for _ in range(2)] == [1, 0]
    [(found, _)] = await resolving(hall).listed(hall.planner)
    assert (found.kind, found.expected) == ("NOT_BOOKED", 70_000)
    await decide(hall, found.id, BreakOutcome.OWED_AGAIN)
    assert [i.status for i in await hall.instalments()] == ["RETURNED"]
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000, "IN_TRANSIT": 0}
    hall.bank.faults = Faults()
    await hall.jobs.reconcile(hall.approver)
    [(late, _)] = await resolving(hall).listed(hall.planner)
    assert late.kind == "PAID_AFTER_RETURN", "what the bank books all the same is not lost"


async def test_what_is_in_a_file_that_the_bank_never_answered_is_not_owed_again(hall: TownHall) -> None:
    """It would be paid when the file is sent again, and by the next run too."""
    run = await hall.approved(1)
    hall.bank.faults = Faults(settles=Settles.HELD, timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await hall.jobs.send(hall.approver, run.id)
    hall.clock.advance(timedelta(days=10))
    await hall.jobs.reconcile(hall.approver, run.id)
    key = await only_break(hall)
    await resolving(hall).propose(hall.planner, key, BreakOutcome.OWED_AGAIN, WHY)
    with pytest.raises(NotResolvedSo):
        await resolving(hall).agree(hall.approver, key, BreakOutcome.OWED_AGAIN)
    await hall.jobs.send(hall.approver, run.id)
    await resolving(hall).agree(hall.approver, key, BreakOutcome.OWED_AGAIN)
    assert [i.status for i in await hall.instalments()] == ["RETURNED"]


async def test_what_the_bank_books_after_all_closes_the_break_and_what_was_proposed(hall: TownHall) -> None:
    hall.bank.faults = Faults(settles=Settles.HELD)
    run = await hall.sent(1)
    hall.clock.advance(timedelta(days=10))
    await hall.jobs.reconcile(hall.approver, run.id)
    key = await only_break(hall)
    await resolving(hall).propose(hall.planner, key, BreakOutcome.OWED_AGAIN, WHY)
    hall.bank.faults = Faults()
    assert (await hall.jobs.reconcile(hall.approver, run.id)).settled == 1
    assert await resolving(hall).listed(hall.planner) == []
    with pytest.raises(BreakClosed):
        await resolving(hall).agree(hall.approver, key, BreakOutcome.OWED_AGAIN)


async def test_a_weekend_is_no_bank_day(hall: TownHall) -> None:
    hall.bank.faults = Faults(settles=Settles.HELD)
    hall.clock.advance(timedelta(days=4))  # Friday, the 20th
    run = await hall.sent(1)
    hall.clock.advance(timedelta(days=5))  # Wednesday: the third bank day
    assert (await hall.jobs.reconcile(hall.approver, run.id)).breaks == 0
    hall.clock.advance(timedelta(days=1))
    assert (await hall.jobs.reconcile(hall.approver, run.id)).breaks == 1


async def test_what_had_come_back_and_was_paid_after_all_is_settled(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R1"))
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R2"))
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    [one] = await hall.instalments()
    assert (one.status, one.bank_reference, one.reversal_reference) == ("SETTLED", "R2", "R1")
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -70_000}
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R1"), entry(hall, one.id, EntryKind.PAID, "R2"))
    assert await resolving(hall).listed(hall.planner) == []


async def test_what_another_payment_pays_again_cannot_be_found_paid(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R1"))
    again = await hall.jobs.pay_again(hall.planner, one.id)
    second = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, second.id)
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R2"))
    key = await only_break(hall)
    await resolving(hall).propose(hall.planner, key, BreakOutcome.PAID, WHY)
    with pytest.raises(NotResolvedSo):
        await resolving(hall).agree(hall.approver, key, BreakOutcome.PAID)
    await decide(hall, key, BreakOutcome.CLAIMED)
    balances = await hall.balances()
    assert (again.repeats, balances["BANK_CLAIM"]) == (one.id, 70_000)


async def test_what_was_to_be_paid_again_and_was_withdrawn_can_be_found_paid(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R1"))
    await hall.jobs.pay_again(hall.planner, one.id)
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R2"))
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -70_000}


async def test_what_two_officers_found_unpaid_can_be_paid_again(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R1"))
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R2"))
    assert await hall.jobs.returned(hall.planner) == []
    await decide(hall, await only_break(hall), BreakOutcome.NO_MONEY_MOVED)
    assert [i.id for i in await hall.jobs.returned(hall.planner)] == [one.id]


async def test_an_amount_in_another_currency_is_not_claimed_in_baht(hall: TownHall) -> None:
    run = await hall.sent(1)
    await told(hall, run, entry(hall, "f" * 32, EntryKind.PAID, "R9", currency="USD"))
    with pytest.raises(NotResolvedSo):
        await resolving(hall).propose(hall.planner, await only_break(hall), BreakOutcome.CLAIMED, WHY)


async def test_each_half_needs_another_officer_of_the_agency_who_pays(hall: TownHall) -> None:
    run = await hall.sent(1)
    await told(hall, run, entry(hall, "f" * 32, EntryKind.PAID, "R9"))
    key, jobs = await only_break(hall), resolving(hall)
    await jobs.propose(hall.planner, key, BreakOutcome.NO_MONEY_MOVED, WHY)
    attempts: list[tuple[Clerk, BreakOutcome, type[SitthiError]]] = [
        (hall.planner, BreakOutcome.NO_MONEY_MOVED, SameOfficer),
        (hall.approver, BreakOutcome.CLAIMED, NotResolvedSo),
        (Clerk(agency="dcy"), BreakOutcome.NO_MONEY_MOVED, BreakNotFound),
        (Clerk(roles=frozenset({"pay.counter"})), BreakOutcome.NO_MONEY_MOVED, NotAPaymentOfficer),
    ]
    for clerk, outcome, error in attempts:
        with pytest.raises(error):
            await jobs.agree(clerk, key, outcome)
    closed = await jobs.agree(hall.approver, key, BreakOutcome.NO_MONEY_MOVED)
    assert (closed.proposed_by, closed.closed_by) == (hall.planner.person, hall.approver.person)
    with pytest.raises(BreakClosed):
        await jobs.propose(hall.planner, key, BreakOutcome.CLAIMED, WHY)


@pytest.mark.parametrize("reason", ["", "    ", "four", "x" * 501, "line\nbreak"])
async def test_a_reason_is_needed(hall: TownHall, reason: str) -> None:
    run = await hall.sent(1)
    await told(hall, run, entry(hall, "f" * 32, EntryKind.PAID, "R9"))
    with pytest.raises(BadInput):
        await resolving(hall).propose(hall.planner, await only_break(hall), BreakOutcome.NO_MONEY_MOVED, reason)


async def test_thirty_agreements_at_once_book_once(hall: TownHall) -> None:
    run = await hall.sent(1)
    await told(hall, run, entry(hall, "f" * 32, EntryKind.PAID, "R9"))
    key = await only_break(hall)
    await resolving(hall).propose(hall.planner, key, BreakOutcome.CLAIMED, WHY)
    agreed = await asyncio.gather(
        *(resolving(hall).agree(Clerk(), key, BreakOutcome.CLAIMED) for _ in range(30)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in agreed) == ["BreakClosed"] * 29 + ["BreakResolution"]
    assert (await hall.balances())["BANK_CLAIM"] == 70_000


async def test_the_database_refuses_the_same_officer_too(hall: TownHall) -> None:
    run = await hall.sent(1)
    await told(hall, run, entry(hall, "f" * 32, EntryKind.PAID, "R9"))
    await resolving(hall).propose(hall.planner, await only_break(hall), BreakOutcome.CLAIMED, WHY)
    with pytest.raises(IntegrityError, match="four_eyes"):
        async with hall.db.write() as session:
            await session.execute(
                update(BreakResolution).values(closed_by=col(BreakResolution.proposed_by), closed_at=hall.clock.now())
            )


def test_there_are_seven_kinds_and_each_can_be_closed() -> None:
    assert len(BreakKind) == 7
    assert set(OUTCOMES) == set(BreakKind)
    assert all(BreakOutcome.BANK_MENDED not in outcomes and outcomes for outcomes in OUTCOMES.values())


async def test_a_payment_that_the_bank_takes_back_is_owed_again_and_its_payee_is_told_what_to_mend(
    hall: TownHall,
) -> None:
    run = await hall.sent(2)
    first, _ = await hall.instalments()
    await hall.jobs.reconcile(hall.approver, run.id)
    back = entry(hall, first.id, EntryKind.RETURNED, "R9")
    for _ in range(2):
        await told(hall, run, back)
    await hall.jobs.reconcile(hall.approver)
    first, _ = await hall.instalments()
    assert (first.status, first.reason, first.reversal_reference) == ("RETURNED", "AC04", "R9")
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": -70_000, "IN_TRANSIT": 0, "BANK": -70_000}
    assert await resolving(hall).listed(hall.planner) == []
    async with hall.db.read() as session:
        kept = await session.get(PaymentRun, run.id)
    assert kept is not None
    assert kept.status == "PARTLY_SETTLED"
    assert [i.id for i in await hall.jobs.returned(hall.planner)] == [first.id]


async def test_a_debit_and_its_return_told_together_never_settle(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    both = [entry(hall, one.id, EntryKind.PAID, "R1"), entry(hall, one.id, EntryKind.RETURNED, "R2")]
    for order in (both, both[::-1]):
        await told(hall, run, *order)
    [one] = await hall.instalments()
    assert (one.status, one.settled_at, one.bank_reference, one.reversal_reference) == ("RETURNED", None, "R1", "R2")
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000, "IN_TRANSIT": 0}


async def test_another_amount_taken_back_is_named(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await hall.jobs.reconcile(hall.approver, run.id)
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R9", money=Money(69_999)))
    [(found, _)] = await resolving(hall).listed(hall.planner)
    assert (found.kind, [i.status for i in await hall.instalments()]) == ("WRONG_AMOUNT", ["SETTLED"])
