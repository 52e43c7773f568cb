"""A corrected national ID: what was read under the former one may be somebody else's, and is told no more."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from redis.exceptions import ConnectionError as RedisAway

from core.errors import ServiceUnavailable
from core.ids import NationalId, check_digit
from services.exchange.cache import CORRECTION_SETTLES
from services.exchange.facts import OWN_VIEW, FactState
from tests.services.exchange.fakes import Exchange, citizen

RIGHT = NationalId("110000009999" + str(check_digit("110000009999")))
SETTLED = CORRECTION_SETTLES + timedelta(seconds=1)


async def birth_date(exchange: Exchange, person: UUID, gate: Any = None) -> object:
    facts = await (gate or exchange.gate).facts(person, ["birth_date"], asker=citizen(person), purpose=OWN_VIEW)
    return facts["birth_date"].value


async def corrected(exchange: Exchange, person: UUID) -> None:
    """The register has another birth date for the right number."""
    former = exchange.ids["mother"]
    exchange.dopa.file[RIGHT] = {**exchange.dopa.file[former], "birth_date": date(1971, 2, 3)}
    async with exchange.database.write() as session:
        await exchange.people.correct(session, person, RIGHT, by="proposal: x")


async def test_what_was_read_under_the_former_number_is_not_told(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    former = await birth_date(exchange, mother)
    await exchange.gate.forget(mother)
    await corrected(exchange, mother)
    assert await birth_date(exchange, mother) == date(1971, 2, 3) != former
    other = exchange.new_gate()
    assert await birth_date(exchange, mother, other) == date(1971, 2, 3), "another process, over the same Redis"


async def test_without_forgetting_it_would_be(exchange: Exchange) -> None:
    """So that the test above can fail."""
    mother = exchange.keys["mother"]
    former = await birth_date(exchange, mother)
    await corrected(exchange, mother)
    assert await birth_date(exchange, mother) == former


async def test_a_reading_that_was_under_way_is_not_told_either(exchange: Exchange) -> None:
    """It ends after the correction, and puts the former number's value in the cache."""
    mother = exchange.keys["mother"]
    await exchange.gate.forget(mother)
    exchange.clock.advance(CORRECTION_SETTLES)
    former = await birth_date(exchange, mother)
    await corrected(exchange, mother)
    assert await birth_date(exchange, mother) == date(1971, 2, 3) != former


async def test_once_it_is_settled_the_cache_serves_again(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await exchange.gate.forget(mother)
    await corrected(exchange, mother)
    exchange.clock.advance(SETTLED)
    await birth_date(exchange, mother)
    asked = len(exchange.dopa.asked)
    await birth_date(exchange, mother)
    assert len(exchange.dopa.asked) == asked


async def test_other_peoples_facts_stay(exchange: Exchange) -> None:
    mother, other = exchange.keys["mother"], exchange.keys["lodger"]
    await birth_date(exchange, other)
    asked = len(exchange.dopa.asked)
    await exchange.gate.forget(mother)
    await birth_date(exchange, other)
    assert len(exchange.dopa.asked) == asked


async def test_a_mark_that_makes_no_sense_forgets(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await birth_date(exchange, mother)
    asked = len(exchange.dopa.asked)
    await exchange.redis.set(f"exchange:corrected:{mother.hex}", "?")
    await birth_date(exchange, mother)
    assert len(exchange.dopa.asked) == asked + 1


async def test_while_the_cache_is_away_nothing_can_be_forgotten(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise RedisAway("no answer")

    monkeypatch.setattr(exchange.redis, "set", away)
    with pytest.raises(ServiceUnavailable):
        await exchange.gate.forget(exchange.keys["mother"])


async def test_the_mark_outlives_every_value(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await exchange.gate.forget(mother)
    longest = max(one.freshness + one.stale for one in exchange.catalogue.attributes.values())
    assert await exchange.redis.ttl(f"exchange:corrected:{mother.hex}") >= longest.total_seconds()
    assert (await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW))[
        "birth_date"
    ].state is FactState.FRESH
