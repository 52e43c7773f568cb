"""What is accepted is stored whole, once, and beside nothing that stands in its way; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.database import Database
from core.errors import BadInput
from core.idempotency import Claim
from core.ids import new_id
from core.models import IdempotencyRecord
from core.settings import Settings
from services.apply import repository
from services.apply.acceptance.kind import Acceptances
from services.apply.acceptance.service import DECIDING_MAX, Acceptance, Decide
from services.apply.drafts.models import Draft
from services.apply.errors import AlreadyApplied
from services.apply.models import Application
from services.apply.states import Action, Status
from tests.services.apply.acceptance.conftest import Accept, claim_of
from tests.services.apply.conftest import INCOME, PROGRAMME, Room, accepting


@pytest.fixture
async def other(room: Room, database_url: str) -> AsyncIterator[Room]:
    database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    yield room.on(database)
    await database.close()


async def test_what_is_accepted_is_stored_once_with_its_key_its_first_event_and_the_debt(
    room: Room, accept: Accept, citizen: UUID
) -> None:
    made = await accept(citizen, answers={INCOME.attribute: 12})
    assert made is not None
    async with room.database.read() as session:
        row = await repository.own(session, citizen, made.id)
        [event] = (await repository.events(session, citizen, [made.id]))[made.id]
        [key] = await session.scalars(select(IdempotencyRecord))
    assert row is not None
    assert row.model_dump() == made.row().model_dump()
    assert row.decide_at == row.created_at == room.clock.now()
    assert room.service.answers_of(row) == {INCOME.attribute: 12}
    assert (event.sequence, event.action, event.status, event.at) == (1, Action.SUBMIT, Status.SUBMITTED, made.at)
    assert (key.citizen, key.client, key.field, key.key) == (citizen, "test-app", "apply", "key-00000001")
    assert (key.kept, key.input_hash, key.created_at) == ({"application": made.id.hex}, b"h" * 32, made.at)


async def test_it_begins_as_one_that_is_decided_at_once_does(room: Room, accept: Accept) -> None:
    first, second = new_id(), new_id()
    decided, accepted = await room.apply(first), await accept(second)
    assert accepted is not None
    same = {"subject", "title", "created_at", "agency_days", "overdue_at", "reopen_until", "review_since", "watched_on"}
    assert accepted.row().model_dump(include=same) == decided.model_dump(include=same)
    assert accepted.row().unit_key == f"person:{second.hex}"
    begun = room.service.steps.turns.begun(PROGRAMME, room.clock.now())
    assert accepted.row().model_dump(include=set(begun)) == begun


async def test_of_two_with_the_same_key_at_once_one_is_stored(room: Room, accept: Accept, citizen: UUID) -> None:
    made = await asyncio.gather(*(accept(citizen) for _ in range(8)))
    assert sum(one is not None for one in made) == 1
    assert await room.count("application") == await room.count("application_event") == 1
    assert await room.count("idempotency_record") == 1


async def test_what_stands_already_is_not_accepted_once_more_and_the_key_stays_free(
    room: Room, accept: Accept, citizen: UUID
) -> None:
    await room.apply(citizen)
    assert await accept(citizen) is None
    assert await room.count("application") == 1
    assert await room.count("idempotency_record") == 0
    some = [new_id() for _ in range(6)]
    made = await asyncio.gather(*(accept(one) for one in [*some[:3], citizen, *some[3:]]))
    assert [one is not None for one in made] == [True] * 3 + [False] + [True] * 3
    assert await room.count("idempotency_record") == len(some)


async def test_a_draft_that_would_have_to_be_spent_stands_in_the_way(room: Room, accept: Accept, citizen: UUID) -> None:
    async with room.database.write() as session:
        draft = Draft(
            person=citizen, id=new_id(), subject=PROGRAMME, beneficiary=citizen, title={}, revision=1,
            form_version="v", answers_sealed=b"sealed", saved_at=room.clock.now(),
        )  # fmt: skip
        session.add(draft)
    assert await accept(citizen) is None
    assert await room.count("application") == await room.count("idempotency_record") == 0
    assert await accept(new_id()) is not None


async def test_of_many_at_once_by_both_ways_and_from_two_processes_one_is_active(
    room: Room, other: Room, citizen: UUID
) -> None:
    ways = [accepting(room), accepting(other)]

    async def first(number: int) -> bool:
        claim = claim_of(citizen, f"key-{number:08}")
        return await ways[number % 2].accept(claim, PROGRAMME, None, asked=True) is not None

    async def decided(number: int) -> bool:
        try:
            await (room if number % 2 else other).apply(citizen)
        except AlreadyApplied:
            return False
        return True

    made = await asyncio.gather(*((first if number % 4 < 2 else decided)(number) for number in range(24)))
    assert sum(made) == 1
    assert await room.count("application") == 1
    assert await room.count("idempotency_record") == await room.count("application", "decide_at IS NOT NULL")


async def test_groups_of_the_same_people_from_two_processes_accept_each_once(room: Room, other: Room) -> None:
    people, ways = [new_id() for _ in range(30)], [accepting(room), accepting(other)]

    async def one(way: Acceptance, person: UUID, key: str) -> bool:
        return await way.accept(claim_of(person, key), PROGRAMME, None, asked=True) is not None

    keys = ("key-00000001", "key-00000001", "key-00000002")
    made = await asyncio.gather(*(one(ways[n % 2], who, key) for n, key in enumerate(keys) for who in people))
    assert sum(made) == await room.count("application") == await room.count("idempotency_record") == len(people)


async def test_what_needs_more_than_is_known_or_is_not_asked_is_left_to_the_ordinary_way(
    room: Room, acceptance: Acceptance, accept: Accept, citizen: UUID
) -> None:
    assert await acceptance.accept(claim_of(citizen), "programme:another", None, asked=True) is None
    assert await accept(citizen, answers={"other": 1}) is None
    with pytest.raises(BadInput):
        await accept(citizen, answers=["no object"])
    assert await room.count("application") == await room.count("idempotency_record") == 0


async def test_a_text_that_cannot_be_kept_is_refused_before_it_joins_a_group(room: Room, accept: Accept) -> None:
    made = await accept(new_id())
    assert made is not None
    poisoned = type(made)(
        Claim(new_id(), "nul\x00", "apply", "key-00000001", b""), made.id, made.subject, made.title, b"", made.at, None
    )
    with pytest.raises(BadInput):
        Acceptances(room.database).check(poisoned)


async def test_the_last_day_is_of_the_day_on_which_one_applies(room: Room, accept: Accept) -> None:
    one = await accept(new_id())
    room.clock.advance(timedelta(days=10))
    two = await accept(new_id())
    assert one is not None
    assert two is not None
    assert (one.due_on, two.due_on) == tuple(
        room.service.steps.turns.begun(PROGRAMME, at)["due_on"] for at in (one.at, two.at)
    )
    assert one.due_on != two.due_on


def test_who_says_nothing_is_accepted_first_only_while_as_many_are_decided_as_can_be(acceptance: Acceptance) -> None:
    assert acceptance.is_soon(Decide.SOON)
    assert not acceptance.is_soon(None)
    waiting = [acceptance.deciding() for _ in range(DECIDING_MAX)]
    for number, one in enumerate(waiting):
        assert acceptance.is_soon(None) is False, number
        one.__enter__()
    assert acceptance.is_soon(None)
    assert not acceptance.is_soon(Decide.NOW)
    for one in waiting:
        one.__exit__(None, None, None)
    assert not acceptance.is_soon(None)


async def test_a_worker_that_ends_stores_what_it_took_and_takes_no_more(
    room: Room, acceptance: Acceptance, accept: Accept
) -> None:
    taken = [asyncio.create_task(accept(new_id())) for _ in range(10)]
    await asyncio.sleep(0)
    await acceptance.close()
    assert all([await one is not None for one in taken])
    async with room.database.read() as session:
        assert len((await session.scalars(select(col(Application.id)))).all()) == 10
