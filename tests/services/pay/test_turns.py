"""No two of the room wait for each other: whatever officers, decisions and the bank do at once, each gets its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import BANGKOK
from core.errors import SitthiError
from core.ids import new_id
from core.money import Money
from services.apply.drafts import repository as drafts
from services.pay import service, turns
from services.pay.accounts import Mobile
from services.pay.awards import Awards
from services.pay.models import Instalment
from services.pay.rails.contract import EntryKind
from tests.services.pay.test_awards import DECEMBER, NOVEMBER, reassess
from tests.services.pay.test_changed_payees import say
from tests.services.pay.test_recovery import FLOOR, agree, left, owed, pay, propose
from tests.services.pay.test_resolving import entry, told
from tests.services.pay.town import Clerk, TownHall, jobs_over

ROUNDS = 30
FEW = 3
"""Where one writer follows the other, or another test has gone the same way."""
OTHER = Clerk(agency="dcy")
WORK, PENSION = "programme:dla-work", "programme:dcy-pension"


def beside(subject: str) -> Collection[str]:
    return {WORK: (PENSION,), PENSION: (WORK,)}.get(subject, ())


@pytest.fixture
def two(hall: TownHall, monkeypatch: pytest.MonkeyPatch) -> TownHall:
    """Two agencies whose programmes nobody may have together, and which plan award by award."""
    monkeypatch.setattr(service, "AWARDS_AT_ONCE", 1)
    hall.awards = Awards(hall.amounts, hall.clock, beside=beside)
    hall.jobs = jobs_over(hall.db, hall.clock, hall.jobs.rail, hall.awards)
    return hall


def rounds(hall: TownHall) -> int:
    return FEW if hall.db.is_sqlite else ROUNDS


async def all_of(*jobs: object) -> None:
    """What the room refuses is refused; a deadlock is not."""
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)  # type: ignore[call-overload] # coroutines
    faults = [one for one in outcomes if isinstance(one, BaseException)]
    assert all(isinstance(one, SitthiError) and one.code != "SERVICE_UNAVAILABLE" for one in faults), faults


async def both_want_both(hall: TownHall) -> list[UUID]:
    """Two people, each with an award of either agency; no month is made yet. Each agency meets them in its order."""
    people = [await hall.person(), await hall.person()]
    for subject, order in ((WORK, people), (PENSION, people[::-1])):
        for one in order:
            hall.amounts.by_application[key := new_id()] = None
            await hall.grant(payee=one, subject=subject, application=key)
    return people


@pytest.mark.parametrize("singly", [True, False])
async def test_two_planners_of_what_excludes_each_other_both_finish(
    two: TownHall, monkeypatch: pytest.MonkeyPatch, singly: bool
) -> None:
    monkeypatch.setattr(turns, "BENEFICIARIES_MAX", 1_000 if singly else 1)
    people: list[UUID] = []
    for _ in range(rounds(two) if singly else FEW):
        people += await both_want_both(two)
        two.amounts.by_application.clear()
        await all_of(two.jobs.plan(two.planner, NOVEMBER), two.jobs.plan(OTHER, NOVEMBER))
        await approve_all(two)
    paid = [one.beneficiary for one in await two.instalments()]
    assert sorted(paid) == sorted(people), "each is paid, by one of the two"


async def approve_all(hall: TownHall) -> None:
    """So that the next plan is another."""
    for planner, approver in ((hall.planner, hall.approver), (OTHER, Clerk(agency="dcy"))):
        for run in await hall.jobs.listed(planner):
            if run.status == "PLANNED":
                await hall.jobs.approve(approver, run.id)


async def test_grants_beside_planners_finish(two: TownHall) -> None:
    for _ in range(FEW):
        people = await both_want_both(two)
        two.amounts.by_application.clear()
        await all_of(
            two.jobs.plan(two.planner, NOVEMBER),
            two.jobs.plan(OTHER, NOVEMBER),
            *(two.grant(payee=one, subject=subject) for one in people for subject in (WORK, PENSION)),
        )
        await approve_all(two)
    paid = [(one.beneficiary, one.period) for one in await two.instalments() if one.status != "CANCELLED"]
    assert len(paid) == len(set(paid))


async def debtors(hall: TownHall, count: int) -> dict[UUID, UUID]:
    """Payees by their applications, who agreed to pay back, part by part, what they had too much of in November."""
    found = {new_id(): await hall.person() for _ in range(count)}
    for application, payee in found.items():
        await hall.grant(application=application, payee=payee)
    await pay(hall, NOVEMBER)
    for application in found:
        hall.amounts.by_application[application] = Money.baht(400)
        await reassess(hall, application, NOVEMBER)
    hall.clock.set(datetime(2026, 12, 1, 10, tzinfo=BANGKOK))
    for claim in await owed(hall):
        await agree(hall, await propose(hall, [claim], parts=30))
    return found


async def test_decisions_beside_the_approval_that_withholds_finish(hall: TownHall) -> None:
    people = await debtors(hall, 3)
    for number in range(rounds(hall)):
        for payee in people.values():
            await hall.grant(payee=payee, subject=f"programme:dla-{number}")
        run = await hall.jobs.plan(hall.planner, DECEMBER)
        hall.amounts.by_application |= {key: Money.baht(400 + number) for key in people}
        await all_of(hall.jobs.approve(hall.approver, run.id), *(reassess(hall, key, NOVEMBER) for key in people))
        hall.amounts.by_application |= {key: Money.baht(300 + number) for key in people}
        await all_of(hall.jobs.send(hall.approver, run.id), *(reassess(hall, key, NOVEMBER) for key in people))
    assert await left(hall) >= 0
    assert all(one.net >= FLOOR for one in await hall.instalments() if one.withheld)


async def test_what_the_bank_takes_back_beside_approvals_and_decisions_finishes(hall: TownHall) -> None:
    people = await debtors(hall, 3)
    for number in range(min(rounds(hall), 10)):
        for payee in people.values():
            await hall.grant(payee=payee, subject=f"programme:dla-{number}")
        run = await hall.jobs.plan(hall.planner, DECEMBER)
        out = [one for one in await hall.instalments() if one.status == "SETTLED"]
        back = out[number % len(out)] if out else None
        hall.amounts.by_application |= {key: Money.baht(400 + number) for key in people}
        await all_of(
            hall.jobs.approve(hall.approver, run.id),
            *([] if back is None else [taken_back(hall, back, number), hall.jobs.pay_again(hall.planner, back.id)]),
            *(reassess(hall, key, NOVEMBER) for key in people),
        )
        await hall.jobs.send(hall.approver, run.id)
        await hall.jobs.reconcile(hall.approver)
    assert await left(hall) >= 0


async def test_who_is_paid_elsewhere_by_now_leaves_a_run_beside_decisions(hall: TownHall) -> None:
    people = await debtors(hall, 3)
    for number in range(min(rounds(hall), 10)):
        run = await hall.jobs.plan(hall.planner, DECEMBER)
        await hall.jobs.approve(hall.approver, run.id)
        for payee in people.values():
            await say(hall, payee, Mobile(f"+668{number:08}"))
        hall.amounts.by_application |= {key: Money.baht(500 + number) for key in people}
        await all_of(hall.jobs.send(hall.approver, run.id), *(reassess(hall, key, NOVEMBER) for key in people))
        await hall.jobs.reconcile(hall.approver)
    assert await left(hall) >= 0


async def taken_back(hall: TownHall, one: Instalment, number: int) -> None:
    [run] = [run for run in await hall.jobs.listed(hall.planner) if run.id == one.run]
    await told(hall, run, entry(hall, one.id, EntryKind.RETURNED, f"T{number}", money=Money(one.net)))


async def test_the_turns_of_few_are_taken_singly_and_of_many_whole(two: TownHall) -> None:
    people = [new_id() for _ in range(3)]
    async with two.db.write() as session:
        await turns.take_turn_of_planners(session, people[:2])
        assert [turns.has_turn_for(session, one) for one in people] == [True, True, two.db.is_sqlite]
        await turns.take_turn_for(session, people)
        assert all(turns.has_turn_for(session, one) for one in people)


async def test_a_citizen_saves_a_draft_while_somebody_plans_what_they_are_paid(two: TownHall) -> None:
    person = new_id()
    async with two.db.write() as session:
        await turns.take_turn_for(session, [person])
        await drafts.one_at_a_time(session, person)
        if not two.db.is_sqlite:
            mine = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert await session.scalar(mine) == 3, "one of all, one of theirs, and one of their drafts"
