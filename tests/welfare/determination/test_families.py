"""Every programme that is in force, over families: houses, children and sensitive facts, as one citizen at a time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlmodel import col, select

from core.clock import FixedClock
from core.database import Database
from core.money import Money
from services.exchange.bulk.models import BulkMember, BulkTie
from services.exchange.privacy.bars import StoppedUses
from services.exchange.privacy.models import PrivacyRequest
from tests.services.exchange.fakes import CATALOGUE
from tests.welfare.determination.villages import REAL, Village, in_bulk, village
from welfare.programmes import Channel, ForEach

pytestmark = pytest.mark.fakeredis_only

ON: Final = date(2026, 11, 16)
GRANT, CARD, S33, S40 = (
    "child-support-grant",
    "state-welfare-card",
    "section-33-child-allowance",
    "section-40-child-allowance",
)
PAYERS: Final = ("dla", "dcy", "cgd", "sso", "slf")


async def drawn_up(land: Village, agency: str, *slugs: str, **more: Any) -> UUID:
    maker, checker = await land.officers(agency)
    land.houses[maker.person] = land.houses[checker.person] = None
    land.kin[maker.person] = land.kin[checker.person] = None
    proposal = await land.propose(maker, **{"programmes": list(slugs), "keep_days": 90, **more})
    async with land.database.write() as session:
        await land.proposals.approve(session, checker, proposal)
    await land.determinations.run(proposal, chunk=17)
    return proposal


def test_what_is_put_to_nobody_in_bulk_is_a_short_list_with_reasons() -> None:
    """What only whoever asks is asked (ADR 31), and what nobody applies for. All else in force can be asked."""
    asked = {slug for agency in PAYERS for slug in in_bulk(agency, ON)}
    in_force = {one.slug for one in REAL if one.version_on(ON) is not None}
    assert in_force - asked == {"aids-allowance", "universal-coverage"}
    assert REAL["aids-allowance"].on_request
    assert REAL["universal-coverage"].channel is Channel.NONE
    for slug in asked:
        names = {name.removeprefix("child.") for name in REAL[slug].needs_on(ON)}
        for purpose in ("welfare-register", "welfare-rule-making"):
            assert names <= (CATALOGUE.purposes[purpose].attributes or frozenset())


@pytest.mark.parametrize("purpose", ["welfare-register", "welfare-rule-making"])
def test_each_sensitive_fact_is_read_of_everybody_by_a_law_and_the_others_are_not_read(purpose: str) -> None:
    entry = CATALOGUE.purposes[purpose]
    sensitive = {one.id for one in CATALOGUE.attributes.values() if one.sensitive}
    assert set(entry.sensitive) == {"disability_card", "person_status"}
    assert (entry.attributes or frozenset()) & sensitive == set(entry.sensitive)
    assert all("26" in law.th and "unverified" in law.en for law in entry.sensitive.values())


@pytest.mark.parametrize("agency", PAYERS)
async def test_the_answers_are_those_of_one_citizen_at_a_time(
    database: Database, redis: Redis, clock: FixedClock, agency: str
) -> None:
    land = await village(database, redis, clock)
    slugs = in_bulk(agency, land.clock.today())
    run = await drawn_up(land, agency, *slugs)
    found = await land.answers_on_children(run)
    for slug in slugs:
        assert {key: one for key, one in found.items() if key[1] == slug} == land.every(REAL[slug]), slug
    shown = await land.determinations.show(agency, run)
    assert shown.entitled == {slug: sum(k[1] == slug and v == "MET" for k, v in found.items()) for slug in slugs}
    assert any(shown.entitled.values())


async def test_members_of_the_house_and_children_find_the_look_too(
    database: Database, redis: Redis, clock: FixedClock
) -> None:
    land = await village(database, redis, clock, houses=6)
    run = await drawn_up(land, "dcy", GRANT)
    for person in list(land.people):
        entries = await land.exchange.entries(person)
        own = [one for one in entries if one.purpose == "welfare-register" and one.request == run]
        assert own
        assert all(one.asker_agency == "dcy" for one in own)
        in_others = any(person in (house or ()) and one != person for one, house in land.houses.items())
        of_house = [one for one in entries if one.purpose == "household-calculation"]
        assert bool(of_house) == in_others
        assert all(one.attributes == ["annual_income"] for one in of_house)
        told = {name for one in await land.exchange.outcomes(person) for name in one.states}
        assert ("parent_is_thai" in told) == any(person in (kin or ()) for kin in land.kin.values())


async def test_a_member_who_objected_is_not_read_and_the_houses_total_is_unknown(
    database: Database, redis: Redis, clock: FixedClock
) -> None:
    land = Village(database, redis, clock)
    await land.settle(20)
    first, second, *_ = land.people
    mother, other = next(
        house
        for house in land.houses.values()
        if house is not None and len(house) == 2 and not {first, second} & set(house)
    )
    now = land.clock.now()
    async with database.write() as session:
        session.add(
            PrivacyRequest(
                person=other, id=other, kind="OBJECTION", status="ACTIVE", stores=[], stays=[],
                purpose="welfare-register", made_at=now, due_at=now,
            )
        )  # fmt: skip
    land.exchange.bars = StoppedUses()
    land.again()
    run = await drawn_up(land, "cgd", CARD)
    number = land.exchange.ids[other.hex]
    assert not any("annual_income" in names for who, names in land.sources["rd"].asked if who == number)
    facts = await opened(land, run, mother)
    assert not facts["household_income"].known
    assert facts["household_size"].value == 2


async def opened(land: Village, run: UUID, person: UUID) -> Any:
    return {one: facts async for one, facts in land.exchange.gate.bulk.snapshot(run)}[person]


async def the_grant(land: Village) -> tuple[UUID, UUID, UUID]:
    """A mother entitled to the grant for her child, and somebody else who lives with them."""
    houses = [house for house in land.houses.values() if house is not None and len(house) == 3]
    mother, other, child = houses[0]
    for one in (mother, other, child):
        land.settles(one, (mother, other, child), ())
    land.settles(mother, (mother, other, child), (child,))
    plain = {
        "nationality": "thai", "deceased": False, "person_status": "normal", "annual_income": Money.baht(90_000),
        "household_registered": True, "parent_is_thai": True,
    }  # fmt: skip
    for one, born in ((mother, date(1990, 1, 1)), (other, date(1991, 1, 1)), (child, date(2024, 1, 1))):
        land.say(one, land.exchange.ids[one.hex], {**plain, "birth_date": born})
    land.say(child, land.exchange.ids[child.hex], {"annual_income": Money(0)})
    return mother, other, child


async def test_another_members_corrected_income_is_followed(
    database: Database, redis: Redis, clock: FixedClock
) -> None:
    land = await village(database, redis, clock, houses=8)
    mother, other, child = await the_grant(land)
    run = await drawn_up(land, "dcy", GRANT, tell=True)
    assert (await land.answers_on_children(run))[mother, GRANT, child] == "MET"
    before = (await land.row(run)).evaluated
    land.clock.advance(timedelta(minutes=10))
    land.change(other, annual_income=Money.baht(900_000))
    await land.determinations.follow()
    assert (mother, GRANT, child) not in await land.answers_on_children(run)
    assert await land.answers_on_children(run) == land.every(REAL[GRANT])
    assert (await land.row(run)).evaluated[GRANT] == before[GRANT] + 1  # her one child, and nobody else's
    [spell] = await land.spells(mother, GRANT)
    assert spell.ended_on == land.clock.today()
    for entry in await land.exchange.entries(mother):
        assert other.hex not in str(entry)


async def test_a_childs_corrected_fact_is_followed_to_its_parents(
    database: Database, redis: Redis, clock: FixedClock
) -> None:
    land = await village(database, redis, clock, houses=8)
    mother, _, child = await the_grant(land)
    run = await drawn_up(land, "dcy", GRANT)
    land.clock.advance(timedelta(minutes=10))
    land.change(child, person_status="institution")
    await land.determinations.follow()
    assert (mother, GRANT, child) not in await land.answers_on_children(run)
    assert await land.answers_on_children(run) == land.every(REAL[GRANT])


async def test_a_parent_of_several_children_gets_one_message_and_another_for_a_later_child(
    database: Database, redis: Redis, clock: FixedClock
) -> None:
    land = await village(database, redis, clock, houses=20)
    mother, other, child = await the_grant(land)
    second = next(one for kin in land.kin.values() for one in kin or () if one != child)
    house = (mother, other, child, second)
    land.say(second, land.exchange.ids[second.hex], {**land.people[child], "birth_date": date(2025, 2, 1)})
    for one in house:
        land.settles(one, house, (child, second) if one == mother else ())
    run = await drawn_up(land, "dcy", GRANT, tell=True)
    await land.telling.run()
    [message] = await land.told(mother)
    assert len(await land.spells(mother, GRANT)) == 2
    assert "2024" not in message.body_th + message.body_en
    await land.telling.run()
    assert len(await land.told(mother)) == 1
    third = next(one for kin in land.kin.values() for one in kin or () if one not in house)
    land.clock.advance(timedelta(minutes=10))
    land.say(third, land.exchange.ids[third.hex], {**land.people[child], "birth_date": date(2026, 10, 1)})
    await land.exchange.gate.forget(third)
    for one in (*house, third):
        land.settles(one, (*house, third), (child, second, third) if one == mother else ())
    land.change(mother, annual_income=Money.baht(91_000))  # what has her read again
    await land.determinations.follow()
    await land.telling.run()
    assert len(await land.told(mother)) == 2
    assert (await land.answers_on_children(run))[mother, GRANT, third] == "MET"


async def test_for_a_child_whose_other_parent_applied_nobody_is_told(
    database: Database, redis: Redis, clock: FixedClock
) -> None:
    land = await village(database, redis, clock, houses=8)
    mother, other, child = await the_grant(land)
    land.settles(other, land.houses[mother], (child,))
    run = await drawn_up(land, "dcy", GRANT, tell=True)
    found = await land.answers_on_children(run)
    assert found[mother, GRANT, child] == found[other, GRANT, child] == "MET"
    before = (await land.determinations.show("dcy", run)).not_applied[GRANT]
    await land.applies(other, GRANT, beneficiary=child)
    assert (await land.determinations.show("dcy", run)).not_applied[GRANT] == before - 2
    await land.telling.run()
    assert await land.told(mother) == await land.told(other) == []


async def test_who_has_what_nobody_may_have_beside_it_is_not_told(
    database: Database, redis: Redis, clock: FixedClock
) -> None:
    land = await village(database, redis, clock, houses=30)
    mother, _, child = await the_grant(land)
    insured = {"social_security_section": "s40", "sso_plan": "plan_300", "sso_plan_months_in_36": 36}
    land.say(mother, land.exchange.ids[mother.hex], insured)
    eldest = {"elder_siblings_under_six": 0, "elder_siblings_under_seven": 0}
    land.say(child, land.exchange.ids[child.hex], eldest)
    run = await drawn_up(land, "sso", S40, tell=True)
    assert (await land.answers_on_children(run))[mother, S40, child] == "MET"
    before = (await land.determinations.show("sso", run)).not_applied[S40]
    await land.applies(mother, S33, beneficiary=child)
    assert (await land.determinations.show("sso", run)).not_applied[S40] == before - 1
    await land.telling.run()
    assert await land.told(mother) == []


async def test_who_belongs_to_whom_goes_with_the_snapshot(database: Database, redis: Redis, clock: FixedClock) -> None:
    land = await village(database, redis, clock, houses=6)
    run = await drawn_up(land, "dcy", GRANT, keep_days=5)
    async with database.read() as session:
        assert (await session.scalars(select(BulkTie).where(col(BulkTie.run) == run))).all()
    land.clock.advance(timedelta(days=5))
    await land.exchange.gate.bulk.delete_due()
    async with database.read() as session:
        assert (await session.scalars(select(BulkTie))).all() == []
        assert (await session.scalars(select(BulkMember))).all() == []


def test_children_are_asked_of_in_programmes_for_children_alone() -> None:
    for programme in REAL:
        asks = any(name.startswith("child.") for name in programme.needs_on(ON))
        assert asks == (programme.for_each is ForEach.CHILD and programme.version_on(ON) is not None)
