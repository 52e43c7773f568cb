"""Who is newly entitled hears of it once, with the reason and the law, by day, and nobody else does."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete
from sqlmodel import col

from core.ids import new_id
from core.money import Money
from identity.people.models import Person
from services.exchange.privacy.models import PrivacyRequest
from tests.welfare.determination.populations import ALL, LOW_INCOME, OLD_AGE, RESIDENT, Land, alive_person
from welfare.determination import repository
from welfare.determination.models import EntitlementSpell
from welfare.determination.spells import SAME_SPELL

pytestmark = pytest.mark.fakeredis_only


async def somebody(land: Land, **more: object) -> UUID:
    """One person whom the rules say yes to, in a register that tells."""
    await land.populate(1)
    person = next(iter(land.people))
    land.say(person, land.exchange.ids[person.hex], alive_person(**more))
    return person


async def drawn_up(land: Land, *slugs: str, **more: object) -> UUID:
    given = {"programmes": list(slugs or ALL), "keep_days": 90, "tell": True} | more
    run = await land.decided(**given)
    await land.determinations.run(run)
    return run


async def test_it_says_what_why_and_by_which_law_in_thai_first(land: Land) -> None:
    person = await somebody(land)
    await drawn_up(land, OLD_AGE)
    assert await land.telling.run() == 1
    [message] = await land.told(person)
    assert message.title_th == "คุณน่าจะมีสิทธิได้รับเบี้ยยังชีพผู้สูงอายุ"
    assert message.title_en == "You seem to be entitled to: Old-age allowance"
    for part in ("อายุตั้งแต่ 60 ปีบริบูรณ์ขึ้นไป", "มีสัญชาติไทย", "คัดค้านได้", "มาตรา 32"):
        assert part in message.body_th
    assert "is at least 60 years old" in message.body_en
    assert "1950" not in message.body_th + message.body_en


async def test_once_however_often_the_work_is_done(land: Land) -> None:
    person = await somebody(land)
    run = await drawn_up(land)
    assert await land.telling.run() == len(ALL)
    await land.determinations.run(run)
    await land.determinations.follow()
    await drawn_up_again(land)
    assert await land.telling.run() == 0
    assert len(await land.told(person)) == len(ALL)


async def drawn_up_again(land: Land) -> None:
    """By other officers' decision of the same agency, over the same people."""
    land.clock.advance(timedelta(days=2))
    maker = await land.office.officer(7, "dla", "bulk.propose")
    checker = await land.office.officer(8, "dla", "bulk.approve")
    proposal = await land.propose(maker, tell=True)
    async with land.database.write() as session:
        await land.proposals.approve(session, checker, proposal)
    await land.determinations.run(proposal)


async def test_several_jobs_at_once_tell_once(land: Land) -> None:
    await land.populate(25)
    for person in list(land.people):
        land.say(person, land.exchange.ids[person.hex], alive_person())
    people = list(land.people)
    await drawn_up(land)
    told = await asyncio.gather(*(land.telling.run() for _ in range(4)))
    assert sum(told) == len(ALL) * len(people)
    for person in people:
        assert len(await land.told(person)) == len(ALL)


