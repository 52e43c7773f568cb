"""What is over leaves nothing for a second officer to approve, and is in nobody's hands; what the desk asks runs out as
other questions do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from identity.proposals.errors import ProposalDecided
from services.apply.desk import acts, repository
from services.apply.errors import AlreadyDecided
from services.apply.lifecycle import Lifecycle
from services.apply.models import Application
from services.apply.states import Status
from tests.services.apply.desk.conftest import World
from tests.services.apply.desk.test_services import Counter
from tests.services.apply.desk.test_services import citizen as citizen  # noqa: PLC0414 - a fixture
from tests.services.apply.desk.test_services import counter as counter  # noqa: PLC0414 - a fixture
from tests.services.apply.desk.test_services import exchange as exchange  # noqa: PLC0414 - a fixture
from tests.services.apply.desk.test_services import market as market  # noqa: PLC0414 - a fixture
from tests.services.apply.desk.test_services import worker as worker  # noqa: PLC0414 - a fixture
from tests.services.apply.test_lifecycle import RecordingLife

ENDS: dict[str, Callable[[World, Application], Awaitable[Any]]] = {}


def ends(act: Callable[[World, Application], Awaitable[Any]]) -> Callable[[World, Application], Awaitable[Any]]:
    ENDS[act.__name__] = act
    return act


def lifecycle(world: World) -> Lifecycle:
    room = world.room
    return Lifecycle(room.service, room.clock, room.awarder, RecordingLife(), lambda _subject: "dla")


@ends
async def withdrawn(world: World, row: Application) -> None:
    await world.room.withdraw(row.person, row.id)


@ends
async def died(world: World, row: Application) -> None:
    async with world.db.write() as session:
        await lifecycle(world).die(session, row.person, row.id, died=row.person, on=world.room.clock.today())


@ends
async def decided_by_the_rules(world: World, row: Application) -> None:
    world.law.registered = "1950-01-01"
    again = await world.room.service.prepare_reconsideration(row.person, row.id)
    async with world.db.write() as session:
        await world.room.service.reconsider(session, again)


@pytest.mark.parametrize("end", ENDS)
async def test_a_proposal_on_what_is_over_waits_for_nobody(world: World, end: str) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    await ENDS[end](world, row)
    async with world.db.read() as session:
        [made] = await world.desk_decisions(session, row)
        case = await repository.case(session, row.person, row.id)
    assert (made.result, made.closed_at) == ("OUTDATED", world.room.clock.now())
    assert case is not None
    assert (case.handler, case.kept) == (None, False)
    with pytest.raises((AlreadyDecided, ProposalDecided)):
        await world.act("checker", row, acts.Approve(proposal))
    assert await world.room.count("test_award") == (1 if end == "decided_by_the_rules" else 0)


async def test_a_question_that_nobody_answers_runs_out_and_the_case_is_in_nobodys_hands(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    await world.act("maker", row, acts.ask([{"attribute": "birth_date", "why": "ทะเบียนไม่มีวันเกิด"}]))
    world.room.clock.advance(timedelta(days=90))
    async with world.db.write() as session:
        assert await lifecycle(world).lapse(session, row.person, row.id)
    async with world.db.read() as session:
        case = await repository.case(session, row.person, row.id)
        [question] = await repository.questions(session, row.person, [row.id])
    assert case is not None
    assert (case.handler, case.kept, question.answered_at) == (None, False, None)
    async with world.db.write() as session:
        again = await lifecycle(world).reopen(session, row.person, row.id)
    assert again.status == Status.NEEDS_INFORMATION
    back = await world.room.supplement(row.person, row.id, {})
    assert back.status == Status.SUBMITTED, "the answer is an officer's to look at"


async def test_a_question_of_the_desk_about_a_service_runs_out_as_well(counter: Counter, citizen: Any) -> None:
    key = await counter.worker.apply(citizen)
    await counter.act(key, acts.Claim())
    await counter.act(key, acts.ask([{"attribute": "shopName", "why": "ชื่อร้านไม่ชัดเจน"}]))
    told = RecordingLife()
    clock = counter.worker.clock
    life = Lifecycle(counter.worker.service, clock, None, told, lambda _subject: "oic")  # type: ignore[arg-type] # pays nothing
    due_on = (await counter.worker.application(citizen, key)).due_on
    assert due_on is not None
    clock.advance(due_on - clock.today())
    async with counter.worker.database.write() as session:
        assert await life.remind(session, citizen, key)
        assert not await life.lapse(session, citizen, key)
    assert told.soon_told == [(citizen, due_on)]
    clock.advance(timedelta(days=1))
    async with counter.worker.database.write() as session:
        assert await life.lapse(session, citizen, key)
    assert (await counter.worker.application(citizen, key)).status == Status.LAPSED


async def test_what_an_agencys_system_asks_runs_out_at_the_agency_and_not_here(
    counter: Counter, market: Any, citizen: Any
) -> None:
    key = await counter.worker.apply(citizen)
    await counter.act(key, acts.Claim())
    await counter.act(key, acts.ask([{"attribute": "shopName", "why": "ชื่อร้านไม่ชัดเจน"}]))
    market.publish()
    counter.worker.clock.advance(timedelta(days=200))
    life = Lifecycle(counter.worker.service, counter.worker.clock, None, RecordingLife(), lambda _subject: "oic")  # type: ignore[arg-type] # pays nothing
    async with counter.worker.database.write() as session:
        assert not await life.lapse(session, citizen, key)
