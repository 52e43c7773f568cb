"""A payday of several files: planned and approved as one, worked off by any number of workers, each file once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import new_id
from services.pay.errors import BankSaysDuplicate, NothingDue, RunChanged, RunNotFound, SameOfficer, WrongState
from services.pay.models import Instalment, Payday, PaymentRun
from services.pay.rails.bank import BankRail
from services.pay.repository import PaymentRepository
from services.pay.tasks import PaymentJobs
from services.sandbox.bank import Faults
from tests.services.pay.town import PERIOD, TownHall, jobs_over


class Ticking(FixedClock):
    """Never twice the same instant."""

    def now(self) -> datetime:
        self.advance(timedelta(microseconds=1))
        return super().now()


def by_threes(hall: TownHall) -> PaymentJobs:
    """A worker that makes files of at most three payments."""
    return jobs_over(hall.db, hall.clock, BankRail(hall.client, "http://bank"), hall.awards, part_max=3)


async def planned(hall: TownHall, people: int = 8) -> PaymentRun:
    for _ in range(people):
        await hall.grant()
    return await by_threes(hall).plan(hall.planner, PERIOD)


async def approved(hall: TownHall, people: int = 8) -> PaymentRun:
    run = await planned(hall, people)
    return await by_threes(hall).approve(hall.approver, run.id)


async def test_a_payday_is_as_many_files_as_it_takes_and_each_instalment_is_in_one(hall: TownHall) -> None:
    run = await planned(hall)
    parts = await by_threes(hall).parts(hall.planner, run.id)
    assert [(part.part, part.instalments, part.total) for part in parts] == [
        (1, 3, 210_000),
        (2, 3, 210_000),
        (3, 2, 140_000),
    ]
    assert (parts[0].id, len({part.payday for part in parts})) == (run.id, 1)
    assert Counter(i.run for i in await hall.instalments()) == {part.id: part.instalments for part in parts}


@pytest.mark.parametrize(("people", "files"), [(2, 1), (3, 1), (4, 2)])
async def test_a_file_is_as_full_as_it_may_be_and_none_is_empty(hall: TownHall, people: int, files: int) -> None:
    run = await planned(hall, people)
    assert len(await by_threes(hall).parts(hall.planner, run.id)) == files


async def test_planning_again_gives_the_payday_that_is_planned(hall: TownHall) -> None:
    run = await planned(hall)
    await hall.grant()
    assert (await by_threes(hall).plan(hall.planner, PERIOD)).id == run.id
    assert len(await by_threes(hall).parts(hall.planner, run.id)) == 3


async def test_two_officers_approve_the_whole_by_any_of_its_runs(hall: TownHall) -> None:
    run = await planned(hall)
    jobs = by_threes(hall)
    last = (await jobs.parts(hall.planner, run.id))[-1]
    with pytest.raises(SameOfficer):
        await jobs.approve(hall.planner, last.id)
    await jobs.approve(hall.approver, last.id)
    assert [part.status for part in await jobs.parts(hall.planner, run.id)] == ["APPROVED"] * 3
    assert await hall.balances() == {"BENEFITS": 560_000, "PAYABLE": -560_000}
    with pytest.raises(WrongState):
        await jobs.approve(hall.approver, run.id)


async def test_one_instalment_that_somebody_changed_stops_the_approval_of_all(hall: TownHall) -> None:
    run = await planned(hall)
    async with hall.db.write() as session:
        one = (await hall.instalments())[-1]
        await session.execute(update(Instalment).where(col(Instalment.id) == one.id).values(satang=1))
    with pytest.raises(RunChanged):
        await by_threes(hall).approve(hall.approver, run.id)
    assert {part.status for part in await by_threes(hall).parts(hall.planner, run.id)} == {"PLANNED"}
    assert await hall.balances() == {}


async def test_a_run_that_was_taken_out_of_the_payday_past_this_room_stops_the_approval(hall: TownHall) -> None:
    run = await planned(hall)
    parts = await by_threes(hall).parts(hall.planner, run.id)
    async with hall.db.write() as session:
        await session.execute(update(PaymentRun).where(col(PaymentRun.id) == parts[1].id).values(payday=new_id()))
    with pytest.raises(RunChanged):
        await by_threes(hall).approve(hall.approver, run.id)


async def test_an_award_that_ends_leaves_its_run_and_the_payday_is_approved_without_it(hall: TownHall) -> None:
    leaving = new_id()
    await hall.grant(application=leaving)
    run = await planned(hall, 3)
    async with hall.db.write() as session:
        await hall.awards.end(session, application=leaving)
    await by_threes(hall).approve(hall.approver, run.id)
    parts = await by_threes(hall).parts(hall.approver, run.id)
    assert sum(part.instalments for part in parts) == 3


async def test_the_payday_goes_with_the_last_who_leaves_it(hall: TownHall) -> None:
    leaving = [new_id() for _ in range(4)]
    for application in leaving:
        await hall.grant(application=application)
    run = await by_threes(hall).plan(hall.planner, PERIOD)
    for application in leaving:
        async with hall.db.write() as session:
            await hall.awards.end(session, application=application)
    with pytest.raises(RunNotFound):
        await by_threes(hall).approve(hall.approver, run.id)
    async with hall.db.read() as session:
        assert run.payday is not None
        assert await session.get(Payday, run.payday) is None
    with pytest.raises(NothingDue):
        await by_threes(hall).plan(hall.planner, PERIOD)


async def test_it_is_sent_and_reconciled_whole_and_everyone_is_paid(hall: TownHall) -> None:
    run = await approved(hall)
    jobs = by_threes(hall)
    await jobs.send(hall.approver, run.id)
    outcome = await jobs.reconcile(hall.approver, run.id)
    assert (outcome.settled, outcome.breaks) == (8, 0)
    assert {part.status for part in await jobs.parts(hall.approver, run.id)} == {"SETTLED"}
    assert await hall.balances() == {"BENEFITS": 560_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -560_000}


async def test_reconciling_all_that_is_open_takes_each_file_once(hall: TownHall) -> None:
    run = await approved(hall)
    await by_threes(hall).send(hall.approver, run.id)
    assert (await by_threes(hall).reconcile(hall.approver)).settled == 8
    assert (await by_threes(hall).reconcile(hall.approver)).settled == 0


async def test_workers_at_the_same_time_take_each_file_to_the_bank_once(hall: TownHall) -> None:
    run = await approved(hall, 20)
    messages: list[str] = []

    class Counted(BankRail):
        async def submit(self, order, file):  # type: ignore[no-untyped-def] # as its parent's
            messages.append(order.hex)
            return await super().submit(order, file)

    clock = Ticking(hall.clock.now())  # no two moments are the same, as outside
    workers = [
        jobs_over(hall.db, clock, Counted(hall.client, "http://bank"), hall.awards, part_max=3) for _ in range(4)
    ]

    await asyncio.gather(*(worker.send(hall.approver, run.id) for worker in workers))
    # Whoever begins takes over what was begun before, at most one file of each of the others.
    assert len(messages) <= 7 + 3 * 4
    assert set(messages) == {part.id.hex for part in await by_threes(hall).parts(hall.approver, run.id)}
    outcomes = await asyncio.gather(*(worker.reconcile(hall.approver, run.id) for worker in workers))
    assert sum(outcome.settled for outcome in outcomes) == 20
    assert {i.status for i in await hall.instalments()} == {"SETTLED"}
    assert len({entry.end_to_end for entry in hall.bank.books.entries()}) == len(hall.bank.books.entries()) == 20


async def test_what_a_worker_that_died_had_taken_up_is_done_by_whoever_begins_next(hall: TownHall) -> None:
    run = await approved(hall)
    async with hall.db.write() as session:
        await session.execute(update(PaymentRun).values(claimed_at=hall.clock.now()))
    hall.clock.advance(timedelta(seconds=1))
    await by_threes(hall).send(hall.approver, run.id)
    assert {part.answered_at is not None for part in await by_threes(hall).parts(hall.approver, run.id)} == {True}


async def test_what_another_took_up_after_this_one_began_is_left_to_them(hall: TownHall) -> None:
    run = await approved(hall)
    parts = await by_threes(hall).parts(hall.approver, run.id)
    async with hall.db.write() as session:
        later = hall.clock.now() + timedelta(seconds=5)
        await session.execute(update(PaymentRun).where(col(PaymentRun.id) == parts[1].id).values(claimed_at=later))
    await by_threes(hall).send(hall.approver, run.id)
    sent = [part.answered_at is not None for part in await by_threes(hall).parts(hall.approver, run.id)]
    assert sent == [True, False, True]


async def test_a_file_that_the_bank_calls_a_duplicate_does_not_stop_the_others(hall: TownHall) -> None:
    run = await approved(hall)
    jobs = by_threes(hall)
    parts = await jobs.parts(hall.approver, run.id)
    hall.bank.books.take(parts[0].id.hex, b"other", b"<answer/>", [], hall.clock.now(), account="0")
    with pytest.raises(BankSaysDuplicate):
        await jobs.send(hall.approver, run.id)
    assert [part.answered_at is not None for part in await jobs.parts(hall.approver, run.id)] == [True, True, True]
    assert (await jobs.send(hall.approver, run.id)).status == "SUBMITTED"  # said once, and not asked again


async def test_a_bank_that_is_away_stops_the_work_and_later_it_goes_on(hall: TownHall) -> None:
    run = await approved(hall)
    hall.bank.faults = Faults(timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await by_threes(hall).send(hall.approver, run.id)
    hall.clock.advance(timedelta(seconds=1))
    await by_threes(hall).send(hall.approver, run.id)
    assert (await by_threes(hall).reconcile(hall.approver, run.id)).settled == 8


async def test_more_awards_than_one_page_are_all_planned(hall: TownHall, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PaymentRepository.awards_without_instalment
    pages: list[int] = []

    async def by_twos(self, agency, period, *, after=None, limit=2):  # type: ignore[no-untyped-def] # as it is there
        found = await whole(self, agency, period, after=after, limit=2)
        pages.append(len(found))
        return found

    for _ in range(5):
        await hall.grant()
    await by_threes(hall).plan(hall.planner, PERIOD)
    monkeypatch.setattr(PaymentRepository, "awards_without_instalment", by_twos)
    run = await by_threes(hall).plan(hall.planner, PERIOD.replace(month=12))
    assert pages == [2, 2, 1, 0]
    assert sum(part.instalments for part in await by_threes(hall).parts(hall.planner, run.id)) == 5
