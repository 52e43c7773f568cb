"""Whatever a citizen and the agencies do in whatever order, the rows of an application agree with each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
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
from services.apply.deciding import Outcome
from services.apply.errors import ApplyError
from services.apply.service import ApplyService
from services.apply.states import ACTIVE, Action, Status
from tests.services.apply.conftest import AWARDS, RecordingNotices, Room, ScriptedDecider, TableAwarder

STEPS = st.tuples(
    st.sampled_from(["apply", "supplement", "reconsider", "withdraw", "appeal"]), st.sampled_from(Outcome)
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
        }
        await steps[step]()


async def check(room: Room, citizen: UUID) -> None:
    async with room.database.read() as session:
        rows = await repository.page(session, citizen, 100, None)
        events = await repository.events(session, citizen, [row.id for row in rows])
    assert sum(row.status in ACTIVE for row in rows) <= 1
    for row in rows:
        actions = [event.action for event in events[row.id]]
        decided = actions.count(Action.APPROVE) + actions.count(Action.REJECT)
        mine = f"application = '{row.id.hex}'" if room.database.is_sqlite else f"application = '{row.id}'"
        appealed = row.status == Status.APPEALED
        assert events[row.id][-1].status == row.status
        assert row.version == len(actions)
        assert await room.count("decision", mine) == decided
        assert await room.count("appeal", f"{mine} AND closed_at IS NULL") == appealed
        award = f"application = '{row.id.hex}'"
        assert await room.count("test_award", award) == actions.count(Action.APPROVE)
        assert await room.count("test_award", f"{award} AND ended = 0") == (row.status == Status.APPROVED)
        assert bool(row.missing) <= (row.status in {Status.SUBMITTED, Status.NEEDS_INFORMATION, Status.APPEALED})


@pytest.mark.sqlite_only  # the order of steps is what varies here; races have tests of their own on both
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=8))
def test_rows_agree_after_any_steps(
    database_url: str, clock: FixedClock, keys: KeyRing, steps: list[tuple[str, Outcome]]
) -> None:
    async def live() -> None:
        database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
        try:
            await live_on(database)
        finally:
            await database.close()

    async def live_on(database: Database) -> None:
        async with database.write() as session:
            await session.execute(text(AWARDS))
        decider, notices = ScriptedDecider(), RecordingNotices()
        service = ApplyService(
            database, keys, clock, deciders={"programme": decider}, awarder=TableAwarder(), notices=notices
        )
        room, citizen, made = Room(database, clock, keys, decider, notices, service), new_id(), list[UUID]()
        for step, says in steps:
            decider.says = says
            with contextlib.suppress(ApplyError):
                await act(room, citizen, made, step)
            await check(room, citizen)

    asyncio.run(live())
