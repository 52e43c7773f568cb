"""While the register of houses is silent, an officer looks on their word, by passkey; the word is checked later."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import StepUpRequired
from core.errors import BadInput, NotFound, ServiceUnavailable
from core.ids import new_id
from core.text import Text
from identity.officers.models import OfficerAct
from services.apply.desk import acts
from services.apply.desk.declaring import LOOKED_BACK, Declarations
from services.apply.desk.errors import TiesUnknown
from services.apply.models import Application
from tests.services.apply.desk.conftest import THAID, World

WHY = "ผู้ยื่นอยู่ที่โรงพยาบาลและต้องการคำตอบวันนี้"


@dataclass
class Told:
    near: list[tuple[str, UUID]] = field(default_factory=list)

    async def opened_near(self, session: AsyncSession, *, agency: str, application: UUID, title: Text) -> None:
        assert title.th
        self.near.append((agency, application))


def declarations(world: World) -> tuple[Declarations, Told]:
    told = Told()
    return Declarations(world.db, world.room.clock, world.ties, told), told


async def trail(world: World) -> list[tuple[str, str]]:
    async with world.db.read() as session:
        rows = (await session.scalars(select(OfficerAct).order_by(col(OfficerAct.id)))).all()
    return [(row.kind, row.note.partition(" ")[0]) for row in rows if row.kind.startswith(("CASE_OPENED", "CASE_WORD"))]


async def test_who_cannot_be_shown_to_be_far_is_told_so_plainly_and_decides_nothing(world: World) -> None:
    row = await world.waiting()
    world.ties.silent = True
    with pytest.raises(TiesUnknown):
        await world.desk.refuse_near(world["maker"], row)
    with pytest.raises(ServiceUnavailable):
        await world.act("maker", row, acts.Claim())
    await world.act("head", row, acts.note("ผู้ยื่นโทรมา"))


@pytest.mark.parametrize("reason", ["", "x", "เลข 0-1234-56789-01-2 ค่ะ", "x" * 501])
async def test_a_word_has_a_reason_without_a_national_id(world: World, reason: str) -> None:
    row = await world.waiting()
    with pytest.raises(BadInput):
        await declarations(world)[0].declare(world.signed_in("maker"), row, reason)
    assert await trail(world) == []


async def test_a_word_takes_a_passkey_of_the_last_minutes(world: World) -> None:
    row, (desk, _) = await world.waiting(), declarations(world)
    with pytest.raises(StepUpRequired):
        await desk.declare(world.signed_in("maker", THAID), row, WHY)
    old = world.signed_in("maker")
    world.room.clock.advance(timedelta(minutes=16))
    with pytest.raises(StepUpRequired):
        await desk.declare(old, row, WHY)
    assert await trail(world) == []
    await desk.declare(world.signed_in("maker"), row, WHY)
    assert [kind for kind, _ in await trail(world)] == ["CASE_OPENED_ON_WORD"]


async def test_a_word_is_checked_once_when_the_register_is_back(world: World) -> None:
    row, (desk, told) = await world.waiting(), declarations(world)
    world.ties.silent = True
    await desk.declare(world.signed_in("maker"), row, WHY)
    assert await desk.look_back() == 0
    world.ties.silent = False
    assert await desk.look_back() == 1
    assert await desk.look_back() == 0
    assert (await trail(world))[-1] == ("CASE_WORD_CHECKED", "far")
    assert told.near == []


async def test_of_a_word_that_was_not_true_the_supervisors_hear_once(world: World) -> None:
    row, (desk, told) = await world.waiting(), declarations(world)
    for _ in range(2):
        await desk.declare(world.signed_in("maker"), row, WHY)
    world.ties.near = {row.person}
    assert await desk.look_back() == 2
    assert await desk.look_back() == 0
    assert told.near == [("dla", row.id)] * 2, "once for each time that it was opened"
    assert [said for _, said in (await trail(world))[-2:]] == ["near", "near"]


async def test_two_jobs_at_once_check_a_word_once(world: World) -> None:
    row, (desk, told) = await world.waiting(), declarations(world)
    await desk.declare(world.signed_in("maker"), row, WHY)
    world.ties.near = {row.person}
    both, ask = asyncio.Barrier(2), world.ties.between

    async def together(officer: UUID, people: Collection[UUID]) -> bool:
        await both.wait()
        return await ask(officer, people)

    desk._ties = SimpleNamespace(between=together)
    assert sorted(await asyncio.gather(desk.look_back(), desk.look_back())) == [0, 1]
    assert told.near == [("dla", row.id)]
    assert [kind for kind, _ in await trail(world)] == ["CASE_OPENED_ON_WORD", "CASE_WORD_CHECKED"]


async def test_a_word_that_cannot_be_checked_keeps_no_other_waiting(world: World) -> None:
    left, row, (desk, _) = await world.waiting(), await world.waiting(), declarations(world)
    for one in (left, row):
        await desk.declare(world.signed_in("maker"), one, WHY)
    ask = world.ties.between

    async def but_of_one(officer: UUID, people: Collection[UUID]) -> bool:
        if left.person in people:
            raise NotFound
        return await ask(officer, people)

    desk._ties = SimpleNamespace(between=but_of_one)
    assert await desk.look_back() == 1


async def test_what_is_gone_or_long_ago_is_not_asked_about_for_ever(world: World) -> None:
    row, (desk, told) = await world.waiting(), declarations(world)
    erased = Application(**{**row.model_dump(), "id": new_id()})
    await desk.declare(world.signed_in("maker"), erased, WHY)
    assert await desk.look_back() == 1
    assert (await trail(world))[-1] == ("CASE_WORD_CHECKED", "gone")
    again = await world.waiting()
    world.ties.silent = True
    await desk.declare(world.signed_in("maker"), again, WHY)
    world.room.clock.advance(LOOKED_BACK + timedelta(days=1))
    world.ties.silent = False
    assert await desk.look_back() == 0
    assert told.near == []
