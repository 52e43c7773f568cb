"""One reference of the bank may stand for several payments: each is a break of its own, and is closed by itself."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import SitthiError
from core.money import Money
from services.pay.breaks import BreakOutcome
from services.pay.errors import BreakClosed, NotResolvedSo
from services.pay.models import Instalment, PaymentRun
from services.pay.rails.contract import Entry, EntryKind
from services.sandbox.bank import Faults
from tests.services.pay.test_resolving import WHY, decide, entry, only_break, resolving, told
from tests.services.pay.town import PERIOD, TownHall

OWED_AGAIN = BreakOutcome.OWED_AGAIN


async def settled(hall: TownHall, people: int = 1) -> tuple[PaymentRun, list[Instalment]]:
    run = await hall.sent(people)
    await hall.jobs.reconcile(hall.approver, run.id)
    return run, await hall.instalments()


def back(hall: TownHall, one: Instalment, reference: str = "R9", reason: str = "ZZ99", **more: object) -> Entry:
    return entry(hall, one.id, EntryKind.RETURNED, reference, reason=reason, **more)


async def status(hall: TownHall) -> list[str]:
    return [one.status for one in await hall.instalments()]


async def test_two_payments_that_are_told_wrongly_under_one_reference_are_two_breaks(hall: TownHall) -> None:
    run = await hall.sent(2)
    entries = [entry(hall, one.id, EntryKind.PAID, "B1", money=Money(1)) for one in await hall.instalments()]
    for _ in range(2):
        await told(hall, run, *entries)
    assert sorted(found.end_to_end for found in await hall.breaks()) == sorted(one.end_to_end for one in entries)


async def test_what_mends_the_one_leaves_the_other_open(hall: TownHall) -> None:
    run = await hall.sent(2)
    first, second = await hall.instalments()
    wrong = [entry(hall, one.id, EntryKind.PAID, "B1", money=Money(1)) for one in (first, second)]
    await told(hall, run, *wrong)
    await told(hall, run, entry(hall, first.id, EntryKind.PAID, "B1"), wrong[1])
    [(found, _)] = await resolving(hall).listed(hall.planner)
    assert found.end_to_end == second.id.hex


async def test_what_is_told_beside_a_strange_entry_of_the_same_reference_does_not_mend_it(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    strange = entry(hall, "0" * 32, EntryKind.PAID, "B1")
    await told(hall, run, strange, entry(hall, one.id, EntryKind.PAID, "B1"))
    [(found, _)] = await resolving(hall).listed(hall.planner)
    assert (found.kind, await status(hall)) == ("UNKNOWN_REFERENCE", ["SETTLED"])
    await told(hall, run, entry(hall, one.id, EntryKind.PAID, "B1"))
    assert len(await resolving(hall).listed(hall.planner)) == 1, "the payment was decided before"


async def test_what_was_taken_back_for_an_unknown_reason_can_be_owed_again(hall: TownHall) -> None:
    run, [one] = await settled(hall)
    await told(hall, run, back(hall, one))
    await decide(hall, await only_break(hall), OWED_AGAIN)
    assert await status(hall) == ["RETURNED"]
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000, "IN_TRANSIT": 0, "BANK": 0}
    await told(hall, run, back(hall, one), back(hall, one, reason="AC04"))
    assert (await status(hall), await resolving(hall).listed(hall.planner)) == (["RETURNED"], [])
    assert (await hall.balances())["PAYABLE"] == -70_000, "told again, with a reason or without, it counts once"
    again = await hall.jobs.pay_again(hall.planner, one.id)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    await hall.jobs.send(hall.approver, run.id)
    await hall.jobs.reconcile(hall.approver, run.id)
    assert {i.id: i.status for i in await hall.instalments()} == {one.id: "RETURNED", again.id: "SETTLED"}
    assert (await hall.balances())["BANK"] == -70_000


async def test_of_many_who_agree_at_once_that_it_is_owed_again_one_does_it(hall: TownHall) -> None:
    run, [one] = await settled(hall)
    await told(hall, run, back(hall, one))
    found = await only_break(hall)
    await resolving(hall).propose(hall.planner, found, OWED_AGAIN, WHY)
    tries = [resolving(hall).agree(hall.approver, found, OWED_AGAIN) for _ in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, BreakClosed) for one in outcomes) == 19
    assert (await hall.balances())["BANK"] == 0


async def test_a_second_one_of_the_same_payment_is_not_owed_again_twice(hall: TownHall) -> None:
    run, [one] = await settled(hall)
    await told(hall, run, back(hall, one, "R8"), back(hall, one, "R9"))
    (first, _), (second, _) = await resolving(hall).listed(hall.planner)
    await decide(hall, first.id, OWED_AGAIN)
    with pytest.raises(NotResolvedSo):
        await decide(hall, second.id, OWED_AGAIN)
    assert (await hall.balances())["BANK"] == 0


async def test_the_bank_gives_a_reason_while_two_officers_agree_and_it_is_owed_once(hall: TownHall) -> None:
    for _ in range(5):
        run, [*_, one] = await settled(hall)
        await told(hall, run, back(hall, one, f"R{one.id.hex[:8]}"))
        [(found, _)] = await resolving(hall).listed(hall.planner)
        await resolving(hall).propose(hall.planner, found.id, OWED_AGAIN, WHY)
        outcomes = await asyncio.gather(
            resolving(hall).agree(hall.approver, found.id, OWED_AGAIN),
            told(hall, run, back(hall, one, f"R{one.id.hex[:8]}", "AC04")),
            return_exceptions=True,
        )
        assert all(not isinstance(e, BaseException) or isinstance(e, SitthiError) for e in outcomes)
        assert (await status(hall))[-1] == "RETURNED"
        assert (await hall.balances())["BANK"] == 0


async def test_what_only_an_answer_says_or_of_another_amount_is_not_owed_again(hall: TownHall) -> None:
    run, [one] = await settled(hall)
    answered = back(hall, one, one.id.hex)
    await told(hall, run, answered, back(hall, one, "R9", money=Money(69_999)))
    for found, _ in await resolving(hall).listed(hall.planner):
        with pytest.raises(NotResolvedSo):
            await decide(hall, found.id, OWED_AGAIN)
    assert (await status(hall), (await hall.balances())["BANK"]) == (["SETTLED"], -70_000)


async def test_what_was_never_settled_is_not_owed_again_by_a_second_return(hall: TownHall) -> None:
    run = await hall.sent(1)
    [one] = await hall.instalments()
    hall.bank.faults = Faults()
    await told(hall, run, back(hall, one, "R1", "AC04"), back(hall, one, "R2"))
    with pytest.raises(NotResolvedSo):
        await decide(hall, await only_break(hall), OWED_AGAIN)
