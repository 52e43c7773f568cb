"""Whether somebody is alive, asked through the real gate for a payment, by what services.apply asks with."""

from __future__ import annotations

from datetime import date

import pytest

from services.apply.deaths import CivilRegister, Death
from tests.services.exchange.fakes import Exchange

pytestmark = pytest.mark.fakeredis_only  # the cache has tests of its own on both


async def test_the_register_says_who_has_died_and_when_and_the_look_is_logged(exchange: Exchange) -> None:
    alive = await exchange.person("alive", deceased=False)
    dead = await exchange.person("dead", deceased=True, death_date=date(2026, 11, 2))
    undated = await exchange.person("undated", deceased=True)
    known = await CivilRegister(exchange.gate).ask({alive, dead, undated}, agency="dla")
    assert known.dead == {dead: Death(date(2026, 11, 2)), undated: Death(None)}
    assert known.alive == {alive}
    [entry] = await exchange.entries(alive)
    assert (entry.asker_agency, entry.purpose, entry.decision) == ("dla", "payment", "ALLOWED")


async def test_of_whom_the_register_knows_nothing_nothing_is_said(exchange: Exchange) -> None:
    nobody = await exchange.person("nobody")
    known = await CivilRegister(exchange.gate).ask({nobody}, agency="dla")
    assert (known.dead, known.alive) == ({}, frozenset())


async def test_an_agency_that_pays_nobody_learns_nothing(exchange: Exchange) -> None:
    dead = await exchange.person("dead", deceased=True)
    known = await CivilRegister(exchange.gate).ask({dead}, agency="oic")
    assert (known.dead, known.alive) == ({}, frozenset())


async def test_the_children_of_somebody_who_died_are_known(exchange: Exchange) -> None:
    near = await CivilRegister(exchange.gate).near(exchange.keys["mother"], agency="dcy")
    assert set(near) == {exchange.keys["elder"], exchange.keys["younger"]}
