"""What waited for an agency is decided when the agency is back."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from core.errors import ServiceUnavailable
from core.ids import new_id
from services.apply import repository, tasks
from services.apply.deciding import Outcome, Prepared, Request
from services.apply.states import Action
from services.apply.tasks import Reconsidered, reconsider_waiting
from tests.services.apply.conftest import CARD, INCOME, Room, ScriptedDecider


@pytest.fixture
async def waiting(room: Room) -> list[UUID]:
    """Five people whose application waits for an agency."""
    room.decider.says, room.decider.missing = Outcome.NEEDS_INFORMATION, (CARD,)
    people = [new_id() for _ in range(5)]
    for person in people:
        await room.apply(person)
    return people


async def test_the_agency_is_back_and_everyone_is_decided(
    room: Room, waiting: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "PAGE", 2)
    room.decider.says = Outcome.GRANTED
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered(moved=5)
    assert await room.count("test_award") == 5
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered()


async def test_the_agency_is_still_away_and_no_history_grows(room: Room, waiting: list[UUID]) -> None:
    before = await room.count("application_event")
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered(waiting=5)
    assert await room.count("application_event") == before


async def test_what_turns_out_to_be_the_citizens_to_tell_becomes_their_turn(room: Room, waiting: list[UUID]) -> None:
    room.decider.missing = (INCOME,)
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered(moved=5)
    assert await room.count("application", "status = 'NEEDS_INFORMATION'") == 5


async def test_one_that_cannot_be_looked_at_holds_up_no_other(
    room: Room, waiting: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ScriptedDecider.prepare

    async def prepare(self: ScriptedDecider, request: Request) -> Prepared:
        if request.applicant == waiting[0]:
            raise ServiceUnavailable("dopa")
        return replace(await asked(self, request), outcome=Outcome.REFUSED, missing=())

    monkeypatch.setattr(ScriptedDecider, "prepare", prepare)
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered(moved=4, failed=1)


async def test_a_citizen_who_moved_it_meanwhile_wins(room: Room, waiting: list[UUID]) -> None:
    async with room.database.read() as session:
        [application] = await repository.page(session, waiting[0], 1, None)
    room.decider.says = Outcome.GRANTED
    again = await room.service.prepare_reconsideration(waiting[0], application.id)
    await room.withdraw(waiting[0], application.id)
    with pytest.raises(Exception, match="changed in the meantime"):
        async with room.database.write() as session:
            await room.service.reconsider(session, again)
    async with room.database.read() as session:
        events = await repository.events(session, waiting[0], [application.id])
    assert events[application.id][-1].action == Action.WITHDRAW
