"""Facts about a household: only the total is shown, and everyone who is in it finds an entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.money import Money
from services.exchange.answers import INVALID_ANSWER, NO_SOURCE, NOT_KNOWN, TIMEOUT, Answer, unavailable
from services.exchange.catalogue import load_catalogue
from services.exchange.facts import WELFARE_CHECK, WELFARE_DECISION, Fact, FactState, Lack, Purpose
from services.exchange.household import MEMBER_SILENT, MEMBER_UNKNOWN, combined
from services.exchange.recounting import HouseholdRegister
from tests.services.exchange.fakes import Exchange, citizen, system

pytestmark = pytest.mark.fakeredis_only  # what Valkey does differently, test_sources.py finds

HOUSE = ("mother", "elder", "younger", "lodger")


async def _ask(exchange: Exchange, attribute: str, subject: str = "mother") -> Fact:
    asker = citizen(exchange.keys["mother"])
    facts = await exchange.gate.facts(exchange.keys[subject], [attribute], asker=asker, purpose=WELFARE_CHECK)
    return facts[attribute]


async def test_the_income_of_a_household_is_the_sum_of_its_members(exchange: Exchange) -> None:
    fact = await _ask(exchange, "household_income")
    assert (fact.value, fact.state, fact.source) == (Money.baht(200_000), FactState.FRESH, "dopa")


async def test_the_size_of_a_household_counts_its_members(exchange: Exchange) -> None:
    assert (await _ask(exchange, "household_size")).value == 4


@pytest.mark.parametrize("attribute", ["household_income", "household_size"])
async def test_every_member_finds_an_entry_that_does_not_name_who_asked(exchange: Exchange, attribute: str) -> None:
    await _ask(exchange, attribute)
    mother = exchange.keys["mother"]
    [cause] = await exchange.entries(mother)
    for name in ("elder", "younger", "lodger"):
        [entry] = await exchange.entries(exchange.keys[name])
        assert (entry.decision, entry.purpose, entry.asker_kind) == ("ALLOWED", "household-calculation", "SYSTEM")
        assert entry.request is None
        assert entry.disclosed_from is not None  # not at once: that would tell when somebody asked
        assert entry.attributes == (["annual_income"] if attribute == "household_income" else ["household_members"])
        assert entry.caused_by == cause.id
        shown = f"{entry.asker_id} {entry.asker_label} {entry.asker_agency}"
        assert mother.hex not in shown
        assert len(await exchange.outcomes(exchange.keys[name])) == 1


async def test_a_members_entry_is_the_same_for_a_check_and_a_decision(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await _ask(exchange, "household_income")
    asker = replace(system(mother), request=uuid4())
    await exchange.gate.facts(mother, ["household_income"], asker=asker, purpose=WELFARE_DECISION)
    first, second = await exchange.entries(exchange.keys["lodger"])
    for name in ("purpose", "basis", "asker_kind", "asker_id", "asker_agency", "asker_label", "request", "attributes"):
        assert getattr(first, name) == getattr(second, name), name


async def test_the_askers_own_entry_names_what_was_read_about_them(exchange: Exchange) -> None:
    await _ask(exchange, "household_income")
    [entry] = await exchange.entries(exchange.keys["mother"])
    assert entry.attributes == ["annual_income", "household_income", "household_members"]


async def test_one_unknown_income_makes_the_total_unknown(exchange: Exchange) -> None:
    del exchange.rd.file[exchange.ids["lodger"]]
    fact = await _ask(exchange, "household_income")
    assert (fact.value, fact.state) == (None, FactState.UNAVAILABLE)
    [outcome] = await exchange.outcomes(exchange.keys["mother"])
    assert outcome.errors["household_income"] == "MEMBER_UNKNOWN"  # whose is not said
    assert (await _ask(exchange, "household_size")).value == 4


async def test_a_source_that_is_silent_about_a_member_is_another_thing_than_one_that_has_no_answer(
    exchange: Exchange,
) -> None:
    exchange.rd.breaks()
    fact = await _ask(exchange, "household_income")
    assert (fact.state, fact.reason, fact.lack) == (FactState.UNAVAILABLE, MEMBER_SILENT, Lack.SILENT)
    [outcome] = await exchange.outcomes(exchange.keys["mother"])
    assert outcome.errors["household_income"] == MEMBER_SILENT


@pytest.mark.parametrize(
    ("errors", "reason", "lack"),
    [
        ([NOT_KNOWN], MEMBER_UNKNOWN, Lack.NOT_KNOWN),
        ([NOT_KNOWN, TIMEOUT], MEMBER_SILENT, Lack.SILENT),
        ([NO_SOURCE, NO_SOURCE], NO_SOURCE, Lack.NO_SOURCE),
        ([NO_SOURCE, NOT_KNOWN], MEMBER_UNKNOWN, Lack.NOT_KNOWN),
        ([MEMBER_UNKNOWN], MEMBER_UNKNOWN, Lack.NOT_KNOWN),
        ([INVALID_ANSWER], MEMBER_UNKNOWN, Lack.NOT_KNOWN),
    ],
)
def test_a_total_says_why_it_is_missing_and_of_nobody(errors: list[str], reason: str, lack: Lack) -> None:
    income = load_catalogue().attribute("household_income")
    at = datetime(2026, 11, 22, tzinfo=UTC)
    tie, known = Answer((), at, FactState.FRESH), Answer(Money(1), at, FactState.FRESH)
    answer = combined(income, tie, [known, *map(unavailable, errors)], size=3)
    assert (answer.error, answer.as_fact(income).lack) == (reason, lack)


async def test_a_silent_register_makes_the_household_unknown_and_asks_for_nobodys_income(exchange: Exchange) -> None:
    exchange.dopa.breaks()
    assert (await _ask(exchange, "household_income")).state is FactState.UNAVAILABLE
    assert exchange.rd.asked == []


async def test_a_person_alone_is_a_household_of_one(exchange: Exchange) -> None:
    exchange.dopa.file[exchange.ids["mother"]]["household_members"] = [exchange.ids["mother"].digits]
    assert (await _ask(exchange, "household_size")).value == 1
    assert (await _ask(exchange, "household_income")).value == Money.baht(90_000)


async def test_a_register_that_leaves_the_person_out_of_their_own_house_does_not_shrink_it(exchange: Exchange) -> None:
    exchange.dopa.file[exchange.ids["mother"]]["household_members"] = [exchange.ids["lodger"].digits]
    assert (await _ask(exchange, "household_size")).value == 2
    assert (await _ask(exchange, "household_income")).value == Money.baht(200_000)


@pytest.mark.parametrize("broken", [["1234567890123"], ["x"], "1112034563562", [1], None])
async def test_members_that_are_no_people_make_the_household_unknown(exchange: Exchange, broken: object) -> None:
    exchange.dopa.file[exchange.ids["mother"]]["household_members"] = broken
    assert (await _ask(exchange, "household_size")).state is FactState.UNAVAILABLE


async def test_national_ids_of_members_are_in_no_log_and_no_cache(exchange: Exchange) -> None:
    await _ask(exchange, "household_income")
    kept = [key async for key in exchange.redis.scan_iter("*")]
    kept += [value for key in kept if (value := await exchange.redis.get(key))]
    written = repr((await exchange.entries(), await exchange.outcomes()))
    for name in HOUSE:
        digits = exchange.ids[name].digits
        assert digits not in written
        assert not any(digits.encode() in value for value in kept)


async def test_a_child_lives_with_the_applicant_who_shares_its_house(exchange: Exchange) -> None:
    assert (await _ask(exchange, "lives_with_applicant", "younger")).value is True
    exchange.dopa.file[exchange.ids["mother"]]["household_members"] = [exchange.ids["mother"].digits]
    await exchange.redis.flushall()
    assert (await _ask(exchange, "lives_with_applicant", "younger")).value is False


async def test_the_tie_needs_an_applicant(exchange: Exchange) -> None:
    child = exchange.keys["younger"]
    for asker, state in (
        (system(), FactState.UNAVAILABLE),
        (system(applicant=exchange.keys["mother"]), FactState.FRESH),
    ):
        facts = await exchange.gate.facts(child, ["lives_with_applicant"], asker=asker, purpose=WELFARE_DECISION)
        assert facts["lives_with_applicant"].state is state


async def test_a_request_about_a_family_makes_one_entry_for_each_look_at_each_person(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    asker = citizen(mother, uuid4())
    for _ in range(2):
        for subject in ("mother", "elder", "younger"):
            names = (
                ["birth_date", "household_income"] if subject == "mother" else ["birth_date", "lives_with_applicant"]
            )
            facts = await exchange.gate.facts(exchange.keys[subject], names, asker=asker, purpose=WELFARE_CHECK)
            assert {fact.state for fact in facts.values()} == {FactState.FRESH}
    counts = {name: len(await exchange.entries(exchange.keys[name])) for name in HOUSE}
    # A child is looked at by its parent, and counted as a member of the house.
    assert counts == {"mother": 1, "elder": 2, "younger": 2, "lodger": 1}


async def test_a_total_beyond_its_range_is_unknown(exchange: Exchange) -> None:
    exchange.dopa.file[exchange.ids["mother"]]["household_members"] = []
    for number in range(99):
        await exchange.person(f"p{number}", birth_date=date(2000, 1, 1), annual_income=Money(100_000_000_000_000))
    crowd = [exchange.ids[f"p{number}"].digits for number in range(99)]
    exchange.dopa.file[exchange.ids["mother"]]["household_members"] = crowd
    exchange.rd.file[exchange.ids["mother"]] = {"annual_income": Money(100_000_000_000_000)}
    assert (await _ask(exchange, "household_income")).value == Money(10_000_000_000_000_000)
    await exchange.redis.flushall()
    one_more = await exchange.person("p99", annual_income=Money(1))
    assert one_more is not None
    exchange.dopa.file[exchange.ids["mother"]]["household_members"] = [*crowd, exchange.ids["p99"].digits]
    assert (await _ask(exchange, "household_income")).state is FactState.UNAVAILABLE
    assert (await _ask(exchange, "household_size")).state is FactState.UNAVAILABLE


@pytest.mark.parametrize("reason", ["RESTRICTED", "OBJECTED"])
async def test_what_a_member_had_stopped_is_not_read_for_anothers_total(exchange: Exchange, reason: str) -> None:
    lodger = exchange.keys["lodger"]

    class Stopped:
        async def barred(self, _session: Any, subjects: Any, purpose: Purpose) -> dict[UUID, str]:
            return {lodger: reason} if lodger in subjects and purpose == WELFARE_CHECK else {}

    exchange.gate._grounds._bars = Stopped()
    income, size = await _ask(exchange, "household_income"), await _ask(exchange, "household_size")
    assert (income.state, income.reason) == (FactState.UNAVAILABLE, "MEMBER_UNKNOWN")  # it is not said of whom
    assert size.value == 4
    assert exchange.ids["lodger"] not in {person for person, _ in exchange.rd.asked}
    entries = {one.decision: one for one in await exchange.entries(lodger)}  # nothing tells in which order they came
    assert (entries["DENIED"].reason, entries["DENIED"].attributes) == (reason, ["annual_income"])
    assert entries["ALLOWED"].attributes == ["household_members"]
    mother = exchange.keys["mother"]
    decided = await exchange.gate.facts(mother, ["household_income"], asker=system(mother), purpose=WELFARE_DECISION)
    assert decided["household_income"].known  # what was applied for is decided all the same


async def test_with_whom_somebody_lives_is_a_look_at_that_one_alone(exchange: Exchange) -> None:
    register = HouseholdRegister(exchange.catalogue, exchange.gate)
    house = await register.with_whom(exchange.keys["lodger"])
    assert house is not None
    assert set(house) == set(exchange.keys.values())
    [entry] = await exchange.entries()
    assert (entry.subject, entry.purpose) == (exchange.keys["lodger"], "household-recount")
    assert (entry.attributes, entry.asker_agency) == (["household_members"], "dopa")
    assert exchange.rd.asked == []


async def test_while_the_register_is_silent_nobody_can_say_with_whom_somebody_lives(exchange: Exchange) -> None:
    exchange.dopa.breaks()
    assert await HouseholdRegister(exchange.catalogue, exchange.gate).with_whom(exchange.keys["lodger"]) is None
