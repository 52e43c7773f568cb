"""One active application per beneficiary or household and programme: through any channel, race, retry and status."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.clock import BANGKOK
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from services.apply.deciding import Outcome
from services.apply.errors import AlreadyApplied
from services.apply.models import Application
from services.apply.states import ACTIVE, Status
from services.apply.tasks import follow_clocks
from tests.services.apply.conftest import Room
from tests.services.apply.test_lifecycle import Town

HOUSE = "household:3f2a"
ATTEMPTS = 50


@pytest.fixture
def of_the_house(room: Room) -> None:
    """What is applied for is the household's: who lives together shares one."""
    room.decider.unit = HOUSE


@pytest.fixture
async def other(room: Room, database_url: str) -> AsyncIterator[Room]:
    database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    yield room.on(database)
    await database.close()


async def attempt(room: Room, person: UUID) -> UUID | AlreadyApplied:
    try:
        return (await room.apply(person)).id
    except AlreadyApplied as error:
        return error


@pytest.mark.usefixtures("of_the_house")
async def test_of_a_household_that_applies_at_once_in_two_processes_one_does(room: Room, other: Room) -> None:
    people = [new_id() for _ in range(10)]
    found = await asyncio.gather(*(attempt(room if n % 2 else other, one) for n, one in enumerate(people)))
    assert sum(isinstance(one, UUID) for one in found) == 1
    refused = [one for one in found if isinstance(one, AlreadyApplied)]
    assert {one.application for one in refused} == {None}, "whose it is, is not told to the others"
    assert await room.count("application") == await room.count("test_award") == 1


async def test_of_fifty_that_apply_at_once_from_two_real_processes_one_does(room: Room, database_url: str) -> None:
    given = [sys.executable, "-m", "tests.services.apply.racing", database_url, HOUSE, str(ATTEMPTS // 2)]
    there = [
        await asyncio.create_subprocess_exec(*given, stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parents[3])
        for _ in range(2)
    ]
    for one in there:
        assert one.stdout is not None
        assert await one.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(one.communicate(b"go\n") for one in there))
    assert sum(int(out) for out, _ in said) == 1
    assert await room.count("application") == await room.count("test_award") == 1


@pytest.mark.usefixtures("of_the_house")
async def test_when_a_household_has_none_any_more_another_of_it_may_apply(room: Room) -> None:
    first, second = new_id(), new_id()
    application = (await room.apply(first)).id
    assert isinstance(await attempt(room, second), AlreadyApplied)
    await room.withdraw(first, application)
    assert isinstance(await attempt(room, second), UUID)


async def test_one_beneficiary_at_once_in_two_processes_by_both_parents_has_one(room: Room, other: Room) -> None:
    child, parents = new_id(), [new_id(), new_id()]
    room.decider.children = frozenset({child})

    async def one(room: Room, parent: UUID) -> bool:
        try:
            await room.apply(parent, child)
        except AlreadyApplied:
            return False
        return True

    found = await asyncio.gather(*(one(where, who) for where in (room, other) for who in parents for _ in range(3)))
    assert sum(found) == 1


@pytest.mark.parametrize("status", sorted(ACTIVE))
async def test_in_every_active_status_the_database_itself_refuses_a_second(
    room: Room, citizen: UUID, status: Status
) -> None:
    first = (await room.apply(citizen)).id
    await room.withdraw(citizen, first)
    second = (await room.apply(citizen)).id
    async with room.database.write() as session:
        await session.execute(update(Application).where(col(Application.id) == second).values(status=status))
    with pytest.raises(IntegrityError):
        async with room.database.write() as session:
            await session.execute(update(Application).where(col(Application.id) == first).values(status=status))


async def test_of_reopening_and_applying_anew_at_once_one_holds(room: Room, other: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.NEEDS_INFORMATION
    lapsed, town = (await room.apply(citizen)).id, Town(room)
    room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    assert (await follow_clocks(room.service, town.lifecycle, room.database, room.clock)).lapsed == 1

    async def reopened() -> bool:
        try:
            await town.reopen(citizen, lapsed)
        except AlreadyApplied:
            return False
        return True

    found = await asyncio.gather(reopened(), attempt(other, citizen))
    assert [found[0], isinstance(found[1], UUID)].count(True) == 1
    where = f"status IN ({', '.join(repr(str(status)) for status in sorted(ACTIVE))})"
    assert await room.count("application", where) == 1
