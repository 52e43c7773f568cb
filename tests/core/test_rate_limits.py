"""Limits: on both sides of each, over several processes, and while Redis is away."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from asyncio import FIRST_COMPLETED
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoConnection
from structlog.testing import capture_logs

from core import questions, rate_limits
from core.cache import open_redis
from core.clock import FixedClock
from core.crypto import KeyRing
from core.questions import LANES
from core.rate_limits import AWAY_SECONDS, Limit, RateLimited, RateLimiter
from tests.conftest import NOW
from tests.support.valkey import Valkey

KEYS = KeyRing("k1", {"k1": bytes(32)}, b"i" * 32)
FIVE = Limit("five", 5, 60)
LEASED = Limit("leased", 100, 60, lease=10)
SECOND = timedelta(seconds=1)
ROOT = Path(__file__).parents[2]


class Away(Redis):
    """A Redis that does not answer while `away`, and counts what it is asked."""

    def __init__(self, behind: Redis) -> None:
        self.behind, self.away, self.asked = behind, False, 0

    def pipeline(self, *args: object, **options: object) -> object:  # type: ignore[override]
        self.asked += 1
        if self.away:
            raise NoConnection
        return self.behind.pipeline(transaction=False)


@pytest.fixture
def counted(redis: Redis) -> Away:
    return Away(redis)


def patient(url: str) -> Redis:
    """A client that waits however busy the machine is: what it counts is the matter here, not how soon."""
    return Redis.from_url(url)


def limiter(redis: Redis, clock: FixedClock, scale: float = 1.0) -> RateLimiter:
    return RateLimiter(redis, clock, KEYS, scale)


async def taken(of: RateLimiter, limit: Limit, times: int, key: str = "somebody") -> int:
    """How many of so many were allowed."""
    return sum([await of.take((limit, key)) == 0 for _ in range(times)])


async def test_as_many_as_the_limit_says_are_allowed_and_not_one_more(redis: Redis, clock: FixedClock) -> None:
    of = limiter(redis, clock)
    assert [await of.take((FIVE, "a")) for _ in range(5)] == [0] * 5
    assert await of.take((FIVE, "a")) > 0
    with pytest.raises(RateLimited) as refused:
        await of.check((FIVE, "a"))
    assert refused.value.retry_after > 0
    assert str(refused.value.retry_after) in str(refused.value)


async def test_keys_and_limits_are_counted_apart(redis: Redis, clock: FixedClock) -> None:
    of = limiter(redis, clock)
    assert await taken(of, FIVE, 6, "a") == 5
    assert await taken(of, FIVE, 6, "b") == 5
    assert await taken(of, Limit("other", 5, 60), 6, "a") == 5


async def test_one_is_allowed_again_when_the_time_told_is_over_and_no_sooner(redis: Redis, clock: FixedClock) -> None:
    of = limiter(redis, clock)
    assert await taken(of, FIVE, 5) == 5
    seconds = await of.take((FIVE, "somebody"))
    assert seconds == 72, "the window of a minute began now, and a fifth of the next has to pass"
    clock.advance(timedelta(seconds=seconds - 1))
    assert await of.take((FIVE, "somebody")) == 1
    clock.advance(SECOND)
    assert await taken(of, FIVE, 2) == 1


async def test_the_end_of_a_window_is_no_moment_to_have_twice_as_much(redis: Redis, clock: FixedClock) -> None:
    of = limiter(redis, clock)
    clock.advance(timedelta(seconds=59))
    assert await taken(of, FIVE, 6) == 5
    clock.advance(SECOND)
    assert await taken(of, FIVE, 6) == 0
    clock.advance(timedelta(seconds=30))
    assert await taken(of, FIVE, 6) == 2, "half of the window before lies within the last minute"


async def test_two_windows_later_all_is_forgotten(redis: Redis, clock: FixedClock) -> None:
    of = limiter(redis, clock)
    assert await taken(of, FIVE, 6) == 5
    clock.advance(timedelta(seconds=120))
    assert await taken(of, FIVE, 6) == 5


async def test_where_one_limit_refuses_none_has_counted(redis: Redis, clock: FixedClock) -> None:
    of, one = limiter(redis, clock), Limit("one", 1, 60)
    assert await of.take((FIVE, "a"), (one, "b")) == 0
    for _ in range(9):
        assert await of.take((FIVE, "a"), (one, "b")) > 0
    assert await taken(of, FIVE, 9, "a") == 4


async def test_what_is_given_back_was_not_taken(redis: Redis, clock: FixedClock) -> None:
    first, second = limiter(redis, clock), limiter(redis, clock)
    assert await taken(first, FIVE, 6) == 5
    await first.give_back(FIVE, "somebody", first.now())
    assert await taken(second, FIVE, 2) == 1
    await second.give_back(FIVE, "somebody", second.now())
    assert await taken(second, FIVE, 2) == 1


async def test_a_lease_asks_redis_once_for_many_and_a_refusal_not_at_all(counted: Away, clock: FixedClock) -> None:
    of = limiter(counted, clock)
    assert await taken(of, LEASED, 10) == 10
    assert counted.asked == 1
    assert await taken(of, LEASED, 91) == 90
    asked = counted.asked
    assert await taken(of, LEASED, 1_000) == 0
    assert counted.asked == asked


async def test_a_lease_larger_than_what_is_left_gives_exactly_what_is_left(redis: Redis, clock: FixedClock) -> None:
    of = limiter(redis, clock)
    assert await taken(of, Limit("odd", 25, 60, lease=10), 40) == 25


async def test_a_crowd_at_one_moment_does_not_lease_away_what_it_could_have_had(
    redis: Redis, clock: FixedClock
) -> None:
    of = limiter(redis, clock)
    answers = await asyncio.gather(*(of.take((LEASED, "a")) for _ in range(60)))
    assert answers == [0] * 60
    assert await taken(of, LEASED, 60, "a") == 40


@pytest.mark.parametrize("limit", [FIVE, LEASED], ids=["exact", "leased"])
async def test_processes_that_ask_at_once_never_exceed_a_limit(
    redis: Redis, redis_url: str | None, clock: FixedClock, limit: Limit
) -> None:
    """Each with a connection of its own; on the stand-in they share the one there is."""
    clients = [redis if redis_url is None else patient(redis_url) for _ in range(4)]
    processes = [limiter(client, clock) for client in clients]
    answers = await asyncio.gather(*(one.take((limit, "a")) for _ in range(limit.count) for one in processes))
    allowed = answers.count(0)
    assert limit.count - limit.lease * len(processes) < allowed <= limit.count
    for client in clients:
        if client is not redis:
            await client.aclose()


ANOTHER_PROCESS = """
import asyncio, sys
from core.clock import FixedClock
from tests.core.test_rate_limits import KEYS, NOW, Limit, RateLimiter, patient, taken

