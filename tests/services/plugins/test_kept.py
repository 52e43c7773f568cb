"""Answers that are given again: how long, to whom, and how they lie in Redis."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway

from core.clock import FixedClock
from core.crypto import KeyRing
from core.ids import NationalId
from core.money import Money
from services.exchange.errors import SourceSilent
from services.plugins.contract import AgencyError, Call, Host
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import AgencyDeclined, AnswerCache, LaneLimits, Runner
from tests.services.plugins.test_runner import NoAgency
from tests.support.plugins import CATALOGUE, HOST, LIBRARY

ME, YOU = NationalId("0000000000001"), NationalId("1100000000008")
SECONDS = 60
KEYS = {"k1": os.urandom(32), "k2": os.urandom(32)}
INDEX = os.urandom(32)


class Stand:
    """The library's `loans`, kept for a minute; each answer that is not a kept one has another title."""

    def __init__(self, redis: Redis, clock: FixedClock, seconds: int = SECONDS) -> None:
        self.redis, self.clock = redis, clock
        library = load_folder(LIBRARY, HOST, CATALOGUE)
        self.plugin = with_seconds(replace(library, functions={"loans": self.loans}), seconds)
        self.asked: list[str] = []
        self.broken: Exception | None = None
        self.runner = self.new_runner(KeyRing("k1", KEYS, INDEX))

    def new_runner(self, keys: KeyRing) -> Runner:
        kept = AnswerCache(self.redis, keys, self.clock)
        return Runner(lambda _: Host(clock=self.clock, agency=NoAgency()), LaneLimits(failures_max=100), kept=kept)

    async def loans(self, _: Host, call: Call) -> Any:
        self.asked.append(call.citizen.digits)
        if self.broken is not None:
            raise self.broken
        loan = {"id": "L1", "title": f"เล่มที่ {len(self.asked)}", "due": date(2026, 11, 20), "state": "OUT"}
        return [loan | {"fine": Money.baht(len(self.asked))}]

    async def ask(self, person: NationalId = ME, **arguments: Any) -> str:
        [loan] = await self.runner.run(self.plugin, "loans", asker="test", person=person, arguments=arguments)
        assert (loan["due"], loan["fine"]) == (date(2026, 11, 20), Money.baht(int(loan["title"].split()[1])))
        return str(loan["title"])


def with_seconds(plugin: Plugin, seconds: int) -> Plugin:
    loans = plugin.manifest.operations["loans"].model_copy(update={"cache_seconds": seconds})
    operations = {**plugin.manifest.operations, "loans": loans}
    return replace(plugin, manifest=plugin.manifest.model_copy(update={"operations": operations}))


@pytest.fixture
def stand(redis: Redis, clock: FixedClock) -> Stand:
    return Stand(redis, clock)


@pytest.mark.parametrize(("later", "again"), [(0, True), (SECONDS - 1, True), (SECONDS, False)])
async def test_an_answer_is_given_again_within_its_time(stand: Stand, later: int, again: bool) -> None:
    first = await stand.ask()
    stand.clock.advance(timedelta(seconds=later))
    assert (await stand.ask() == first) is again


async def test_one_from_the_future_of_a_clock_that_was_put_back_is_not(stand: Stand) -> None:
    first = await stand.ask()
    stand.clock.advance(timedelta(seconds=-1))
    assert await stand.ask() != first


async def test_nobody_gets_anothers_answer(stand: Stand) -> None:
    assert await stand.ask(ME) != await stand.ask(YOU)
    assert stand.asked == [ME.digits, YOU.digits]


async def test_an_answer_that_is_put_in_anothers_place_is_none(stand: Stand) -> None:
    await stand.ask(ME)
    [mine] = [key async for key in stand.redis.scan_iter("plugins:answer:*")]
    sealed = await stand.redis.get(mine)
    await stand.ask(YOU)
    [yours] = [key async for key in stand.redis.scan_iter("plugins:answer:*") if key != mine]
    assert sealed is not None
    await stand.redis.set(yours, sealed)
    await stand.ask(YOU)
    assert stand.asked == [ME.digits, YOU.digits, YOU.digits]


async def test_neither_name_nor_value_tells_anything(stand: Stand) -> None:
    await stand.ask(ME)
    [name] = [key async for key in stand.redis.scan_iter("plugins:answer:*")]
    sealed = await stand.redis.get(name)
    assert isinstance(sealed, bytes)
    assert ME.digits.encode() not in name + sealed
    assert "เล่ม".encode() not in sealed
    assert 0 < await stand.redis.ttl(name) <= SECONDS


async def test_other_arguments_are_another_question(stand: Stand) -> None:
    assert await stand.ask(state="OUT") != await stand.ask(state="LATE")
    assert await stand.ask(state="OUT") == await stand.ask(state="OUT")


async def test_another_version_of_the_plugin_answers_for_itself(stand: Stand) -> None:
    first = await stand.ask()
    stand.plugin = with_seconds(stand.plugin, SECONDS + 1)
    assert await stand.ask() != first


@pytest.mark.parametrize("seconds", [0])
async def test_without_seconds_nothing_is_kept(redis: Redis, clock: FixedClock, seconds: int) -> None:
    stand = Stand(redis, clock, seconds)
    assert await stand.ask() != await stand.ask()
    assert [key async for key in redis.scan_iter("plugins:answer:*")] == []


@pytest.mark.parametrize(
    ("broken", "seen"), [(KeyError("x"), SourceSilent), (AgencyError("CARD_BLOCKED"), AgencyDeclined)]
)
async def test_trouble_and_declared_errors_are_not_kept(stand: Stand, broken: Exception, seen: type[Exception]) -> None:
    stand.broken = broken
    with pytest.raises(seen):
        await stand.ask()
    stand.broken = None
    assert await stand.ask()
    assert len(stand.asked) == 2


async def test_a_key_that_is_replaced_still_opens_and_one_that_is_gone_asks_anew(stand: Stand) -> None:
    first = await stand.ask()
    stand.runner = stand.new_runner(KeyRing("k2", KEYS, INDEX))
    assert await stand.ask() == first
    stand.runner = stand.new_runner(KeyRing("k2", {"k2": KEYS["k2"]}, INDEX))
    assert await stand.ask() != first


async def test_what_does_not_fit_the_graph_any_more_is_trouble_no_citizen_sees(stand: Stand) -> None:
    await stand.ask()
    [name] = [key async for key in stand.redis.scan_iter("plugins:answer:*")]
    await stand.redis.set(name, b"nonsense")
    assert await stand.ask()
    assert len(stand.asked) == 2


async def test_redis_may_be_away(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Callable[..., Any]:
        raise RedisAway("no answer")

    monkeypatch.setattr(stand.redis, "get", away)
    monkeypatch.setattr(stand.redis, "set", away)
    assert await stand.ask() != await stand.ask()
