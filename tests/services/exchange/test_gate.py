"""The gate: decided and logged before it reads, logged again before it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.money import Money
from services.exchange.errors import LookRefused, UnknownAttribute
from services.exchange.facts import OWN_VIEW, WELFARE_CHECK, WELFARE_DECISION, Basis, FactState, Purpose
from services.exchange.policy import registered
from tests.services.exchange.fakes import (
    AS_OF,
    CATALOGUE,
    Exchange,
    citizen,
    officer,
    purpose,
    system,
    until,
)

pytestmark = pytest.mark.fakeredis_only  # what Valkey does differently, test_sources.py finds


async def test_a_fact_comes_with_its_source_its_day_and_its_state(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    facts = await exchange.gate.facts(mother, ["birth_date", "annual_income"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].value == date(1990, 5, 1)
    assert facts["annual_income"].value == Money.baht(90_000)
    assert {(f.source, f.as_of, f.state) for f in facts.values()} == {
        ("dopa", AS_OF, FactState.FRESH),
        ("rd", AS_OF, FactState.FRESH),
    }


async def test_the_decision_is_logged_with_its_outcome(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await exchange.gate.facts(mother, ["annual_income", "birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    [entry] = await exchange.entries()
    assert (entry.subject, entry.decision, entry.purpose, entry.basis) == (mother, "ALLOWED", "own-view", "OWN_DATA")
    assert entry.attributes == ["annual_income", "birth_date"]
    assert entry.asker_label == {"th": "คุณ", "en": "You"}
    assert len(entry.salt) == 32
    [outcome] = await exchange.outcomes()
    assert (outcome.entry, outcome.states) == (entry.id, {"annual_income": "FRESH", "birth_date": "FRESH"})


async def test_the_decision_is_durable_before_the_source_is_asked(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.gate = asyncio.Event()
    asking = asyncio.create_task(exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW))
    await until(lambda: bool(exchange.dopa.asked))
    assert len(await exchange.entries()) == 1
    assert await exchange.outcomes() == []
    exchange.dopa.gate.set()
    await asking


async def test_no_fact_leaves_when_the_decision_cannot_be_committed(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    async with full_disk(exchange):
        with pytest.raises(Exception, match="disk is full"):
            await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert exchange.dopa.asked == []
    assert await exchange.entries() == []


async def test_no_fact_leaves_when_the_outcome_cannot_be_committed(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    async with full_disk(exchange, but_for_decisions=True):
        with pytest.raises(Exception, match="disk is full"):
            await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert len(await exchange.entries()) == 1
    assert await exchange.outcomes() == []


async def test_a_decision_that_was_not_committed_is_not_remembered_for_its_request(exchange: Exchange) -> None:
    mother, request = exchange.keys["mother"], uuid4()
    async with full_disk(exchange):
        with pytest.raises(Exception, match="disk is full"):
            await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, request), purpose=OWN_VIEW)
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, request), purpose=OWN_VIEW)
    assert len(await exchange.entries(mother)) == 1


async def test_an_unknown_attribute_is_an_error_and_logs_nothing(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    for name in ("shoe_size", "children", "household_members"):
        with pytest.raises(UnknownAttribute):
            await exchange.gate.facts(mother, ["birth_date", name], asker=citizen(mother), purpose=OWN_VIEW)
    assert await exchange.entries() == []


async def test_a_citizens_request_makes_one_entry_however_many_batches(exchange: Exchange) -> None:
    mother, request = exchange.keys["mother"], uuid4()
    asker = citizen(mother, request)
    await asyncio.gather(
        exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW),
        exchange.gate.facts(mother, ["annual_income", "birth_date"], asker=asker, purpose=WELFARE_CHECK),
        exchange.gate.facts(mother, ["household_income"], asker=asker, purpose=WELFARE_CHECK),
        exchange.gate.children(mother, asker=asker, purpose=WELFARE_CHECK),
    )
    [entry] = await exchange.entries(mother)
    outcomes = await exchange.outcomes(mother)
    named = set(entry.attributes).union(*(outcome.states for outcome in outcomes))
    assert named == {"birth_date", "annual_income", "household_income", "household_members", "children"}
    assert {outcome.purpose for outcome in outcomes} | {entry.purpose} == {"own-view", "welfare-check"}
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, uuid4()), purpose=OWN_VIEW)
    assert len(await exchange.entries(mother)) == 2


async def test_what_an_entry_does_not_name_is_named_before_it_is_read(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    asker = citizen(mother, uuid4())
    await exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW)
    exchange.rd.gate = asyncio.Event()
    asking = asyncio.create_task(exchange.gate.facts(mother, ["annual_income"], asker=asker, purpose=OWN_VIEW))
    await until(lambda: bool(exchange.rd.asked))
    assert (await exchange.outcomes())[-1].states == {"annual_income": "ASKED"}
    exchange.rd.gate.set()
    await asking


async def test_a_further_refusal_of_a_request_says_in_its_entry_that_it_was_one(exchange: Exchange) -> None:
    mother, lodger, request = exchange.keys["mother"], exchange.keys["lodger"], uuid4()
    for name in ("birth_date", "gender"):
        await exchange.gate.facts(mother, [name], asker=citizen(lodger, request), purpose=OWN_VIEW)
    [entry] = await exchange.entries(mother)
    [outcome] = await exchange.outcomes(mother)
    assert (entry.decision, entry.attributes) == ("DENIED", ["birth_date"])
    assert (outcome.entry, outcome.states, outcome.errors) == (entry.id, {"gender": "DENIED"}, {"gender": entry.reason})


async def test_a_late_reuse_of_a_request_id_makes_an_entry_of_its_own(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    asker = citizen(mother, uuid4())
    await exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(hours=1))
    await exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW)
    assert len(await exchange.entries()) == 2


async def test_records_of_an_agency_are_looked_at_under_the_same_log(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]

    async def policies(person: NationalId) -> list[str]:
        assert person == exchange.ids["mother"]
        return ["policy"]

    told = await exchange.gate.look(mother, "oic:policies", "oic", policies, asker=citizen(mother), purpose=OWN_VIEW)
    assert told == ["policy"]
    assert (await exchange.entries())[0].attributes == ["oic:policies"]
    assert (await exchange.outcomes())[0].states == {"oic:policies": "FRESH"}


async def test_records_and_facts_of_one_request_share_an_entry(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    asker = citizen(mother, uuid4())

    async def policies(_: NationalId) -> str:
        return "policies"

    await asyncio.gather(
        exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW),
        exchange.gate.look(mother, "oic:policies", "oic", policies, asker=asker, purpose=OWN_VIEW),
        exchange.gate.look(mother, "mhesi:transcripts", "mhesi", policies, asker=asker, purpose=OWN_VIEW),
    )
    [entry] = await exchange.entries()
    outcomes = await exchange.outcomes()
    named = set(entry.attributes).union(*(outcome.states for outcome in outcomes))
    assert named == {"birth_date", "oic:policies", "mhesi:transcripts"}


async def test_an_agencys_error_is_logged_and_raised_on(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]

    async def down(_: NationalId) -> None:
        raise ServiceUnavailable("oic")

    with pytest.raises(ServiceUnavailable):
        await exchange.gate.look(mother, "oic:policies", "oic", down, asker=citizen(mother), purpose=OWN_VIEW)
    [outcome] = await exchange.outcomes()
    assert (outcome.states, outcome.errors) == (
        {"oic:policies": "UNAVAILABLE"},
        {"oic:policies": "SERVICE_UNAVAILABLE"},
    )


@pytest.mark.parametrize("who", ["a parent", "an officer", "a system", "a purpose nobody registered"])
async def test_nobody_else_looks_at_records(exchange: Exchange, who: str) -> None:
    child = exchange.keys["younger"]
    asker, why = {
        "a parent": (citizen(exchange.keys["mother"]), WELFARE_CHECK),
        "an officer": (officer("dla"), WELFARE_DECISION),
        "a system": (system(), OWN_VIEW),
        "a purpose nobody registered": (citizen(child), Purpose("idle", Basis.OWN_DATA, OWN_VIEW.text)),
    }[who]

    async def never(_: NationalId) -> None:
        raise AssertionError

    with pytest.raises(LookRefused):
        await exchange.gate.look(child, "oic:policies", "oic", never, asker=asker, purpose=why)
    [entry] = await exchange.entries()
    assert (entry.decision, entry.subject) == ("DENIED", child)


async def test_what_thaid_says_at_sign_in_enters_as_facts_of_dopa(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.breaks()
    claims = {
        "title": "นาง", "given_name": "มาลี", "family_name": "ใจดี", "given_name_en": "Malee", "family_name_en": "Jaidee",
        "birthdate": "25330501", "gender": "female", "address": {"formatted": "1 หมู่ 2"},
    }  # fmt: skip
    await exchange.gate.record(mother, claims, exchange.clock.now())
    facts = await exchange.gate.facts(mother, ["name", "birth_date", "gender"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].value == date(1990, 5, 1)
    assert facts["name"].value["given_th"] == "มาลี"  # type: ignore[index, call-overload]
    assert {(f.source, f.state, f.as_of) for f in facts.values()} == {("dopa", FactState.FRESH, exchange.clock.now())}
    entry = (await exchange.entries())[0]
    assert (entry.purpose, entry.attributes) == ("sign-in", ["birth_date", "gender", "name"])


async def test_a_claim_that_makes_no_sense_is_left_out_and_logged(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await exchange.gate.record(
        mother, {"birthdate": "25339999", "gender": "female", "given_name": 7}, exchange.clock.now()
    )
    [outcome] = await exchange.outcomes()
    assert outcome.states == {"birth_date": "UNAVAILABLE", "gender": "FRESH", "name": "UNAVAILABLE"}
    assert outcome.errors == {"birth_date": "INVALID_ANSWER", "name": "INVALID_ANSWER"}


@pytest.mark.parametrize("known", [OWN_VIEW, WELFARE_CHECK, WELFARE_DECISION, purpose("payment")])
def test_the_purposes_that_other_rooms_name_are_the_registered_ones(known: Purpose) -> None:
    entry = registered(CATALOGUE, known)
    assert entry is not None
    assert entry.purpose == known


@asynccontextmanager
async def full_disk(exchange: Exchange, *, but_for_decisions: bool = False) -> AsyncIterator[None]:
    """The database takes no more records of the log, or no outcomes."""
    condition = "NEW.entry <> NEW.id" if but_for_decisions else "1 = 1"
    async with exchange.database.write() as session:
        for statement in _FULL_SQLITE if exchange.database.is_sqlite else _FULL_POSTGRESQL:
            await session.execute(text(statement.format(condition)))
    try:
        yield
    finally:
        async with exchange.database.write() as session:
            on = "" if exchange.database.is_sqlite else " ON access_record"
            await session.execute(text(f"DROP TRIGGER full_disk{on}"))


_FULL_SQLITE = (
    (
        "CREATE TRIGGER full_disk BEFORE INSERT ON access_record WHEN {} "
        "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    ),
)
_FULL_POSTGRESQL = (
    (
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
    ),
    "CREATE TRIGGER full_disk BEFORE INSERT ON access_record FOR EACH ROW WHEN ({}) EXECUTE FUNCTION full_disk()",
)


async def test_every_attribute_that_a_request_is_refused_at_once_is_in_the_log(exchange: Exchange) -> None:
    """The register does not say whose child it is: each of three looks at once finds its attribute named."""
    mother, child, request = exchange.keys["mother"], exchange.keys["younger"], uuid4()
    exchange.dopa.breaks()
    names = ("birth_date", "nationality", "person_status")
    told = await asyncio.gather(
        *(exchange.gate.facts(child, [one], asker=citizen(mother, request), purpose=WELFARE_CHECK) for one in names)
    )
    assert {fact.reason for facts in told for fact in facts.values()} == {"TIE_UNKNOWN"}
    entries, outcomes = await exchange.entries(child), await exchange.outcomes(child)
    named = {name for entry in entries for name in entry.attributes} | {n for one in outcomes for n in one.states}
    assert named == set(names)
    assert {entry.decision for entry in entries} == {"DENIED"}
