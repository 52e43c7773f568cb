"""Applying, end to end in this room, on committed data."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from core.crypto import SealBroken
from core.database import Database
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.settings import Settings
from services.apply import repository
from services.apply.deciding import Outcome
from services.apply.errors import (
    AlreadyApplied,
    AlreadyClosed,
    AlreadyDecided,
    ChangedMeanwhile,
    NotOfferedHere,
    NotRejected,
    NotWaitingForAnswers,
)
from services.apply.records import DecisionRecords
from services.apply.states import Status
from tests.services.apply.conftest import CARD, INCOME, Room


async def test_a_grant_approves_decides_and_awards_in_one_transaction(room: Room, citizen: UUID) -> None:
    application = await room.apply(citizen)
    assert application.status == Status.APPROVED
    assert application.decided_at == room.clock.now()
    assert await room.count("decision") == await room.count("test_award") == 1
    assert room.notices.told == [(citizen, Status.APPROVED)]


async def test_a_refusal_rejects_with_reasons_and_awards_nothing(room: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.REFUSED
    application = await room.apply(citizen)
    assert application.status == Status.REJECTED
    async with room.database.read() as session:
        decisions = await repository.last_decisions(session, citizen, [application.id])
    assert decisions[application.id].reasons[0]["condition"] == "age"
    assert await room.count("test_award") == 0


async def test_a_failing_award_leaves_no_application_behind(room: Room, citizen: UUID) -> None:
    async with room.database.write() as session:
        await session.execute(text("DROP TABLE test_award"))
    with pytest.raises(Exception, match="test_award"):
        await room.apply(citizen)
    for table in ("application", "decision", "application_event"):
        assert await room.count(table) == 0


async def test_what_only_the_citizen_knows_is_asked_of_the_citizen(room: Room, citizen: UUID) -> None:
    room.decider.says, room.decider.then = Outcome.NEEDS_INFORMATION, Outcome.GRANTED
    application = await room.apply(citizen)
    assert application.status == Status.NEEDS_INFORMATION
    assert [m["attribute"] for m in application.missing] == ["household_income"]
    assert await room.count("decision") == 0
    application = await room.supplement(citizen, application.id, {"household_income": 5_000_000})
    assert application.status == Status.APPROVED
    assert application.missing == []
    assert await room.count("test_award") == 1


async def test_what_an_agency_owes_is_waited_for_and_decided_when_it_answers(room: Room, citizen: UUID) -> None:
    room.decider.says, room.decider.missing = Outcome.NEEDS_INFORMATION, (CARD,)
    application = await room.apply(citizen)
    assert application.status == Status.SUBMITTED
    room.decider.says = Outcome.REFUSED
    assert (await room.reconsider(citizen, application.id)).status == Status.REJECTED


async def test_one_missing_answer_of_the_citizen_makes_it_their_turn(room: Room, citizen: UUID) -> None:
    room.decider.says, room.decider.missing = Outcome.NEEDS_INFORMATION, (CARD, INCOME)
    assert (await room.apply(citizen)).status == Status.NEEDS_INFORMATION


async def test_earlier_answers_are_kept_and_later_ones_replace_them(room: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.NEEDS_INFORMATION
    application = await room.apply(citizen, answers={"household_income": 1})
    await room.supplement(citizen, application.id, {})
    assert room.decider.seen[-1].answers == {"household_income": 1}
    await room.supplement(citizen, application.id, {"household_income": 2})
    assert room.decider.seen[-1].answers == {"household_income": 2}


async def test_a_second_application_names_the_first(room: Room, citizen: UUID) -> None:
    first = await room.apply(citizen)
    with pytest.raises(AlreadyApplied) as error:
        await room.apply(citizen)
    assert error.value.application == first.id
    assert error.value.path == ()
    assert len(room.decider.seen) == 1, "no fact is read for an application that cannot be"


@pytest.mark.parametrize("says", [Outcome.REFUSED, Outcome.GRANTED])
async def test_a_closed_application_makes_room_for_a_new_one(room: Room, citizen: UUID, says: Outcome) -> None:
    room.decider.says = says
    first = await room.apply(citizen)
    if says is Outcome.GRANTED:
        await room.withdraw(citizen, first.id)
    assert (await room.apply(citizen)).id != first.id


async def test_twins_get_one_each(room: Room, citizen: UUID) -> None:
    twins = [new_id(), new_id()]
    room.decider.children = frozenset(twins)
    made = [await room.apply(citizen, twin) for twin in twins]
    assert [a.beneficiary for a in made] == twins
    with pytest.raises(AlreadyApplied):
        await room.apply(citizen, twins[0])
    assert await room.count("test_award") == 2


async def test_the_other_parent_learns_that_there_is_one_but_not_which(room: Room, citizen: UUID) -> None:
    child, other = new_id(), new_id()
    room.decider.children = frozenset({child})
    await room.apply(citizen, child)
    with pytest.raises(AlreadyApplied) as error:
        await room.apply(other, child)
    assert error.value.application is None
    assert await room.count("application") == 1


async def test_of_thirty_at_once_in_two_processes_exactly_one_wins(
    room: Room, citizen: UUID, database_url: str
) -> None:
    second = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    both = [room, room.on(second)]
    results = await asyncio.gather(*(both[i % 2].apply(citizen) for i in range(30)), return_exceptions=True)
    await second.close()
    won = [r for r in results if not isinstance(r, BaseException)]
    assert len(won) == 1
    lost = [r for r in results if isinstance(r, AlreadyApplied)]
    assert len(lost) == 29
    assert {error.application for error in lost} == {won[0].id}
    assert [await room.count(t) for t in ("application", "decision", "test_award")] == [1, 1, 1]


async def test_of_two_supplements_at_once_the_later_one_is_told_to_look_again(room: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.NEEDS_INFORMATION
    application = await room.apply(citizen)
    first = await room.service.prepare_supplement(citizen, application.id, {"household_income": 1})
    second = await room.service.prepare_supplement(citizen, application.id, {"household_income": 2})
    async with room.database.write() as session:
        await room.service.supplement(session, first)
    with pytest.raises(ChangedMeanwhile):
        async with room.database.write() as session:
            await room.service.supplement(session, second)


async def test_withdrawing_ends_the_award(room: Room, citizen: UUID) -> None:
    application = await room.apply(citizen)
    assert (await room.withdraw(citizen, application.id)).status == Status.WITHDRAWN
    assert await room.count("test_award", "ended = 1") == 1
    with pytest.raises(AlreadyClosed):
        await room.withdraw(citizen, application.id)


async def test_an_appeal_is_decided_by_a_decision_of_its_own(room: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.REFUSED
    application = await room.apply(citizen)
    assert (await room.appeal(citizen, application.id)).status == Status.APPEALED
    room.decider.says = Outcome.GRANTED
    assert (await room.reconsider(citizen, application.id)).status == Status.APPROVED
    assert await room.count("decision") == 2
    assert await room.count("appeal", "outcome = 'GRANTED' AND closed_at IS NOT NULL") == 1
    assert [status for _, status in room.notices.told] == [Status.REJECTED, Status.APPEALED, Status.APPROVED]


async def test_one_appeal_is_open_at_a_time(room: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.REFUSED
    application = await room.apply(citizen)
    results = await asyncio.gather(*(room.appeal(citizen, application.id) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(r, NotRejected) for r in results) == 4
    assert await room.count("appeal") == 1


async def test_an_appeal_yields_to_a_newer_application(room: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.REFUSED
    old = await room.apply(citizen)
    room.decider.says = Outcome.GRANTED
    new = await room.apply(citizen)
    with pytest.raises(AlreadyApplied) as error:
        await room.appeal(citizen, old.id)
    assert error.value.application == new.id
    assert await room.count("appeal") == 0


@pytest.mark.parametrize("grounds", ["", "   ", "a\x00b", "x" * 2001, "\ud800"])
async def test_grounds_that_cannot_be_stored_are_refused(room: Room, citizen: UUID, grounds: str) -> None:
    room.decider.says = Outcome.REFUSED
    application = await room.apply(citizen)
    with pytest.raises(BadInput) as error:
        await room.appeal(citizen, application.id, grounds)
    assert error.value.path == ("grounds",)


async def test_a_granted_application_can_be_neither_supplemented_nor_decided_again_nor_appealed(
    room: Room, citizen: UUID
) -> None:
    application = await room.apply(citizen)
    with pytest.raises(NotWaitingForAnswers):
        await room.supplement(citizen, application.id, {})
    with pytest.raises(AlreadyDecided):
        await room.reconsider(citizen, application.id)
    with pytest.raises(NotRejected):
        await room.appeal(citizen, application.id)


async def test_anothers_application_is_as_unknown_as_none(room: Room, citizen: UUID) -> None:
    application, stranger = await room.apply(citizen), new_id()
    for key in (application.id, new_id()):
        with pytest.raises(NotFound):
            await room.withdraw(stranger, key)
        with pytest.raises(NotFound):
            await room.supplement(stranger, key, {})
        with pytest.raises(NotFound):
            await room.appeal(stranger, key)


async def test_a_subject_that_nobody_decides_is_not_offered(room: Room, citizen: UUID) -> None:
    with pytest.raises(NotOfferedHere):
        await room.service.prepare(citizen, citizen, "service:passport")


async def test_the_record_of_a_decision_is_sealed_and_opens_again(room: Room, citizen: UUID) -> None:
    application = await room.apply(citizen)
    records = DecisionRecords(room.keys)
    async with room.database.read() as session:
        stored = await session.scalar(text("SELECT record_sealed FROM decision"))
        latest = await records.latest(session, application.id)
        assert latest is not None
        assert (await records.by_id(session, latest.id)).record == latest.record
    assert latest.record == {"facts": {"annual_income": 123456789}}
    assert latest.outcome is Outcome.GRANTED
    assert b"123456789" not in bytes(stored)


async def test_a_record_moved_to_another_decision_does_not_open(room: Room) -> None:
    one, two = await room.apply(new_id()), await room.apply(new_id())
    async with room.database.read() as session:  # what it changes is thrown away; the database itself refuses it too
        decision = await repository.last_decision(session, one.id)
        other = await repository.last_decision(session, two.id)
        assert decision is not None
        assert other is not None
        decision.record_sealed = other.record_sealed
        with pytest.raises(SealBroken):
            await DecisionRecords(room.keys).latest(session, one.id)


@pytest.mark.parametrize("table", ["decision", "application_event"])
async def test_what_was_decided_and_what_happened_is_never_rewritten(room: Room, citizen: UUID, table: str) -> None:
    await room.apply(citizen)
    for change in (f"UPDATE {table} SET at = at", f"DELETE FROM {table}"):  # noqa: S608 (our words)
        with pytest.raises(DatabaseError):
            async with room.database.write() as session:
                await session.execute(text(change))


async def test_history_tells_every_step_in_order(room: Room, citizen: UUID) -> None:
    room.decider.says, room.decider.then = Outcome.NEEDS_INFORMATION, Outcome.GRANTED
    application = await room.apply(citizen)
    await room.supplement(citizen, application.id, {"household_income": 1})
    await room.withdraw(citizen, application.id)
    async with room.database.read() as session:
        events = (await repository.events(session, citizen, [application.id]))[application.id]
    assert [e.action for e in events] == ["SUBMIT", "ASK_CITIZEN", "SUPPLEMENT", "APPROVE", "WITHDRAW"]
    assert [e.sequence for e in events] == [1, 2, 3, 4, 5]