async def main():
    of = RateLimiter(patient(sys.argv[1]), FixedClock(NOW), KEYS)
    await of.take((Limit("warm", 1, 60), "up"))
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(await asyncio.gather(*(taken(of, Limit("shared", 60, 60), 10) for _ in range(10)))))

asyncio.run(main())
"""


@pytest.mark.valkey_only
def test_two_processes_that_share_a_cache_share_each_limit(redis_url: str) -> None:
    command = [sys.executable, "-c", ANOTHER_PROCESS, redis_url]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    allowed = [int(process.communicate()[0]) for process in processes]
    assert sum(allowed) == 60


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.booleans()), min_size=1, max_size=60),
    lease=st.integers(1, 4),
)
def test_no_window_ever_holds_more_than_the_limit(steps: list[tuple[int, int, bool]], lease: int) -> None:
    """Whichever process asks when, and whatever is given back: counted by windows of the clock."""

    async def play() -> None:
        clock, redis = FixedClock(NOW), open_redis(None)
        limit = Limit("any", 7, 60, lease)
        processes = [limiter(redis, clock) for _ in range(3)]
        allowed: dict[int, int] = {}
        for process, seconds, gives_back in steps:
            clock.advance(timedelta(seconds=seconds))
            at = clock.now().timestamp()
            if await processes[process].take((limit, "a")) == 0:
                allowed[int(at // 60)] = allowed.get(int(at // 60), 0) + 1
                if gives_back:
                    await processes[process].give_back(limit, "a", at)
                    allowed[int(at // 60)] -= 1
        assert all(count <= limit.count for count in allowed.values())
        await redis.aclose()

    asyncio.run(play())


@given(used=st.integers(0, 30), before=st.integers(0, 30), elapsed=st.floats(0, 59.99), count=st.integers(1, 20))
def test_whoever_waits_as_long_as_told_finds_room(used: int, before: int, elapsed: float, count: int) -> None:
    limit, now = Limit("any", count, 60), 6_000 + elapsed
    room, seconds = rate_limits._room(limit, used=used, before=before, now=now)
    assert (room >= 1) is (seconds == 0)
    if room < 1:
        later = now + math.ceil(seconds)
        windows = int(later // 60) - 100
        counts = {0: (used, before), 1: (0, used)}.get(windows, (0, 0))
        assert rate_limits._room(limit, used=counts[0], before=counts[1], now=later)[0] >= 1


async def test_the_scale_multiplies_what_is_traffic_and_leaves_what_is_guessing(
    redis: Redis, clock: FixedClock
) -> None:
    guesses = Limit("guesses", 5, 60, scaled=False)
    more, none = limiter(redis, clock, scale=2.0), limiter(redis, clock, scale=0.0)
    assert await taken(more, FIVE, 20, "a") == 10
    assert await taken(more, guesses, 20, "a") == 5
    assert await taken(none, FIVE, 20, "b") == 20
    assert await taken(none, guesses, 20, "b") == 5
    assert await taken(limiter(redis, clock, scale=0.001), FIVE, 3, "c") == 1, "a limit is never nothing at all"


async def test_a_larger_scale_costs_what_the_plain_one_costs(counted: Away, clock: FixedClock) -> None:
    of = limiter(counted, clock, scale=1_000)
    assert await taken(of, LEASED, 50) == 50
    assert counted.asked == 5


async def test_the_cache_holds_no_address_and_ends_each_counter(redis: Redis, clock: FixedClock) -> None:
    await limiter(redis, clock).take((FIVE, "192.0.2.1"))
    names = await redis.keys("*")
    assert len(names) == 1
    assert b"192" not in names[0]
    assert 60 <= await redis.ttl(names[0]) <= 120


async def test_while_redis_is_away_a_process_counts_alone_and_says_so_once(counted: Away, clock: FixedClock) -> None:
    of, counted.away = limiter(counted, clock), True
    with capture_logs() as logs:
        assert await taken(of, FIVE, 20) == 5
        assert await taken(of, FIVE, 6, "b") == 5
    assert [line["event"] for line in logs] == ["rate_limits_alone"]
    assert REGISTRY.get_sample_value("sitthi_rate_limits_alone") == 1
    assert counted.asked == 1, "nobody waits for a Redis that has just not answered"


async def test_alone_the_windows_slide_as_well(counted: Away, clock: FixedClock) -> None:
    of, counted.away = limiter(counted, clock), True
    assert await taken(of, FIVE, 6) == 5
    clock.advance(timedelta(seconds=90))
    assert await taken(of, FIVE, 6) == 2
    await of.give_back(FIVE, "somebody", of.now())
    assert await taken(of, FIVE, 6) == 1


async def test_when_redis_answers_again_it_is_asked_again(counted: Away, clock: FixedClock) -> None:
    of, counted.away = limiter(counted, clock), True
    assert await taken(of, FIVE, 1) == 1
    counted.away = False
    clock.advance(timedelta(seconds=AWAY_SECONDS) - timedelta(milliseconds=1))
    await of.take((FIVE, "b"))
    assert counted.asked == 1
    clock.advance(timedelta(milliseconds=1))
    with capture_logs() as logs:
        assert await taken(of, FIVE, 6, "c") == 5
    assert [line["event"] for line in logs] == ["rate_limits_shared_again"]
    assert REGISTRY.get_sample_value("sitthi_rate_limits_alone") == 0
    assert counted.asked > 1


async def test_what_is_remembered_has_an_end(counted: Away, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "KEYS_MAX", 10)
    of, counted.away = limiter(counted, clock), True
    for number in range(50):
        assert await of.take((FIVE, str(number))) == 0
    assert len(of._held._states) == len(of._counts._states) == 10


async def test_a_refusal_is_counted_for_monitoring(redis: Redis, clock: FixedClock) -> None:
    def refused() -> float:
        return REGISTRY.get_sample_value("sitthi_rate_limited_total", {"limit": "five"}) or 0.0

    of, before = limiter(redis, clock), refused()
    await taken(of, FIVE, 8)
    assert refused() - before == 3


async def test_a_redis_too_slow_for_the_crowd_before_it_holds_nobody_up(
    redis: Redis, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer comes in time, but those who wait for a turn are many."""
    monkeypatch.setattr(questions, "TURN_SECONDS_MAX", 0.05)
    never, begun, answered = asyncio.Event(), asyncio.Semaphore(0), 0

    class Slow(Away):
        def pipeline(self, *_: object, **__: object) -> object:  # type: ignore[override]
            pipeline = redis.pipeline(transaction=False)
            execute = pipeline.execute

            async def slowly() -> object:
                nonlocal answered
                begun.release()
                await never.wait()
                answered += 1
                return await execute()

            pipeline.execute = slowly  # type: ignore[method-assign, assignment]
            return pipeline

    of = limiter(Slow(redis), clock)
    crowd = []
    for number in range(4 * LANES):
        crowd.append(asyncio.create_task(of.take((FIVE, str(number)))))
        if number < LANES:
            await begun.acquire()  # under way, before the next comes
    done: set[asyncio.Task[int]] = set()
    while len(done) < 3 * LANES:
        more, _ = await asyncio.wait([one for one in crowd if one not in done], timeout=5, return_when=FIRST_COMPLETED)
        assert more, "somebody is held up"
        done |= more
    assert ([task.result() for task in done], answered) == ([0] * 3 * LANES, 0)
    monkeypatch.setattr(questions, "TURN_SECONDS_MAX", 3_600)
    assert await asyncio.wait_for(of.take((FIVE, "next")), 5) == 0, "once known, nobody waits for a turn"
    never.set()
    assert await asyncio.gather(*crowd) == [0] * 4 * LANES


