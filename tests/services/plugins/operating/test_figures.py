"""How well services answer, summed up over workers and hours."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import FixedClock
from core.database import Database
from core.database_faults import DatabaseUnavailable
from services.plugins.operating.figures import CALLS_MIN, DAYS, KEPT, STEPS_SECONDS, Availability, Tally, p95_of

SLUG = "water"


def count(tally: Tally, **outcomes: int) -> None:
    for outcome, times in outcomes.items():
        for _ in range(times):
            tally.count(SLUG, "bills", outcome, 0.04)


async def read(database: Database, clock: FixedClock) -> Availability | None:
    """As a worker that counted nothing sees it."""
    fresh = Tally(database, clock)
    await fresh.read()
    return fresh.of(SLUG)


async def test_what_several_workers_counted_is_one_sum(database: Database, clock: FixedClock) -> None:
    workers = [Tally(database, clock) for _ in range(3)]
    for worker in workers:
        count(worker, WELL=60, DECLINED=20, CACHED=10, TIMEOUT=9, SOURCE_PAUSED=1)
    await asyncio.gather(*(worker.write() for worker in workers))
    await workers[0].write()
    assert await read(database, clock) == Availability(DAYS, 90.0, 50)


async def test_who_went_away_and_announced_maintenance_count_for_nothing(database: Database, clock: FixedClock) -> None:
    tally = Tally(database, clock)
    count(tally, WELL=CALLS_MIN, ABANDONED=100, SOURCE_MAINTENANCE=100)
    await tally.write()
    assert await read(database, clock) == Availability(DAYS, 100.0, 50)


async def test_of_too_few_calls_nothing_is_said(database: Database, clock: FixedClock) -> None:
    tally = Tally(database, clock)
    count(tally, WELL=CALLS_MIN - 1)
    await tally.write()
    assert await read(database, clock) is None
    count(tally, CACHED=1)
    await tally.write()
    assert await read(database, clock) is not None


async def test_one_failure_in_a_million_is_never_a_hundred_percent(database: Database, clock: FixedClock) -> None:
    tally = Tally(database, clock)
    count(tally, TIMEOUT=1, CACHED=20_000)
    await tally.write()
    found = await read(database, clock)
    assert found == Availability(DAYS, 99.99, None)


async def test_what_is_longer_ago_than_a_month_is_left_out_and_after_three_it_is_gone(
    database: Database, clock: FixedClock
) -> None:
    tally = Tally(database, clock)
    count(tally, TIMEOUT=CALLS_MIN)
    await tally.write()
    clock.advance(timedelta(days=DAYS))
    count(tally, WELL=CALLS_MIN)
    await tally.write()
    assert await read(database, clock) == Availability(DAYS, 100.0, 50)
    clock.advance(KEPT)
    assert await read(database, clock) is None


async def test_what_could_not_be_written_is_written_the_next_time(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = Tally(database, clock)
    count(tally, WELL=30)

    def away() -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", away)
        with pytest.raises(DatabaseUnavailable):
            await tally.write()
    count(tally, WELL=30)
    await tally.write()
    assert await read(database, clock) == Availability(DAYS, 100.0, 50)


@given(st.lists(st.integers(0, 50), min_size=len(STEPS_SECONDS) + 1, max_size=len(STEPS_SECONDS) + 1))
def test_within_p95_lie_95_of_100_and_within_the_step_before_fewer(steps: list[int]) -> None:
    found, total = p95_of(steps), sum(steps)
    if found is None:
        assert total == 0 or sum(steps[:-1]) * 100 < total * 95
    else:
        at = STEPS_SECONDS.index(found / 1000)
        assert sum(steps[: at + 1]) * 100 >= total * 95
        assert at == 0 or sum(steps[:at]) * 100 < total * 95
