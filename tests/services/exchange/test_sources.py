"""Reading facts: cached, joined, cut off, and taken at their word or not at all."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.ids import NationalId
from services.exchange.facts import OWN_VIEW, WELFARE_DECISION, FactState, Reading
from tests.services.exchange.fakes import (
    Exchange,
    citizen,
    of_steward,
    system,
    until,
)


async def test_none_is_an_answer_and_unknown_is_not(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["death_date"] = None
    facts = await exchange.gate.facts(mother, ["death_date", "person_status"], asker=citizen(mother), purpose=OWN_VIEW)
    assert (facts["death_date"].value, facts["death_date"].state) == (None, FactState.FRESH)
    assert (facts["person_status"].value, facts["person_status"].state) == (None, FactState.UNAVAILABLE)
    [outcome] = await exchange.outcomes()
    assert outcome.errors == {"person_status": "NOT_KNOWN"}


async def test_an_attribute_without_a_connected_authority_is_unavailable(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    stranger = of_steward("dol")
    stranger.provides |= {"state_role"}  # not its to say
    stranger.file[exchange.ids["mother"]] = {"state_role": "none"}
    exchange.others.append(stranger)
    facts = await exchange.gate.facts(mother, ["state_role"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["state_role"].state is FactState.UNAVAILABLE
    assert stranger.asked == []
    assert (await exchange.outcomes())[0].errors == {"state_role": "NO_SOURCE"}


async def test_a_source_that_fails_leaves_the_others_whole(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.rd.breaks()
    facts = await exchange.gate.facts(mother, ["birth_date", "annual_income"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.FRESH
    assert (facts["annual_income"].state, facts["annual_income"].value) == (FactState.UNAVAILABLE, None)


async def test_a_slow_source_is_cut_off(exchange: Exchange) -> None:
    exchange.timeout_seconds = 0.05
    gate, mother = exchange.new_gate(), exchange.keys["mother"]
    exchange.dopa.gate = asyncio.Event()
    facts = await gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.UNAVAILABLE
    assert (await exchange.outcomes())[0].errors == {"birth_date": "TIMEOUT"}


@pytest.mark.parametrize(
    "nonsense",
    [
        "soon",
        date(1200, 1, 1),
        20_000_101,
        Reading(date(1990, 5, 1), datetime(2026, 1, 1)),  # noqa: DTZ001 - a source that forgets the zone
    ],
)
async def test_nonsense_of_a_source_is_unavailable_and_not_kept(exchange: Exchange, nonsense: object) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["birth_date"] = nonsense
    facts = await exchange.gate.facts(mother, ["birth_date", "nationality"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.UNAVAILABLE
    assert facts["nationality"].state is FactState.FRESH
    assert (await exchange.outcomes())[0].errors == {"birth_date": "INVALID_ANSWER"}
    assert [key async for key in exchange.redis.scan_iter("*birth_date")] == []


async def test_what_nobody_asked_for_is_dropped(exchange: Exchange) -> None:
    class Chatty(type(exchange.dopa)):  # type: ignore[misc]
        async def read(self, person: NationalId, attributes: Any) -> Any:
            return await super().read(person, self.provides)

    chatty = Chatty("dopa", exchange.dopa.provides)
    chatty.file = exchange.dopa.file
    exchange.dopa = chatty
    mother = exchange.keys["mother"]
    facts = await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert set(facts) == {"birth_date"}
    assert [key async for key in exchange.redis.scan_iter("*nationality")] == []


async def test_a_fresh_fact_is_not_asked_for_again(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    for _ in range(2):
        await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert len(exchange.dopa.asked) == 1
    assert len(await exchange.entries()) == 2


@pytest.mark.parametrize(("seconds", "asked"), [(0, 1), (86_400 - 1, 1), (86_400, 2)])
async def test_a_fact_is_fresh_until_its_last_second(exchange: Exchange, seconds: int, asked: int) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["deceased"] = False
    await exchange.gate.facts(mother, ["deceased"], asker=citizen(mother), purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(seconds=seconds))
    await exchange.gate.facts(mother, ["deceased"], asker=citizen(mother), purpose=OWN_VIEW)
    assert len(exchange.dopa.asked) == asked


@pytest.mark.parametrize(
    ("attribute", "value", "days", "state"),
    [
        ("gender", "female", 31, FactState.STALE),
        ("gender", "female", 30 + 365, FactState.UNAVAILABLE),
        ("deceased", False, 2, FactState.UNAVAILABLE),  # the catalogue does not allow it
    ],
)
async def test_a_silent_source_leaves_the_last_known_value_where_the_catalogue_allows(
    exchange: Exchange, attribute: str, value: object, days: int, state: FactState
) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]][attribute] = value
    await exchange.gate.facts(mother, [attribute], asker=citizen(mother), purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(days=days))
    exchange.dopa.breaks()
    fact = (await exchange.gate.facts(mother, [attribute], asker=citizen(mother), purpose=OWN_VIEW))[attribute]
    assert fact.state is state
    assert fact.value == (value if state is FactState.STALE else None)
    assert (await exchange.outcomes())[-1].errors == {attribute: "SERVICE_UNAVAILABLE"}


async def test_a_source_that_no_longer_knows_has_the_last_word(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["gender"] = "female"
    await exchange.gate.facts(mother, ["gender"], asker=citizen(mother), purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(days=31))
    del exchange.dopa.file[exchange.ids["mother"]]["gender"]
    facts = await exchange.gate.facts(mother, ["gender"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["gender"].state is FactState.UNAVAILABLE


async def test_a_cached_value_is_unreadable_and_cannot_be_moved_to_another_person(exchange: Exchange) -> None:
    mother, lodger = exchange.keys["mother"], exchange.keys["lodger"]
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    [key] = [key async for key in exchange.redis.scan_iter("*birth_date")]
    sealed = await exchange.redis.get(key)
    assert isinstance(sealed, bytes)
    assert b"1990" not in sealed
    await exchange.redis.set(key.decode().replace(mother.hex, lodger.hex), sealed)
    facts = await exchange.gate.facts(lodger, ["birth_date"], asker=citizen(lodger), purpose=OWN_VIEW)
    assert facts["birth_date"].value == date(1980, 1, 1)


async def test_the_cache_may_be_away(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError("redis is away")

    monkeypatch.setattr(exchange.redis, "mget", away)
    monkeypatch.setattr(exchange.redis, "pipeline", away)
    mother = exchange.keys["mother"]
    facts = await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.FRESH


async def test_looks_at_the_same_fact_at_the_same_time_are_one_read_and_several_entries(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.gate = asyncio.Event()
    asking = [
        asyncio.create_task(exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=why))
        for asker, why in ((citizen(mother), OWN_VIEW), (system(mother), WELFARE_DECISION), (citizen(mother), OWN_VIEW))
    ]

    async def all_are_reading() -> bool:
        return len(await exchange.entries()) == len(asking)

    await until(all_are_reading)
    asking[0].cancel()  # whoever came first goes away
    await asyncio.sleep(0.05)
    exchange.dopa.gate.set()
    told = await asyncio.gather(*asking[1:])
    assert [facts["birth_date"].value for facts in told] == [date(1990, 5, 1)] * 2
    assert len(exchange.dopa.asked) == 1


async def test_a_person_whom_the_register_does_not_know_has_no_facts(exchange: Exchange) -> None:
    facts = await exchange.gate.facts(uuid4(), ["birth_date"], asker=system(), purpose=WELFARE_DECISION)
    assert facts["birth_date"].state is FactState.UNAVAILABLE
