"""Entitlements and decisions through the real gate: what is asked is what it allows, and the log shows it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.database import Database
from core.ids import new_id
from core.money import Money
from services.apply.deciding import Outcome, Request
from services.exchange.catalogue import Catalogue
from tests.services.exchange.fakes import Exchange, of_steward
from tests.welfare.entitlements.conftest import CHILD, PERSON
from tests.welfare.entitlements.support import by_programme
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.service import EntitlementService, EntitlementStatus
from welfare.programmes import ProgrammeCatalogue

GRANT = "child-support-grant"
pytestmark = pytest.mark.fakeredis_only  # the cache has tests of its own on both


@pytest.fixture
async def exchange(database: Database, redis: Redis, clock: FixedClock, catalogue: Catalogue) -> Exchange:
    """A mother with a toddler, a disabled son of ten and a grown daughter, all in one house."""
    made = Exchange(database, redis, clock, others=[of_steward(slug) for slug in ("cgd", "dep", "dla", "dol")])
    people: dict[str, dict[str, Any]] = {
        "mother": {**PERSON, "birth_date": date(1980, 3, 15)},
        "toddler": {**CHILD, "birth_date": date(2025, 5, 20)},
        "son": {**CHILD, "birth_date": date(2016, 2, 3), "disability_card": True},
        "daughter": {**CHILD, "birth_date": date(2005, 1, 1), "disability_card": True},
    }
    for name, facts in people.items():
        await made.person(name)
        for attribute, value in facts.items():
            entry = catalogue.attribute(attribute)
            if entry.derived is None:
                [source] = [s for s in (made.dopa, made.rd, *made.others) if s.agency == entry.steward]
                source.file.setdefault(made.ids[name], {})[attribute] = value
    for name in people:
        made.dopa.file[made.ids[name]] |= {"household_members": [i.digits for i in made.ids.values()], "children": []}
    minors = [made.ids[name].digits for name in ("son", "toddler")]
    made.dopa.file[made.ids["mother"]]["children"] = minors
    return made


@pytest.fixture
def service(
    exchange: Exchange, database: Database, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> EntitlementService:
    return EntitlementService(database, exchange.gate, clock, catalogue, programmes)


@pytest.fixture
def decider(
    exchange: Exchange, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> ProgrammeDecider:
    return ProgrammeDecider(exchange.gate, clock, catalogue, programmes)


async def test_a_mother_sees_her_own_and_each_minor_childs(service: EntitlementService, exchange: Exchange) -> None:
    found = await service.of(exchange.keys["mother"], request=new_id())
    toddler = by_programme(found, exchange.keys["toddler"])
    assert toddler[GRANT].status is EntitlementStatus.ENTITLED
    son = by_programme(found, exchange.keys["son"])
    assert son["disability-allowance"].status is EntitlementStatus.ENTITLED
    assert son[GRANT].status is EntitlementStatus.NOT_ENTITLED
    assert by_programme(found, exchange.keys["daughter"]) == {}
    household = toddler[GRANT].assessment.fact("household_income")
    assert household is not None
    assert household.value == Money.baht(90_000)


async def test_one_request_makes_one_entry_for_each_whose_facts_are_shown(
    service: EntitlementService, exchange: Exchange
) -> None:
    mother, request = exchange.keys["mother"], new_id()
    await service.of(mother, request=request)
    for name in ("mother", "toddler", "son"):
        own = [e for e in await exchange.entries(exchange.keys[name]) if e.request == request and e.caused_by is None]
        assert len(own) == 1, name


@pytest.mark.parametrize(("name", "outcome"), [("toddler", Outcome.GRANTED), ("son", Outcome.REFUSED)])
async def test_the_payer_decides_on_facts_of_mother_and_child(
    decider: ProgrammeDecider, exchange: Exchange, name: str, outcome: Outcome
) -> None:
    mother, child = exchange.keys["mother"], exchange.keys[name]
    prepared = await decider.prepare(Request(mother, child, f"programme:{GRANT}", request=new_id()))
    assert prepared.outcome is outcome
    entries = await exchange.entries(child)
    assert {(e.asker_agency, e.purpose, e.decision) for e in entries if e.caused_by is None} == {
        ("dcy", "welfare-decision", "ALLOWED")
    }


@pytest.mark.parametrize("agency", ["dopa", "cgd", "dep", "dol"])
async def test_an_agency_that_is_down_leaves_no_wrong_no(
    service: EntitlementService, exchange: Exchange, agency: str
) -> None:
    mother = exchange.keys["mother"]
    before: dict[UUID, EntitlementStatus] = {e.id: e.status for e in await service.of(mother)}
    await exchange.redis.flushall()
    [source] = [s for s in (exchange.dopa, exchange.rd, *exchange.others) if s.agency == agency]
    source.breaks()
    after = await service.of(mother)
    assert EntitlementStatus.NEEDS_INFORMATION in {e.status for e in after}
    for entitlement in after:
        assert entitlement.status in {before.get(entitlement.id), EntitlementStatus.NEEDS_INFORMATION}