async def test_spells_of_one_programme_are_not_parted_by_another_job_that_comes_in_between(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a parent hears twice of the same programme, once for each child."""
    person = await somebody(land)
    spell: dict[str, Any] = {"person": person, "programme": RESIDENT, "number": 1, "purpose": "p"}
    spell["began_on"] = land.clock.today()
    async with land.database.write() as session:
        session.add_all(EntitlementSpell(**spell, beneficiary=new_id()) for _ in range(3))
    taken: list[int] = []

    async def other_job() -> None:
        async with land.database.write() as other:
            taken.append(len((await repository.untold(other, 1, None)).spells))

    async with land.database.write() as session:
        ask = session.scalars

        async def asked(*statement: Any) -> Any:
            found = await ask(*statement)
            if not taken and not land.database.is_sqlite:  # where one writes at a time
                await other_job()
            return found

        monkeypatch.setattr(session, "scalars", asked)
        taken.append(len((await repository.untold(session, 1, None)).spells))
    assert sorted(taken) == ([3] if land.database.is_sqlite else [0, 3])


@pytest.mark.parametrize(("hour", "minute", "told"), [(7, 59, 0), (8, 0, 1), (19, 59, 1), (20, 0, 0), (3, 0, 0)])
async def test_nobody_is_told_at_night_in_bangkok(land: Land, hour: int, minute: int, told: int) -> None:
    await somebody(land)
    await drawn_up(land, RESIDENT)
    at = timedelta(hours=(hour - 10) % 24, minutes=minute)  # the clock stands at ten in Bangkok
    land.clock.advance(at)
    assert await land.telling.run() == told


async def test_who_applied_meanwhile_is_not_told(land: Land) -> None:
    person = await somebody(land)
    await drawn_up(land, RESIDENT)
    await land.applies(person, RESIDENT)
    assert await land.telling.run() == 0


async def test_the_dead_are_not_told_nor_those_of_whom_nobody_can_say(land: Land) -> None:
    await land.populate(3)
    living, dead, unknown = land.people
    for person, deceased in ((living, False), (dead, True), (unknown, None)):
        land.say(person, land.exchange.ids[person.hex], alive_person(deceased=deceased))
    await drawn_up(land, RESIDENT)
    assert await land.telling.run() == 1
    assert [len(await land.told(one)) for one in (living, dead, unknown)] == [1, 0, 0]


async def test_who_died_between_the_finding_and_the_telling_is_not_told(land: Land) -> None:
    person = await somebody(land)
    await drawn_up(land, RESIDENT)
    await land.applies(person, LOW_INCOME, "DECEASED")
    assert await land.telling.run() == 0


@pytest.mark.parametrize(("kind", "before"), [("OBJECTION", True), ("OBJECTION", False), ("RESTRICTION", False)])
async def test_who_had_it_stopped_is_not_told(land: Land, kind: str, before: bool) -> None:
    person = await somebody(land)
    if not before:
        await drawn_up(land, RESIDENT)
    async with land.database.write() as session:
        session.add(_stopped(land, person, kind))
    if before:
        await drawn_up(land, RESIDENT)
    assert await land.telling.run() == 0
    assert await land.told(person) == []


def _stopped(land: Land, person: UUID, kind: str) -> PrivacyRequest:
    now = land.clock.now()
    return PrivacyRequest(
        person=person,
        id=new_id(),
        kind=kind,
        status="ACTIVE",
        stores=[],
        stays=[],
        purpose="welfare-register",
        made_at=now,
        due_at=now,
    )


async def test_who_left_is_not_told(land: Land) -> None:
    person = await somebody(land)
    await drawn_up(land, RESIDENT)
    async with land.database.write() as session:
        await session.execute(delete(Person).where(col(Person.id) == person))
    assert await land.telling.run() == 0


async def test_a_register_that_does_not_tell_begins_no_spell(land: Land) -> None:
    person = await somebody(land)
    await drawn_up(land, RESIDENT, tell=False)
    assert await land.telling.run() == 0
    assert await land.spells(person, RESIDENT) == []


async def test_a_register_whose_day_has_come_tells_nobody_any_more(land: Land) -> None:
    person = await somebody(land)
    await drawn_up(land, RESIDENT, keep_days=1)
    land.clock.advance(timedelta(days=1))
    assert await land.telling.run() == 0
    assert len(await land.spells(person, RESIDENT)) == 1


async def lost_and_regained(land: Land, after: timedelta) -> UUID:
    """Told; then lost; then regained so long after. Answers the person."""
    person = await somebody(land)
    run = await drawn_up(land, LOW_INCOME)
    assert await land.telling.run() == 1
    land.clock.advance(timedelta(minutes=10))
    land.change(person, annual_income=Money.baht(900_000))
    await land.determinations.follow()
    [spell] = await land.spells(person, LOW_INCOME)
    assert spell.ended_on == land.clock.today()
    assert (person, LOW_INCOME) not in await land.answers(run)
    land.clock.advance(after)
    land.say(person, land.exchange.ids[person.hex], {"annual_income": Money(0)})
    await land.exchange.gate.forget(person)
    land.clock.advance(timedelta(minutes=1))
    await drawn_up_anew(land)
    await land.telling.run()
    return person


async def drawn_up_anew(land: Land) -> None:
    maker = await land.office.officer(7, "dla", "bulk.propose")
    checker = await land.office.officer(8, "dla", "bulk.approve")
    proposal = await land.propose(maker, tell=True, programmes=[LOW_INCOME])
    async with land.database.write() as session:
        await land.proposals.approve(session, checker, proposal)
    await land.determinations.run(proposal)


async def test_regained_soon_it_is_the_same_spell_and_nothing_is_said(land: Land) -> None:
    person = await lost_and_regained(land, SAME_SPELL - timedelta(days=1))
    [spell] = await land.spells(person, LOW_INCOME)
    assert spell.ended_on is None
    assert len(await land.told(person)) == 1


async def test_regained_long_after_it_is_another_spell_and_is_told(land: Land) -> None:
    person = await lost_and_regained(land, SAME_SPELL)
    assert [(one.number, one.ended_on is None) for one in await land.spells(person, LOW_INCOME)] == [
        (1, False),
        (2, True),
    ]
    assert len(await land.told(person)) == 2


async def test_a_silent_source_ends_no_spell(land: Land) -> None:
    person = await somebody(land)
    run = await drawn_up(land, LOW_INCOME)
    land.clock.advance(timedelta(minutes=10))
    land.change(person, annual_income=None)
    await land.determinations.follow()
    assert (await land.answers(run))[person, LOW_INCOME] == "UNKNOWN"
    [spell] = await land.spells(person, LOW_INCOME)
    assert spell.ended_on is None
    assert await land.telling.run() == 0  # but nobody is told what nobody knows now


async def test_no_reason_tells_a_sensitive_fact_or_one_of_others(land: Land) -> None:
    telling = land.telling
    said = telling._reasons(_version(land, "disability-allowance"))
    assert "สัญชาติไทย" in said.th
    assert "คนพิการ" not in said.th
    assert "disab" not in said.en.lower()
    assert not telling._may_be_named("child.birth_date")
    assert not telling._may_be_named("household_income")
    assert not telling._may_be_named("disability_card")
    assert telling._may_be_named("nationality")


def _version(land: Land, slug: str):  # type: ignore[no-untyped-def]  # of a programme
    return land.programmes[slug].version_on(date(2026, 11, 16))


async def test_spells_are_forgotten_after_two_years(land: Land) -> None:
    person = await somebody(land)
    await drawn_up(land, RESIDENT)
    land.clock.advance(timedelta(days=731))
    await land.determinations.delete_due()
    assert len(await land.spells(person, RESIDENT)) == 1
    land.clock.advance(timedelta(days=1))
    await land.determinations.delete_due()
    assert await land.spells(person, RESIDENT) == []
