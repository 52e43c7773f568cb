"""Whatever the bank says again, late, or against its own word: nobody is paid twice, and nobody loses a month."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from core.errors import ServiceUnavailable
from core.ids import new_id
from core.money import Money
from services.pay.breaks import BreakOutcome
from services.pay.errors import BankFileRefused, NothingDue
from services.pay.iso20022.xml import BAD_VALUE
from services.pay.models import Instalment, PaymentRun
from services.pay.rails.contract import Answer, Entry, EntryKind, Verdict
from services.sandbox.bank import Faults
from services.sandbox.bank.faults import Settles
from tests.services.pay.test_again import late, returned
from tests.services.pay.test_awards import DECEMBER, NOVEMBER, end, reassess
from tests.services.pay.test_budgets import appropriate
from tests.services.pay.test_budgets import standing as budget
from tests.services.pay.test_destinations import ACCOUNT, say
from tests.services.pay.test_recovery import agree, left, overpaid, owed, pay, propose, underpaid
from tests.services.pay.test_resolving import decide, entry, only_break, resolving, told
from tests.services.pay.town import PERIOD, TownHall

PAID = {"BENEFITS": 70_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -70_000}
OWED = {"BENEFITS": 70_000, "PAYABLE": -70_000, "IN_TRANSIT": 0, "BANK": 0}


async def history(hall: TownHall, run: PaymentRun, one: Instalment, *entries: tuple[EntryKind, str]) -> None:
    await told(hall, run, *(entry(hall, one.id, kind, reference) for kind, reference in entries))


FIRST, BACK, ANEW = (EntryKind.PAID, "R1"), (EntryKind.RETURNED, "R2"), (EntryKind.PAID, "R3")


async def paid_taken_back_and_paid(hall: TownHall) -> tuple[PaymentRun, Instalment]:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    for entries in ((FIRST,), (FIRST, BACK), (FIRST, BACK, ANEW)):
        await history(hall, run, one, *entries)
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    assert await hall.balances() == PAID
    return run, one


async def test_a_reversal_told_again_after_the_payment_was_found_paid_owes_nothing(hall: TownHall) -> None:
    run, one = await paid_taken_back_and_paid(hall)
    for _ in range(2):
        await history(hall, run, one, FIRST, BACK, ANEW)
    assert [i.status for i in await hall.instalments()] == ["SETTLED"]
    assert await hall.balances() == PAID
    assert await resolving(hall).listed(hall.planner) == []
    await say(hall, one.person, ACCOUNT)
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)


async def test_what_is_taken_back_once_more_is_owed_once_more_and_booked(hall: TownHall) -> None:
    run, one = await paid_taken_back_and_paid(hall)
    for _ in range(2):
        await history(hall, run, one, FIRST, BACK, ANEW, (EntryKind.RETURNED, "R4"))
        assert [i.status for i in await hall.instalments()] == ["RETURNED"]
        assert await hall.balances() == OWED
        assert await resolving(hall).listed(hall.planner) == []
    assert [i.id for i in await hall.jobs.returned(hall.planner)] == [one.id]
    await hall.jobs.pay_again(hall.planner, one.id)
    assert await hall.balances() == {**OWED, "BENEFITS": 0, "PAYABLE": 0}


async def test_what_came_back_was_found_paid_and_is_taken_back_is_owed_by_the_books_too(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await history(hall, run, one, (EntryKind.RETURNED, "R1"))
    await hall.jobs.pay_again(hall.planner, one.id)
    await history(hall, run, one, (EntryKind.RETURNED, "R1"), (EntryKind.PAID, "R2"))
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    all_of_it = ((EntryKind.RETURNED, "R1"), (EntryKind.PAID, "R2"), (EntryKind.RETURNED, "R3"))
    for _ in range(2):
        await history(hall, run, one, *all_of_it)
    assert await resolving(hall).listed(hall.planner) == []
    assert await hall.balances() == OWED
    again = await hall.jobs.pay_again(hall.planner, one.id)
    assert (again.status, await hall.balances()) == ("SCHEDULED", {**OWED, "BENEFITS": 0, "PAYABLE": 0})
    await pay(hall, PERIOD)
    assert [i.status for i in await hall.instalments()] == ["RETURNED", "SETTLED"]
    assert await hall.balances() == PAID


async def test_a_reversal_under_the_reference_of_the_payment_is_heard(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await history(hall, run, one, (EntryKind.PAID, "R1"))
    for _ in range(2):
        await history(hall, run, one, (EntryKind.PAID, "R1"), (EntryKind.RETURNED, "R1"))
        assert ([i.status for i in await hall.instalments()], await hall.balances()) == (["RETURNED"], OWED)
        assert await resolving(hall).listed(hall.planner) == []


async def test_a_rejection_of_what_the_bank_has_booked_takes_nothing_back(hall: TownHall) -> None:
    """An answer is no entry: it cannot say that money came back."""
    run = await hall.approved(1)
    hall.bank.faults = Faults(timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await hall.jobs.send(hall.approver, run.id)
    await hall.jobs.reconcile(hall.approver, run.id)
    [one] = await hall.instalments()
    async with hall.db.write() as session:
        held = await hall.jobs.runs.locked(session, hall.approver, run.id)
        answer = Answer(run.id, Verdict.PARTLY, "", {one.id: "AC04"})
        assert (await hall.jobs.reconciliation.take_answer(session, held, answer)).breaks == 1
    assert ([i.status for i in await hall.instalments()], await hall.balances()) == (["SETTLED"], PAID)
    assert [b.kind for b in await hall.breaks()] == ["RETURN_NOT_EXPECTED"]


async def test_a_run_whose_notification_does_not_hold_stops_no_other(
    hall: TownHall, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await hall.sent(1)
    second = await hall.sent(1)
    listen = hall.jobs.rail.booked

    async def booked(order: UUID) -> tuple[Entry, ...]:
        if order == second.id:
            raise BankFileRefused(BAD_VALUE, "Ntry")
        return await listen(order)

    monkeypatch.setattr(hall.jobs.rail, "booked", booked)
    with pytest.raises(BankFileRefused):
        await hall.jobs.reconcile(hall.approver)
    assert {i.run: i.status for i in await hall.instalments()} == {first.id: "SETTLED", second.id: "SUBMITTED"}


async def test_a_debit_of_another_amount_is_not_mended_by_the_right_one_under_another_reference(
    hall: TownHall,
) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R9", money=Money(60_000)))
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R1"))
    await decide(hall, await only_break(hall), BreakOutcome.CLAIMED)
    assert (await hall.balances())["BANK"] == -130_000, "both left the account"


async def test_a_reason_that_the_bank_gives_later_mends_what_came_back_without(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await history(hall, run, one, FIRST)
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R2", reason="ZZ99"))
    await history(hall, run, one, BACK)
    assert (await hall.balances(), await resolving(hall).listed(hall.planner)) == (OWED, [])


async def test_what_was_claimed_from_the_bank_is_not_taken_in_when_it_gives_a_reason_later(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await history(hall, run, one, FIRST)
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R2", reason="ZZ99"))
    await decide(hall, await only_break(hall), BreakOutcome.CLAIMED)
    before = await hall.balances()
    await history(hall, run, one, BACK)
    assert (await hall.balances(), [i.status for i in await hall.instalments()]) == (before, ["SETTLED"])


async def test_a_second_debit_that_is_claimed_is_known_after_the_first_is_taken_back(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await history(hall, run, one, FIRST, (EntryKind.PAID, "R9"))
    await decide(hall, await only_break(hall), BreakOutcome.CLAIMED)
    await history(hall, run, one, FIRST, (EntryKind.PAID, "R9"), BACK)
    assert await resolving(hall).listed(hall.planner) == []
    await history(hall, run, one, FIRST, (EntryKind.PAID, "R9"), BACK)
    assert await resolving(hall).listed(hall.planner) == [], "one entry is one break"


@pytest.mark.parametrize(("key", "baht"), [(None, 600), ("f" * 32, 700)], ids=["wrong amount", "unknown reference"])
async def test_what_was_claimed_and_is_told_rightly_later_left_the_account_once(
    hall: TownHall, key: str | None, baht: int
) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, key or one.id, EntryKind.PAID, "R1", money=Money.baht(baht)))
    await decide(hall, await only_break(hall), BreakOutcome.CLAIMED)
    for _ in range(2):
        await history(hall, run, one, FIRST)
    assert await hall.balances() == {**PAID, "BANK_CLAIM": 0}


async def test_what_is_said_to_come_and_never_does_is_named_anew(hall: TownHall) -> None:
    hall.bank.faults = Faults(settles=Settles.HELD)
    run = await hall.sent(1)
    hall.clock.advance(timedelta(days=10))
    await hall.jobs.reconcile(hall.approver, run.id)
    await decide(hall, await only_break(hall), BreakOutcome.NO_MONEY_MOVED)
    assert (await hall.jobs.reconcile(hall.approver, run.id)).breaks == 0, "it has some days"
    hall.clock.advance(timedelta(days=10))
    assert [(await hall.jobs.reconcile(hall.approver, run.id)).breaks for _ in range(2)] == [1, 0]
    await decide(hall, await only_break(hall), BreakOutcome.OWED_AGAIN)
    assert [i.status for i in await hall.instalments()] == ["RETURNED"]


# Paying again what was withdrawn.


async def test_what_two_officers_find_unpaid_is_owed_although_it_was_to_be_paid_again_before(hall: TownHall) -> None:
    first = await returned(hall)
    await hall.jobs.pay_again(hall.planner, first.id)
    await late(hall, first.run, first)
    await decide(hall, await only_break(hall), BreakOutcome.NO_MONEY_MOVED)
    assert [i.id for i in await hall.jobs.returned(hall.planner)] == [first.id]
    again = await hall.jobs.pay_again(hall.planner, first.id)
    assert again.repeats == first.id
    await pay(hall, PERIOD)
    assert [i.status for i in await hall.instalments()] == ["RETURNED", "SETTLED"]
    assert await hall.balances() == PAID


@pytest.mark.parametrize("decided", [True, False])
async def test_a_second_look_does_not_bring_back_what_was_to_pay_again_what_is_paid(
    hall: TownHall, decided: bool
) -> None:
    application = new_id()
    first = await returned(hall, application)
    await hall.jobs.pay_again(hall.planner, first.id)
    await late(hall, first.run, first)
    key = await only_break(hall)
    if decided:
        await decide(hall, key, BreakOutcome.PAID)
    await reassess(hall, application)
    if not decided:
        await decide(hall, key, BreakOutcome.PAID)
    assert [i.status for i in await hall.instalments()] == ["SETTLED", "CANCELLED"]
    assert await hall.balances() == {**PAID, "IN_TRANSIT": 0}


async def test_what_was_paid_after_all_takes_its_room_in_the_budget_again(hall: TownHall) -> None:
    await appropriate(hall, 1000)
    first = await returned(hall)
    await hall.jobs.pay_again(hall.planner, first.id)
    assert await budget(hall) == [(1000, 0, 1000)]
    await late(hall, first.run, first)
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    assert await budget(hall) == [(1000, 700, 300)]


async def test_a_budget_that_is_set_later_counts_what_was_paid_after_all(hall: TownHall) -> None:
    first = await returned(hall)
    await hall.jobs.pay_again(hall.planner, first.id)
    await late(hall, first.run, first)
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    await appropriate(hall, 1000)
    assert await budget(hall) == [(1000, 700, 300)]


# What was withheld, and what is claimed.


async def test_a_withholding_is_given_back_once_however_often_the_payment_comes_back(hall: TownHall) -> None:
    claim = await overpaid(hall)
    await agree(hall, await propose(hall, [claim]))
    run = await pay(hall, DECEMBER, comes_back=True)
    [one] = [i for i in await hall.instalments() if i.period == DECEMBER]
    net = Money(60_000)
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R2", money=net))
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    assert await underpaid(hall) == [(10_000, "PAID_AFTER_RETURN")]
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R3", money=net))
    assert (await left(hall), await underpaid(hall)) == (30_000, [])
    assert (await hall.balances())["PAYABLE"] == -70_000


async def test_what_was_not_due_and_was_paid_after_all_is_claimed_again(hall: TownHall) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await pay(hall, PERIOD)
    await end(hall, application, NOVEMBER)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R2"))
    assert await owed(hall) == []
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "R3"))
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    assert await left(hall) == 70_000
    assert (await hall.balances())["BENEFITS"] == 0


async def test_of_a_payment_that_came_back_nothing_is_recovered_when_the_award_goes_on_for_less(
    hall: TownHall,
) -> None:
    application, payee = new_id(), await hall.person()
    await hall.grant(application=application, payee=payee)
    run = await pay(hall, PERIOD)
    await end(hall, application, NOVEMBER)
    [one] = await hall.instalments()
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, "R2"))
    hall.amounts.by_application[application] = Money.baht(200)
    await hall.grant(application=application, payee=payee)
    assert await left(hall) == 0


@pytest.mark.parametrize(("due", "paid"), [(None, None), (500, 50_000)])
async def test_what_is_not_due_any_more_and_leaves_an_approved_run_is_not_paid_with_the_next(
    hall: TownHall, due: int | None, paid: int | None
) -> None:
    application, payee = new_id(), await hall.person()
    await hall.grant(application=application, payee=payee)
    run = await hall.approved(0)
    if due is None:
        await end(hall, application, NOVEMBER)
    else:
        hall.amounts.by_application[application] = Money.baht(due)
        await reassess(hall, application)
    await say(hall, payee, ACCOUNT)
    await hall.jobs.send(hall.approver, run.id)
    assert await left(hall) == 0
    if paid is None:
        with pytest.raises(NothingDue):
            await hall.jobs.plan(hall.planner, PERIOD)
    else:
        await pay(hall, PERIOD)
    balances = await hall.balances()
    assert (balances["BENEFITS"], balances.get("BANK", 0), balances["PAYABLE"]) == (paid or 0, -(paid or 0), 0)