@pytest.fixture
def server() -> Iterator[Valkey]:
    """One of our own, because it is stopped."""
    with Valkey.running() as server:
        yield server


async def test_a_redis_that_is_stopped_under_way_opens_no_door_and_shuts_none(
    server: Valkey, clock: FixedClock
) -> None:
    client = open_redis(server.url)
    of = limiter(client, clock)
    assert await taken(of, FIVE, 3) == 3
    server.stop()
    assert await taken(of, FIVE, 20) == 5, "alone, a process begins to count anew"
    await client.aclose()


async def test_a_caller_is_told_what_is_left(redis: Redis, clock: FixedClock) -> None:
    one = limiter(redis, clock)
    assert one.left(LEASED, "key") == rate_limits.Left(100, 100, 60)
    for used in range(1, 101):
        await one.check((LEASED, "key"))
        told = one.left(LEASED, "key")
        assert told is not None
        assert told.left == 100 - used
    assert await one.take((LEASED, "key")) > 0
    assert one.left(LEASED, "key") == rate_limits.Left(100, 0, 60)
    clock.advance(59 * SECOND)
    assert one.left(LEASED, "key") == rate_limits.Left(100, 0, 1)


async def test_what_another_process_took_is_told_with_the_next_lease(redis: Redis, clock: FixedClock) -> None:
    one, other = limiter(redis, clock), limiter(redis, clock)
    for _ in range(50):
        await other.check((LEASED, "key"))
    await one.check((LEASED, "key"))
    assert one.left(LEASED, "key") == rate_limits.Left(100, 49, 60)


