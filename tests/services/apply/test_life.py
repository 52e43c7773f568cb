"""Whatever a citizen and the agencies do in whatever order, the rows of an application agree with each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from services.apply import repository
from services.apply.deciding import Outcome, action_of
from services.apply.errors import ApplyError
from services.apply.lifecycle import Lifecycle
from services.apply.service import ApplyService
from services.apply.states import ACTIVE, GRANTED, TURNS, Action, Status, Turn
from services.apply.tasks import follow_clocks
from tests.conftest import NOW
from tests.services.apply.conftest import AWARDS, RecordingNotices, Room, ScriptedDecider, TableAwarder
from tests.services.apply.test_lifecycle import RecordingLife

OUTLIVES = {Status.UNDER_REVIEW, Status.LAPSED, Status.DECEASED, Status.NEEDS_INFORMATION, Status.SUBMITTED}
STEPS = st.tuples(
    st.sampled_from(
        [
            *("apply", "supplement", "reconsider", "reassess", "withdraw", "appeal"),
            *("time passes", "clocks", "reopen", "die", "reopen by officer"),
        ]
    ),
    st.sampled_from(Outcome),
)


async def act(room: Room, citizen: UUID, made: list[UUID], step: str) -> None:
    """One step, on the newest application; what the room refuses changes nothing."""
    if step == "apply":
        made.append((await room.apply(citizen)).id)
    elif made:
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "supplement": lambda: room.supplement(citizen, made[-1], {"household_income": 1}),
            "reconsider": lambda: room.reconsider(citizen, made[-1]),
            "withdraw": lambda: room.withdraw(citizen, made[-1]),
            "appeal": lambda: room.appeal(citizen, made[-1]),
            "reassess": lambda: reassess(room, citizen, made[-1]),
            "time passes": lambda: later(room),
            "clocks": lambda: follow_clocks(room.service, life_of(room), room.database, room.clock),
            "reopen": lambda: in_transaction(room, "reopen", citizen, made[-1]),
            "reopen by officer": lambda: in_transaction(room, "reopen_by_officer", citizen, made[-1], citizen),
            "die": lambda: die(room, citizen, made[-1]),
        }
        await steps[step]()


def life_of(room: Room) -> Lifecycle:
    return Lifecycle(room.service, room.clock, room.awarder, RecordingLife(), lambda _subject: "dla")


async def in_transaction(room: Room, name: str, *given: UUID) -> None:
    async with room.database.write() as session:
        await getattr(life_of(room), name)(session, *given)


async def die(room: Room, citizen: UUID, application: UUID) -> None:
    async with room.database.write() as session:
        await life_of(room).die(session, citizen, application, died=citizen, on=None)


async def reassess(room: Room, citizen: UUID, application: UUID) -> None:
    again = await room.service.prepare_reassessment(citizen, application)
    if action_of(again.prepared, Status.APPROVED) is not Action.AWAIT_AGENCY:
        async with room.database.write() as session:
            await room.service.reconsider(session, replace(again, cause="OFFICER"))


async def later(room: Room) -> None:
    room.clock.advance(timedelta(days=25))


async def check(room: Room, citizen: UUID) -> None:
    async with room.database.read() as session:
        rows = await repository.page(session, citizen, 100, None)
        events = await repository.events(session, citizen, [row.id for row in rows])
    assert sum(row.status in ACTIVE for row in rows) <= 1
    for row in rows:
        actions = [event.action for event in events[row.id]]
        decided = sum(actions.count(a) for a in (Action.APPROVE, Action.REJECT, Action.CONFIRM, Action.END))
        status = Status(row.status)
        mine = f"application = '{row.id.hex}'" if room.database.is_sqlite else f"application = '{row.id}'"
        appealed = row.status == Status.APPEALED
        assert events[row.id][-1].status == row.status
        assert row.version == len(actions)
        assert await room.count("decision", mine) == decided
        assert await room.count("appeal", f"{mine} AND closed_at IS NULL") == appealed
        award = f"application = '{row.id.hex}'"
        assert await room.count("test_award", award) == (Action.APPROVE in actions)
        assert await room.count("test_award", f"{award} AND ended = 0") == (status in GRANTED)
        waits = TURNS[status] is not Turn.DONE
        assert bool(row.missing) <= (waits or status is Status.LAPSED)
        assert (row.due_on is not None) == waits
        assert (row.reopen_until is not None) == (status is Status.LAPSED)
        assert (row.review_since is not None) >= (status is Status.UNDER_REVIEW)
        assert (row.review_since is not None) <= (status in OUTLIVES), "what closes a review does not decide it"


@pytest.mark.sqlite_only  # the order of steps is what varies here; races have tests of their own on both
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
def test_rows_agree_after_any_steps(database_url: str, keys: KeyRing, steps: list[tuple[str, Outcome]]) -> None:
    clock = FixedClock(NOW)  # time passes in it, and hypothesis keeps the fixture from case to case

    async def live() -> None:
        database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
        try:
            await live_on(database)
        finally:
            await database.close()

    async def live_on(database: Database) -> None:
        async with database.write() as session:
            await session.execute(text(AWARDS))
        decider, notices, awarder = ScriptedDecider(), RecordingNotices(), TableAwarder()
        service = ApplyService(database, keys, clock, deciders={"programme": decider}, awarder=awarder, notices=notices)
        made_up = Room(database, clock, keys, decider, notices, service, awarder)
        room, citizen, made = made_up, new_id(), list[UUID]()
        for step, says in steps:
            decider.says = says
            with contextlib.suppress(ApplyError):
                await act(room, citizen, made, step)
            await check(room, citizen)

    asyncio.run(live())
