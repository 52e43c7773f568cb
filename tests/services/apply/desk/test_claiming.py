"""The queue and who has a case: of many one takes it, nobody keeps it for ever, and nobody sees another agency's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core.assurance import StepUpRequired
from core.errors import NotFound, ServiceUnavailable
from core.ids import new_id
from identity.officers.errors import ConflictOfInterest, RoleMissing
from identity.officers.models import Officer as OfficerRow
from identity.officers.models import OfficerAct
from services.apply.desk import acts
from services.apply.desk.errors import CaseNotTaken, CaseTaken
from services.apply.desk.queue import Line, Queue, place_of, written
from services.apply.desk.service import CLAIM_KEPT
from services.apply.errors import AlreadyDecided, ChangedMeanwhile
from services.apply.models import Application
from services.apply.states import Status
from services.apply.tasks import Reconsidered, reconsider_waiting
from tests.services.apply.conftest import PROGRAMME
from tests.services.apply.desk.conftest import World


async def queue(world: World, who: str = "reader", after: str | None = None, limit: int = 100, **wanted: Any) -> Any:
    clock = world.room.clock
    lines: Sequence[Line] = await Queue(**wanted).read(
        world.db, clock, world.desk, world.signed_in(who), place_of(after), limit
    )
    return lines


async def due(world: World, row: Application, days: int | None) -> None:
    on = None if days is None else world.room.clock.today() + timedelta(days=days)
    async with world.db.write() as session:
        await session.execute(update(Application).where(col(Application.id) == row.id).values(due_on=on))


async def test_what_is_due_first_comes_first_page_by_page_and_what_has_no_day_last(world: World) -> None:
    rows = [await world.waiting() for _ in range(5)]
    for row, days in zip(rows, (3, None, -2, 1, 1), strict=True):
        await due(world, row, days)
    expected = [rows[2].id, *sorted((rows[3].id, rows[4].id)), rows[0].id, rows[1].id]
    seen: list[UUID] = []
    after = None
    while page := await queue(world, after=after, limit=2):
        seen += [line.id for line in page]
        after = written(page[-1])
    assert seen == expected
    assert [line.overdue for line in await queue(world)] == [True, False, False, False, False]


async def test_the_queue_is_of_the_agencys_turn_unless_another_is_asked_for(world: World) -> None:
    ours, asked = await world.waiting(), await world.waiting()
    await world.act("maker", asked, acts.Claim())
    await world.act("maker", asked, acts.ask([{"attribute": "birth_date", "why": "ทะเบียนไม่มีวันเกิด"}]))
    assert [line.id for line in await queue(world)] == [ours.id]
    assert [line.id for line in await queue(world, statuses=[Status.NEEDS_INFORMATION])] == [asked.id]
    assert await queue(world, subject="programme:another") == []
    assert [line.id for line in await queue(world, subject=PROGRAMME)] == [ours.id]


async def test_an_officer_lists_what_is_theirs_what_is_free_and_what_waits_for_a_second(world: World) -> None:
    free, mine, proposed = await world.waiting(), await world.waiting(), await world.waiting()
    await world.act("both", mine, acts.Claim())
    await world.proposed(proposed)
    assert [line.id for line in await queue(world, free=True)] == [free.id]
    assert [(line.id, line.mine) for line in await queue(world, "both", mine=True)] == [(mine.id, True)]
    assert [line.id for line in await queue(world, "checker", proposed=True)] == [proposed.id]


async def test_nobody_finds_their_own_case_in_their_queue_nor_opens_it(world: World) -> None:
    own = await world.waiting(world["maker"].person)
    assert await queue(world, "maker") == []
    assert [line.id for line in await queue(world, "reader")] == [own.id]
    with pytest.raises(ConflictOfInterest):
        await world.desk.find(world.signed_in("maker"), own.id)


async def test_another_agencys_case_is_as_unknown_as_one_that_never_was(world: World) -> None:
    row = await world.waiting()
    assert await queue(world, "stranger") == []
    for key in (row.id, new_id()):
        with pytest.raises(NotFound):
            await world.desk.prepare(world.signed_in("stranger"), key, acts.Claim())


async def test_who_has_no_task_here_sees_nothing(world: World) -> None:
    row = await world.waiting()
    with pytest.raises(RoleMissing):
        await queue(world, "clerk")
    with pytest.raises(RoleMissing):
        await world.desk.find(world.signed_in("clerk"), row.id)


async def test_a_sign_in_of_another_day_or_of_one_factor_opens_nothing(world: World) -> None:
    row, officer = await world.waiting(), world.signed_in("maker")
    with pytest.raises(StepUpRequired):
        await world.desk.find(world.signed_in("maker", "ial2.3-aal1"), row.id)
    world.room.clock.advance(timedelta(hours=9))
    with pytest.raises(StepUpRequired):
        await world.desk.find(officer, row.id)


@pytest.mark.parametrize(
    ("who", "act"),
    [
        ("reader", acts.Claim()),
        ("checker", acts.Claim()),
        ("reader", acts.note("เห็น")),
        ("checker", acts.ask([{"attribute": "birth_date", "why": "ทะเบียนไม่มี"}])),
        ("maker", acts.Approve(UUID(int=1))),
        ("maker", acts.give_back(UUID(int=1), "ยังไม่พอ")),
        ("reader", acts.Release()),
    ],
)
async def test_each_act_takes_its_role(world: World, who: str, act: Any) -> None:
    row = await world.waiting()
    with pytest.raises(RoleMissing):
        await world.act(who, row, act)


async def test_of_fifty_who_take_a_case_at_once_one_has_it(world: World) -> None:
    row = await world.waiting()
    officers = [await world.serves(f"o{n}", "dla", "apply.decide") for n in range(50)]

    async def take(officer: Any) -> bool:
        try:
            await world.act(officer, row, acts.Claim())
        except CaseTaken:
            return False
        return True

    won = await asyncio.gather(*(take(officer) for officer in officers))
    assert sum(won) == 1
    [line] = await queue(world)
    assert line.claimed_until == world.room.clock.now() + CLAIM_KEPT
    mine = await queue(world, f"o{won.index(True)}", mine=True)
    assert [one.id for one in mine] == [row.id]
    assert await world.room.count("officer_act", "kind = 'CASE_CLAIMED'") == 1


async def test_a_claim_ages_and_then_another_takes_the_case_and_the_first_has_it_no_more(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    world.room.clock.advance(CLAIM_KEPT - timedelta(seconds=1))
    with pytest.raises(CaseTaken):
        await world.act("both", row, acts.Claim())
    world.room.clock.advance(timedelta(seconds=1))
    assert [line.claimed_until for line in await queue(world)] == [None]
    await world.act("both", row, acts.Claim())
    with pytest.raises(CaseNotTaken):
        await world.act("maker", row, acts.ask([{"attribute": "birth_date", "why": "ทะเบียนไม่มี"}]))
    with pytest.raises(CaseNotTaken):
        await world.act("maker", row, acts.Release())


async def test_a_case_goes_back_into_the_queue_or_into_other_hands(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    with pytest.raises(CaseNotTaken):
        await world.act("both", row, acts.Release())
    await world.act("maker", row, acts.Refer(world["both"].person))
    assert [one.id for one in await queue(world, "both", mine=True)] == [row.id]
    await world.act("head", row, acts.Release())
    assert [one.id for one in await queue(world, free=True)] == [row.id]


@pytest.mark.parametrize("to", ["stranger", "reader"])
async def test_a_case_is_referred_to_nobody_who_may_not_decide_it(world: World, to: str) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    with pytest.raises(NotFound):
        await world.act("maker", row, acts.Refer(world[to].person))


async def test_a_case_is_not_referred_to_whose_it_is(world: World) -> None:
    row = await world.waiting(world["both"].person)
    await world.act("maker", row, acts.Claim())
    with pytest.raises(ConflictOfInterest):
        await world.act("maker", row, acts.Refer(world["both"].person))


async def test_who_lives_with_the_applicant_does_not_take_the_case(world: World) -> None:
    row = await world.waiting()
    world.ties.near.add(row.person)
    with pytest.raises(ConflictOfInterest):
        await world.act("maker", row, acts.Claim())
    assert await world.room.count("desk_case") == 0


async def test_while_nobody_knows_who_lives_with_whom_nobody_takes_a_case(world: World) -> None:
    row = await world.waiting()
    world.ties.silent = True
    with pytest.raises(ServiceUnavailable):
        await world.act("maker", row, acts.Claim())


async def test_what_is_decided_is_not_taken_and_what_changed_is_looked_at_again_first(world: World) -> None:
    row = await world.waiting()
    with pytest.raises(ChangedMeanwhile):
        await world.act("maker", row, acts.Claim(), seen=row.version + 1)
    await world.act("maker", row, acts.Claim(), seen=row.version)
    await world.room.withdraw(row.person, row.id)
    with pytest.raises(AlreadyDecided):
        await world.act("both", row, acts.Claim())


async def test_who_left_between_looking_and_acting_does_nothing(world: World) -> None:
    row = await world.waiting()
    ready = await world.desk.prepare(world.signed_in("maker"), row.id, acts.Claim())
    async with world.db.write() as session:
        person = world["maker"].person
        await session.execute(update(OfficerRow).where(col(OfficerRow.person) == person).values(active=False))
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await world.desk.perform(session, ready)


async def test_the_job_passes_by_what_an_officer_has_in_hand_until_the_claim_is_old(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    world.law.registered = "1950-01-01"
    room = world.room
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered()
    room.clock.advance(CLAIM_KEPT)
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered(moved=1)


async def test_every_act_is_in_the_officers_trail_without_a_word_about_the_person(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    await world.act("maker", row, acts.note("ผู้ยื่นโทรมาแจ้งว่าย้ายบ้าน"))
    async with world.db.read() as session:
        trail = list(await session.scalars(select(OfficerAct).order_by(col(OfficerAct.id))))
    assert [(one.kind, one.subject, one.note) for one in trail] == [
        ("CASE_CLAIMED", row.id, ""),
        ("CASE_NOTED", row.id, ""),
    ]
    assert {one.by for one in trail} == {world["maker"].person.hex}