async def test_alone_a_process_tells_what_is_left_by_its_own_count(counted: Away, clock: FixedClock) -> None:
    counted.away = True
    one = limiter(counted, clock)
    for used in range(1, 6):
        await one.check((FIVE, "key"))
        assert one.left(FIVE, "key") == rate_limits.Left(5, 5 - used, 60)


async def test_of_a_limit_that_is_off_nothing_is_told(redis: Redis, clock: FixedClock) -> None:
    assert limiter(redis, clock, scale=0).left(FIVE, "key") is None


async def test_a_crowd_asks_together_and_each_is_answered_for_itself(counted: Away, clock: FixedClock) -> None:
    of = limiter(counted, clock)
    answers = await asyncio.gather(*(of.take((FIVE, str(number % 15))) for number in range(100)))
    refused = [number for number, seconds in enumerate(answers) if seconds]
    assert len(refused) == 100 - 15 * FIVE.count
    assert all(sum(number % 15 == who for number in refused) in (1, 2) for who in range(15)), "each has its own five"
    assert counted.asked <= 2 * LANES, "not a round trip each"


async def test_who_is_cancelled_takes_nobody_else_along(counted: Away, clock: FixedClock) -> None:
    of = limiter(counted, clock)
    crowd = [asyncio.create_task(of.take((FIVE, str(number)))) for number in range(6)]
    await asyncio.sleep(0)
    crowd[0].cancel()
    assert await asyncio.gather(*crowd[1:]) == [0] * 5


async def test_who_asks_in_the_moment_in_which_the_lanes_have_ended_waits_for_nobody_else(
    redis: Redis, clock: FixedClock
) -> None:
    gate, begun = asyncio.Event(), asyncio.Semaphore(0)

    class Slow(Away):
        def pipeline(self, *_: object, **__: object) -> object:  # type: ignore[override]
            pipeline = redis.pipeline(transaction=False)

            async def slowly() -> object:
                begun.release()
                await gate.wait()
                return [True, 1, None]

            pipeline.execute = slowly  # type: ignore[method-assign, assignment]
            return pipeline

    of = limiter(Slow(redis), clock)

    async def late() -> int:
        await gate.wait()  # goes on after the lanes do, in the same turn of the loop
        return await of.take((FIVE, "late"))

    crowd = []
    for number in range(LANES):
        crowd.append(asyncio.create_task(of.take((FIVE, str(number)))))
        await begun.acquire()
    crowd.append(asyncio.create_task(late()))
    await asyncio.sleep(0)
    with capture_logs() as logs:
        gate.set()
        assert await asyncio.gather(*crowd) == [0] * (LANES + 1)
    assert logs == [], "nobody gave up"
