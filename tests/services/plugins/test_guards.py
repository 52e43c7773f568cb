"""Breaker and lane: the table of states, what a crowd does, and what does not count."""

from __future__ import annotations

import asyncio

import pytest

from services.plugins.runner.guards import Breaker, BreakerState, Lane, LaneClosed, LaneFull, LaneLimits
from tests.services.exchange.fakes import until

LIMITS = LaneLimits(places=2, waiting=1, failures_max=3, open_seconds=10, hold_seconds_max=60)


class Stand:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.breaker = Breaker(LIMITS, lambda: self.seconds)

    def state(self) -> BreakerState:
        return self.breaker.state

    def fail(self, times: int) -> None:
        for _ in range(times):
            self.breaker.failed(probe=self.breaker.enter())


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_the_states_follow_one_another(stand: Stand) -> None:
    assert stand.state() is BreakerState.CLOSED
    stand.fail(2)
    assert stand.state() is BreakerState.CLOSED
    stand.fail(1)
    assert stand.state() is BreakerState.OPEN
    stand.seconds = 9.99
    assert stand.state() is BreakerState.OPEN
    stand.seconds = 10
    assert stand.state() is BreakerState.HALF_OPEN
    assert stand.breaker.enter() is True
    assert stand.breaker.is_open, "one probe, no more"
    with pytest.raises(LaneClosed):
        stand.breaker.enter()
    stand.breaker.succeeded(probe=True)
    assert stand.state() is BreakerState.CLOSED
    assert stand.breaker.failures == 0


def test_a_probe_that_fails_opens_it_for_as_long_again(stand: Stand) -> None:
    stand.fail(3)
    stand.seconds = 10
    stand.fail(1)
    stand.seconds = 19.99
    assert stand.state() is BreakerState.OPEN
    stand.seconds = 20
    assert stand.state() is BreakerState.HALF_OPEN


def test_a_probe_that_nobody_waits_for_leaves_room_for_the_next(stand: Stand) -> None:
    stand.fail(3)
    stand.seconds = 10
    stand.breaker.left(probe=stand.breaker.enter())
    assert stand.breaker.enter() is True


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "left"])
def test_what_was_under_way_when_it_opened_says_nothing_new(stand: Stand, outcome: str) -> None:
    late = stand.breaker.enter()
    stand.fail(3)
    stand.seconds = 5
    getattr(stand.breaker, outcome)(probe=late)
    assert stand.state() is BreakerState.OPEN
    stand.seconds = 10
    assert stand.breaker.enter() is True
    getattr(stand.breaker, outcome)(probe=late)
    assert stand.breaker.is_open, "the probe alone decides, and is still under way"


@pytest.mark.parametrize(("asked", "until_seconds"), [(30, 30), (60, 60), (3600, 60)])
def test_an_agency_that_asks_for_rest_gets_it_within_bounds(stand: Stand, asked: float, until_seconds: float) -> None:
    stand.breaker.hold(asked)
    stand.seconds = until_seconds - 0.01
    assert stand.state() is BreakerState.OPEN
    stand.seconds = until_seconds
    assert stand.state() is BreakerState.HALF_OPEN


def test_a_shorter_rest_does_not_end_a_longer_one(stand: Stand) -> None:
    stand.breaker.hold(30)
    stand.breaker.hold(1)
    stand.seconds = 29
    assert stand.state() is BreakerState.OPEN


async def test_beyond_places_and_queue_a_call_is_refused_at_once_and_those_inside_go_on() -> None:
    lane, go = Lane(LIMITS), asyncio.Event()

    async def call() -> str:
        async with lane.enter(30):
            await go.wait()
        return "answered"

    inside = [asyncio.create_task(call()) for _ in range(3)]
    await until(lambda: (lane.running, lane.waiting) == (2, 1))
    with pytest.raises(LaneFull):
        await call()
    go.set()
    assert await asyncio.gather(*inside) == ["answered"] * 3
    assert (lane.running, lane.waiting) == (0, 0)


async def test_whoever_gives_up_waiting_leaves_their_place_in_the_queue() -> None:
    lane, go = Lane(LIMITS), asyncio.Event()

    async def call() -> None:
        async with lane.enter(30):
            await go.wait()

    inside = [asyncio.create_task(call()) for _ in range(3)]
    await until(lambda: (lane.running, lane.waiting) == (2, 1))
    inside[2].cancel()
    with pytest.raises(asyncio.CancelledError):
        await inside[2]
    assert (lane.running, lane.waiting) == (2, 0)
    inside[0].cancel()
    await until(lambda: lane.running == 1)
    go.set()
    await inside[1]
    assert (lane.running, lane.waiting, lane.breaker.failures) == (0, 0, 0)
