"""What was accepted is decided, once, by whoever is free; and nothing that goes wrong loses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from core.database import Database
from core.errors import ServiceUnavailable
from core.ids import new_id
from core.settings import Settings
from core.text import Text
from services.apply import repository
from services.apply.acceptance import repository as owed
from services.apply.acceptance import tasks
from services.apply.acceptance.tasks import HALF_AT, LEASE, PUT_OFF_MIN, REST_MAX, Deciding, Settled, rest
from services.apply.deciding import Outcome, Prepared, Request
from services.apply.models import Application
from services.apply.states import Status
from services.apply.tasks import reconsider_waiting
from tests.services.apply.acceptance.conftest import Accept
from tests.services.apply.conftest import CARD, INCOME, PROGRAMME, Room


class Counting:
    def __init__(self) -> None:
        self.counted: list[tuple[UUID, int]] = []

    async def count(self, session: AsyncSession, *, application: UUID, service: str, filled: int, asked: int) -> None:
        assert service == PROGRAMME
        self.counted.append((application, asked))


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def deciding(room: Room, counting: Counting) -> Deciding:
    return Deciding(room.service, room.database, room.clock, counter=counting)


@pytest.fixture
async def other(room: Room, database_url: str, counting: Counting) -> AsyncIterator[Deciding]:
    database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    yield Deciding(room.on(database).service, database, room.clock, counter=counting)
    await database.close()


async def stored(room: Room, person: UUID, application: UUID) -> Application:
    async with room.database.read() as session:
        row = await repository.own(session, person, application)
    assert row is not None
    return row


async def test_what_was_accepted_is_decided_told_and_paid_as_any_other(
    room: Room, accept: Accept, deciding: Deciding, counting: Counting, citizen: UUID
) -> None:
    made = await accept(citizen, answers={INCOME.attribute: 7})
    assert made is not None
    assert room.notices.told == []
    assert await deciding.run() == Settled(decided=1)
    row = await stored(room, citizen, made.id)
    assert (row.status, row.decide_at, row.decided_at) == (Status.APPROVED, None, room.clock.now())
    assert room.notices.told == [(citizen, Status.APPROVED)]
    assert await room.count("decision") == await room.count("test_award") == 1
    assert counting.counted == [(made.id, 1)]
    assert room.decider.seen[-1].answers == {INCOME.attribute: 7}
    assert await deciding.run() == Settled()


async def test_each_is_decided_once_by_two_processes_at_once(
    room: Room, accept: Accept, deciding: Deciding, other: Deciding, counting: Counting
) -> None:
    made = [await accept(new_id()) for _ in range(45)]
    one, two = await asyncio.gather(deciding.run(), other.run())
    assert one.decided + two.decided == len(made)
    assert one.failed == two.failed == 0
    assert await room.count("decision") == await room.count("test_award") == len(made)
    assert len(set(counting.counted)) == len(counting.counted) == len(made)


async def test_what_waits_for_the_citizen_or_an_agency_is_owed_no_more(
    room: Room, accept: Accept, deciding: Deciding, citizen: UUID
) -> None:
    room.decider.says = Outcome.NEEDS_INFORMATION
    asked = await accept(citizen)
    await deciding.run()
    room.decider.missing = (CARD,)
    waits = await accept(new_id())
    await deciding.run()
    assert asked is not None
    assert waits is not None
    assert (await stored(room, citizen, asked.id)).status == Status.NEEDS_INFORMATION
    row = await stored(room, waits.person, waits.id)
    assert (row.status, row.decide_at, [one["attribute"] for one in row.missing]) == (
        Status.SUBMITTED, None, [CARD.attribute],
    )  # fmt: skip


async def test_the_job_for_what_waits_leaves_what_is_owed_a_decision_to_its_own(room: Room, accept: Accept) -> None:
    await accept(new_id())
    found = await reconsider_waiting(room.service, room.database, room.clock)
    assert (found.moved, found.waiting, found.failed) == (0, 0, 0)


async def test_one_that_was_taken_back_meanwhile_is_not_decided(
    room: Room, accept: Accept, deciding: Deciding, counting: Counting, citizen: UUID
) -> None:
    made = await accept(citizen)
    assert made is not None
    await room.withdraw(citizen, made.id)
    assert await deciding.run() == Settled(moved=1)
    row = await stored(room, citizen, made.id)
    assert (row.status, row.decide_at) == (Status.WITHDRAWN, None)
    assert await room.count("decision") == 0
    assert counting.counted == [(made.id, 0)]


async def test_one_that_moves_while_it_is_being_decided_is_not_decided_twice(
    room: Room, accept: Accept, deciding: Deciding, citizen: UUID
) -> None:
    made = await accept(citizen)
    assert made is not None
    prepare = room.decider.prepare

    async def slow(request: Request) -> Prepared:
        room.decider.prepare = prepare  # type: ignore[method-assign]  # once is enough
        await room.supplement(citizen, made.id, {INCOME.attribute: 3})
        return await prepare(request)

    room.decider.prepare = slow  # type: ignore[method-assign]  # somebody is faster
    with capture_logs() as logs:
        assert await deciding.run() == Settled(moved=1)
    assert logs == [], "nothing went wrong"
    assert await room.count("decision") == 1
    assert (await stored(room, citizen, made.id)).decide_at is None
    room.clock.advance(PUT_OFF_MIN)
    assert await deciding.run() == Settled()


async def test_one_that_is_taken_back_after_it_was_taken_in_hand_is_no_failure(
    room: Room, accept: Accept, deciding: Deciding, citizen: UUID
) -> None:
    before, made = await accept(new_id()), await accept(citizen)
    assert before is not None
    assert made is not None
    prepare = room.decider.prepare

    async def slow(request: Request) -> Prepared:
        room.decider.prepare = prepare  # type: ignore[method-assign]  # once is enough
        await room.withdraw(citizen, made.id)  # the next of those that this process has in hand
        return await prepare(request)

    room.decider.prepare = slow  # type: ignore[method-assign]  # as above
    with capture_logs() as logs:
        assert await deciding.run() == Settled(decided=1, moved=1)
    assert logs == [], "nothing went wrong"
    row = await stored(room, citizen, made.id)
    assert (row.status, row.decide_at) == (Status.WITHDRAWN, None)


async def test_what_a_process_would_still_have_in_hand_when_it_becomes_anothers_it_leaves(
    room: Room, accept: Accept, deciding: Deciding
) -> None:
    for _ in range(3):
        await accept(new_id())
    prepare = room.decider.prepare

    async def slow(request: Request) -> Prepared:
        room.clock.advance(LEASE * 0.6)
        return await prepare(request)

    room.decider.prepare = slow  # type: ignore[method-assign]  # a machine that is very busy
    assert await deciding.run() == Settled(decided=1)
    room.decider.prepare = prepare  # type: ignore[method-assign]  # no more
    room.clock.advance(LEASE)
    assert await deciding.run() == Settled(decided=2)


async def test_one_that_cannot_be_decided_keeps_nobody_else_waiting_and_is_tried_again(
    room: Room, accept: Accept, deciding: Deciding, counting: Counting, citizen: UUID
) -> None:
    made, after = await accept(citizen), await accept(new_id())
    assert made is not None
    assert after is not None
    prepare = room.decider.prepare

    async def failing(request: Request) -> Prepared:
        if request.applicant == citizen:
            raise ServiceUnavailable(Text(th="กรม", en="a department"))
        return await prepare(request)

    room.decider.prepare = failing  # type: ignore[method-assign]  # an agency is away
    assert await deciding.run() == Settled(decided=1, failed=1)
    assert (await stored(room, citizen, made.id)).status == Status.SUBMITTED
    assert [key for key, _ in counting.counted] == [after.id]
    room.decider.prepare = prepare  # type: ignore[method-assign]  # and comes back
    assert await deciding.run() == Settled()
    room.clock.advance(PUT_OFF_MIN)
    assert await deciding.run() == Settled(decided=1)


async def test_one_that_fails_in_a_way_nobody_thought_of_keeps_nobody_else_waiting_either(
    room: Room, accept: Accept, deciding: Deciding, counting: Counting, citizen: UUID
) -> None:
    made, after = await accept(citizen), await accept(new_id())
    assert made is not None
    assert after is not None
    prepare = room.decider.prepare

    async def failing(request: Request) -> Prepared:
        if request.applicant == citizen:
            raise ValueError("a mistake of ours")
        return await prepare(request)

    room.decider.prepare = failing  # type: ignore[method-assign]  # a mistake of ours
    with capture_logs() as logs:
        assert await deciding.run() == Settled(decided=1, failed=1)
    assert [(one["event"], one["log_level"]) for one in logs] == [("application.not_decided_yet", "error")]
    assert [key for key, _ in counting.counted] == [after.id]
    room.clock.advance(PUT_OFF_MIN)
    room.decider.prepare = prepare  # type: ignore[method-assign]  # and is mended
    assert await deciding.run() == Settled(decided=1)
    assert (await stored(room, citizen, made.id)).decide_at is None


async def test_what_a_process_took_that_was_killed_is_decided_after_a_while(
    room: Room, accept: Accept, deciding: Deciding, citizen: UUID
) -> None:
    await accept(citizen)
    now = room.clock.now()
    async with room.database.write() as session:
        assert len(await owed.claim(session, now, now + LEASE, 10)) == 1
    assert await deciding.run() == Settled()
    assert REGISTRY.get_sample_value("sitthi_applications_undecided_seconds") == 0
    room.clock.advance(LEASE)
    assert await deciding.run() == Settled(decided=1)


async def test_monitoring_sees_how_long_the_oldest_has_waited(room: Room, accept: Accept, deciding: Deciding) -> None:
    await accept(new_id())
    room.clock.advance(timedelta(seconds=90))
    async with room.database.write() as session:
        await owed.claim(session, room.clock.now(), room.clock.now() + LEASE, 10)
    await deciding.run()
    assert REGISTRY.get_sample_value("sitthi_applications_undecided_seconds") == 90


async def test_it_is_decided_by_the_law_of_its_day(room: Room, accept: Accept, deciding: Deciding) -> None:
    await accept(new_id())
    day = room.clock.today()
    room.clock.advance(timedelta(days=1))
    await deciding.run()
    assert room.decider.seen[-1].applied_on == day


def test_the_more_come_in_the_longer_deciding_rests() -> None:
    assert rest(0.03, 0, 1.0) == 0
    assert rest(0.03, 3, 3 / HALF_AT) == pytest.approx(0.03)
    assert rest(0.03, 6, 3 / HALF_AT) == pytest.approx(0.06)
    assert rest(0.03, 10_000, 1.0) == pytest.approx(0.03 * REST_MAX)
    assert rest(0.03, 1, 0.0) <= 0.03 * REST_MAX, "a clock that stood still"


async def test_while_applications_come_in_it_rests_after_each_decision_and_otherwise_never(
    room: Room, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def noted(seconds: float) -> None:
        slept.append(seconds)

    taken = iter([0, 0, 500, 900])
    for _ in range(3):
        assert await accept(new_id()) is not None
    deciding = Deciding(room.service, room.database, room.clock, taken=lambda: next(taken))
    monkeypatch.setattr(tasks, "sleep", noted)
    assert (await deciding.run()).decided == 3
    assert len(slept) == 2
    assert all(one > 0 for one in slept)
