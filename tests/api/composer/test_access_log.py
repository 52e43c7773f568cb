"""A look at an agency's records through the composed graph, with the real gate, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from api.composer import compose
from core.clock import FixedClock
from core.database import Database
from services.plugins.contract import Call, Host
from tests.services.exchange.fakes import Exchange
from tests.support.plugins import AGENCIES
from tests.support.plugins.small_graph import POLICY, World, rooms_with, small_base

QUERY = "{ viewer { insurance { policies { number } } } }"


@pytest.fixture
async def exchange(database: Database, redis: Redis, clock: FixedClock) -> Exchange:
    made = Exchange(database, redis, clock)
    await made.family()
    return made


@pytest.fixture
def world(exchange: Exchange, clock: FixedClock) -> World:
    world = World(small_base(), clock)
    world.rooms, world.me = rooms_with(exchange.gate), exchange.keys["mother"]
    return world


@pytest.mark.fakeredis_only
async def test_the_look_is_in_the_log_before_the_agency_is_asked(world: World, exchange: Exchange) -> None:
    logged_when_asked: list[list[str]] = []

    async def policies(_: Host, call: Call) -> Any:
        assert call.citizen == exchange.ids["mother"]
        logged_when_asked.extend(entry.attributes for entry in await exchange.entries(world.me))
        return [POLICY]

    oic = replace(world.plugin(AGENCIES / "oic"), functions={"policies": policies})
    data, errors = await world.ask(compose(world.base, [oic], world.runner), QUERY)
    assert (data, errors) == ({"viewer": {"insurance": {"policies": [{"number": "1"}]}}}, [])
    assert logged_when_asked == [["oic:policies"]]
    [outcome] = await exchange.outcomes(world.me)
    assert outcome.states == {"oic:policies": "FRESH"}


@pytest.mark.fakeredis_only
async def test_an_agency_down_is_in_the_log_as_such(world: World, exchange: Exchange) -> None:
    oic = world.plugin(AGENCIES / "oic", policies=RuntimeError("down"))
    data, errors = await world.ask(compose(world.base, [oic], world.runner), QUERY)
    assert data == {"viewer": {"insurance": {"policies": None}}}
    assert len(errors) == 1
    [outcome] = await exchange.outcomes(world.me)
    assert outcome.errors == {"oic:policies": "SERVICE_UNAVAILABLE"}
