"""Counting for all processes together: exactly the quota, whatever asks at once."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.text import Text
from services.exchange.agreements.quotas import Quotas
from services.exchange.agreements.terms import Origin, Quota, Terms
from services.exchange.facts import FactState
from tests.services.exchange.agreements.conftest import SERVICE, Desk, agency


def terms(per_day: int, per_minute: int, name: str = "a1", version: int = 1) -> Terms:
    return Terms(
        id=name,
        version=version,
        origin=Origin.CONCLUDED,
        steward="dopa",
        requester="sso",
        attributes=frozenset({"birth_date"}),
        purposes=frozenset({"agency-service"}),
        quota=Quota(per_day, per_minute),
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        law="x",
        confidentiality=Text(th="x", en="x"),
    )


@pytest.mark.parametrize(("per_day", "per_minute"), [(37, 100), (100, 37)])
async def test_two_processes_that_ask_at_once_are_told_exactly_the_quota(
    redis: Redis, clock: FixedClock, per_day: int, per_minute: int
) -> None:
    processes, wanted = [Quotas(redis, clock), Quotas(redis, clock)], terms(per_day, per_minute)
    answers = await asyncio.gather(*(processes[n % 2].take(wanted, 1) for n in range(200)))
    assert answers.count(None) == 37
    assert set(answers) == {None, "QUOTA_EXCEEDED"}
    assert await processes[0].take(wanted, 1) == "QUOTA_EXCEEDED"
    assert await processes[0].take(terms(per_day, per_minute, "another"), 1) is None


async def test_batches_are_never_told_more_than_the_quota_and_what_is_left_is_used(
    redis: Redis, clock: FixedClock
) -> None:
    quotas, wanted = Quotas(redis, clock), terms(100, 100)
    answers = await asyncio.gather(*(quotas.take(wanted, 7) for _ in range(40)))
    told = 7 * answers.count(None)
    assert told <= 100
    while await quotas.take(wanted, 1) is None:
        told += 1
    assert told == 100


async def test_a_batch_greater_than_the_quota_is_refused_and_counts_for_nothing(
    redis: Redis, clock: FixedClock
) -> None:
    quotas = Quotas(redis, clock)
    assert await quotas.take(terms(10, 5), 6) == "QUOTA_EXCEEDED"
    assert await quotas.take(terms(10, 5), 5) is None


async def test_another_version_goes_on_counting(redis: Redis, clock: FixedClock) -> None:
    quotas = Quotas(redis, clock)
    assert await quotas.take(terms(10, 10), 10) is None
    assert await quotas.take(terms(15, 15, version=2), 6) == "QUOTA_EXCEEDED"
    assert await quotas.take(terms(15, 15, version=2), 5) is None


async def test_counters_end_by_themselves(redis: Redis, clock: FixedClock) -> None:
    await Quotas(redis, clock).take(terms(10, 10), 1)
    names = [name async for name in redis.scan_iter("exchange:quota:*")]
    assert len(names) == 2
    for name in names:
        assert 0 < await redis.ttl(name) <= 2 * 86_400


async def test_two_gates_tell_an_agency_exactly_its_quota_of_facts(desk: Desk) -> None:
    await desk.in_force(per_day=9, per_minute=9)
    mother = desk.exchange.keys["mother"]
    gates = [desk.exchange.gate, desk.exchange.new_gate()]
    told = await asyncio.gather(
        *(gates[n % 2].facts(mother, ["birth_date"], asker=agency(), purpose=SERVICE) for n in range(30))
    )
    states = [facts["birth_date"].state for facts in told]
    assert (states.count(FactState.FRESH), states.count(FactState.DENIED)) == (9, 21)
    entries = await desk.exchange.entries(mother)
    assert [entry.decision for entry in entries].count("ALLOWED") == 9
    assert len(entries) == 30
