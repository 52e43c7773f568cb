"""What the bank says is taken in once, whatever it says; what does not match is named and changes nothing."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from core.errors import ServiceUnavailable
from core.ids import new_id
from core.money import Money
from services.pay.errors import BankFileRefused
from services.pay.models import PaymentRun
from services.pay.rails.contract import Answer, Entry, EntryKind, Verdict
from services.pay.states import InstalmentStatus, RunStatus
from services.sandbox.bank import Faults
from tests.services.pay.town import TownHall

SETTLED, RETURNED, SUBMITTED = InstalmentStatus.SETTLED, InstalmentStatus.RETURNED, InstalmentStatus.SUBMITTED


async def statuses(hall: TownHall) -> list[str]:
    return [instalment.status for instalment in await hall.instalments()]


async def test_a_rejected_payment_is_owed_again(hall: TownHall) -> None:
    run = await hall.approved()
    first, _ = await hall.instalments()
    hall.bank.faults = Faults(reject=frozenset({first.id.hex}))
    await hall.jobs.send(hall.approver, run.id)
    assert await statuses(hall) == [RETURNED, SUBMITTED]
    assert (await hall.instalments())[0].reason == "AC03"
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": -70_000, "IN_TRANSIT": -70_000}
    await hall.jobs.reconcile(hall.approver)
    async with hall.db.read() as session:
        closed = await session.get(PaymentRun, run.id)
    assert closed is not None
    assert closed.status == RunStatus.PARTLY_SETTLED


async def test_a_rejection_told_thirty_times_at_once_counts_once(hall: TownHall) -> None:
    run = await hall.approved()
    first, _ = await hall.instalments()
    hall.bank.faults = Faults(reject=frozenset({first.id.hex}))
    await asyncio.gather(*(hall.jobs.send(hall.approver, run.id) for _ in range(30)))
    assert (await statuses(hall), await hall.breaks()) == ([RETURNED, SUBMITTED], [])
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": -70_000, "IN_TRANSIT": -70_000}


async def test_a_payment_that_the_bank_knows_from_another_file_is_named_and_stays_open(hall: TownHall) -> None:
    run = await hall.approved(1)
    [instalment] = await hall.instalments()
    answer = Answer(run.id, Verdict.REJECTED, rejected={instalment.id: "AM05"})
    await hall.jobs.send(hall.approver, run.id)
    async with hall.db.write() as session:
        held = await hall.jobs.runs.locked(session, hall.approver, run.id)
        held.answered_at = None
        outcome = await hall.jobs.reconciliation.take_answer(session, held, answer)
    assert (outcome.breaks, await statuses(hall)) == (1, [SUBMITTED])
    assert [one.kind for one in await hall.breaks()] == ["REFUSED_AS_DUPLICATE"]
    assert (await hall.jobs.reconcile(hall.approver)).settled == 1


@pytest.mark.parametrize(
    ("verdict", "rejected", "error"),
    [
        (Verdict.PARTLY, {new_id(): "AC03"}, BankFileRefused),
        (Verdict.DUPLICATE, {new_id(): "AC03"}, BankFileRefused),
    ],
)
async def test_an_answer_about_others_changes_nothing(
    hall: TownHall, verdict: Verdict, rejected: dict[UUID, str], error: type[Exception]
) -> None:
    run = await hall.approved(1)
    hall.bank.faults = Faults(timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await hall.jobs.send(hall.approver, run.id)

    async def take() -> None:
        async with hall.db.write() as session:
            held = await hall.jobs.runs.locked(session, hall.approver, run.id)
            await hall.jobs.reconciliation.take_answer(session, held, Answer(run.id, verdict, "", rejected))

    with pytest.raises(error):
        await take()
    assert (await statuses(hall), await hall.breaks()) == ([SUBMITTED], [])
    async with hall.db.read() as session:
        kept = await session.get(PaymentRun, run.id)
    assert kept is not None
    assert kept.answered_at is None


@pytest.mark.parametrize(
    ("first", "second", "kind", "status"),
    [
        (EntryKind.PAID, EntryKind.PAID, "BOOKED_TWICE", SETTLED),
        (EntryKind.RETURNED, EntryKind.PAID, "PAID_AFTER_RETURN", RETURNED),
        (EntryKind.RETURNED, EntryKind.RETURNED, "RETURN_NOT_EXPECTED", RETURNED),
    ],
)
async def test_a_second_entry_for_what_is_decided_is_named_and_changes_nothing(
    hall: TownHall, first: EntryKind, second: EntryKind, kind: str, status: str
) -> None:
    run = await hall.sent(1)
    [instalment] = await hall.instalments()
    for reference, of in (("R1", first), ("R2", second), ("R2", second)):
        entry = Entry(of, reference, instalment.id.hex, Money(70_000), "THB", hall.clock.now(), "AC04")
        async with hall.db.write() as session:
            held = await hall.jobs.runs.locked(session, hall.approver, run.id)
            await hall.jobs.reconciliation.take_entries(session, held, [entry])
    assert ([one.kind for one in await hall.breaks()], await statuses(hall)) == ([kind], [status])
    assert (await hall.balances())["IN_TRANSIT"] == 0


async def test_an_entry_in_another_currency_is_named_and_settles_nothing(hall: TownHall) -> None:
    run = await hall.sent(1)
    [instalment] = await hall.instalments()
    entry = Entry(EntryKind.PAID, "R1", instalment.id.hex, Money(70_000), "USD", hall.clock.now())
    async with hall.db.write() as session:
        held = await hall.jobs.runs.locked(session, hall.approver, run.id)
        await hall.jobs.reconciliation.take_entries(session, held, [entry])
    assert ([one.kind for one in await hall.breaks()], await statuses(hall)) == (["WRONG_AMOUNT"], [SUBMITTED])


async def test_a_file_that_is_rejected_whole_pays_nobody(hall: TownHall) -> None:
    run = await hall.approved()
    hall.bank.faults = Faults(reject=frozenset({"*"}))
    sent = await hall.jobs.send(hall.approver, run.id)
    assert (sent.status, await statuses(hall)) == (RunStatus.RETURNED, [RETURNED, RETURNED])
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": -140_000, "IN_TRANSIT": 0}


async def test_a_returned_payment_is_owed_again(hall: TownHall) -> None:
    run = await hall.sent()
    first, _ = await hall.instalments()
    hall.bank.faults = Faults(send_back=frozenset({first.id.hex}))
    outcome = await hall.jobs.reconcile(hall.approver, run.id)
    assert (outcome.settled, outcome.returned) == (1, 1)
    assert await statuses(hall) == [RETURNED, SETTLED]
    assert await hall.balances() == {"BENEFITS": 140_000, "PAYABLE": -70_000, "IN_TRANSIT": 0, "BANK": -70_000}


@pytest.mark.parametrize("faults", [Faults(duplicate=True), Faults(reorder=7), Faults(duplicate=True, reorder=3)])
async def test_entries_told_twice_or_out_of_order_settle_once(hall: TownHall, faults: Faults) -> None:
    run = await hall.sent(3)
    hall.bank.faults = faults
    assert (await hall.jobs.reconcile(hall.approver, run.id)).settled == 3
    again = await hall.jobs.reconcile(hall.approver, run.id)
    assert (again.settled, again.returned, again.breaks, await hall.breaks()) == (0, 0, 0, [])


@pytest.mark.parametrize(
    ("faults", "kind", "expected", "found"),
    [
        (Faults(wrong_amount=frozenset({"*"})), "WRONG_AMOUNT", 70_000, 70_001),
        (Faults(unknown_reference=frozenset({"*"})), "UNKNOWN_REFERENCE", None, 70_000),
    ],
)
async def test_what_does_not_match_is_named_and_changes_nothing_until_the_bank_mends_it(
    hall: TownHall, faults: Faults, kind: str, expected: int | None, found: int
) -> None:
    run = await hall.sent(1)
    hall.bank.faults = faults
    assert (await hall.jobs.reconcile(hall.approver, run.id)).breaks == 1
    assert (await hall.jobs.reconcile(hall.approver, run.id)).breaks == 0
    (broken,) = await hall.breaks()
    assert (broken.kind, broken.expected, broken.found) == (kind, expected, found)
    assert (await statuses(hall), (await hall.balances())["IN_TRANSIT"]) == ([SUBMITTED], -70_000)
    hall.bank.faults = Faults()
    assert (await hall.jobs.reconcile(hall.approver, run.id)).settled == 1


async def test_reconciling_what_was_never_sent_finds_nothing(hall: TownHall) -> None:
    run = await hall.approved()
    assert (await hall.jobs.reconcile(hall.approver, run.id)).settled == 0
    assert (await hall.jobs.reconcile(hall.approver)).settled == 0
