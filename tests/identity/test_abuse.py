"""Failed attempts: counted by device and address, and against nobody whom a stranger could name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import Request, Response

from api.commands.walk import walk
from api.house import HTTP_TIMEOUT_SECONDS
from core.addresses import ADDRESS
from core.cache import open_redis
from core.clock import FixedClock
from core.crypto import KeyRing
from core.errors import ServiceUnavailable
from core.rate_limits import RateLimited, RateLimiter
from core.settings import Settings
from identity.abuse import COUNTER_CODES, SIGN_IN_RETURNS, Devices, Failures
from identity.abuse.failures import SLOW_SECONDS, WAITING_MAX, failure_limits
from identity.counter.codes import ALPHABET, LENGTH
from identity.upstream.thaid import ThaID
from identity.web import Cookies
from tests.identity.conftest import House, query_of

KEYS = KeyRing("k1", {"k1": bytes(32)}, b"i" * 32)
NAT = "198.51.100.9"
ALICE, BOB = UUID(int=1), UUID(int=2)
FEW = failure_limits("few", by_device=3, by_address=5, overall=12)


class Tried:
    """Attempts as they come; `slept` is how long each that was slowed had to wait."""

    def __init__(self, clock: FixedClock, limiter: RateLimiter) -> None:
        self.devices = Devices(Cookies(Settings()), KEYS, clock)
        self.slept: list[float] = []
        self.go_on, self.all_wait = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.failures = Failures(FEW, limiter, self.devices, self._pause)

    def cookie(self, person: UUID) -> str:
        response = Response()
        self.devices.remember(response, person)
        return response.headers["set-cookie"].partition(";")[0]

    async def fails(self, address: str = NAT, cookie: str = "", times: int = 1) -> int:
        """How many of so many failing attempts were let through to the secret."""
        through = 0
        for _ in range(times):
            with suppress(RateLimited):
                await self.failures.admit(asked_from(address, cookie))
                through += 1
        return through

    async def is_right(self, address: str = NAT, cookie: str = "") -> None:
        await self.failures.succeeded(await self.failures.admit(asked_from(address, cookie)))

    async def _pause(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == WAITING_MAX:
            self.all_wait.set()
        await self.go_on.wait()


def asked_from(address: str, cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request({"type": "http", "headers": headers, ADDRESS: address})


@pytest.fixture
async def tried(clock: FixedClock) -> AsyncIterator[Tried]:
    redis = open_redis(None)
    yield Tried(clock, RateLimiter(redis, clock, KEYS, scale=0))
    await redis.aclose()


async def test_as_many_failures_as_an_address_may_have_and_not_one_more(tried: Tried) -> None:
    """Whatever SITTHI_RATE_LIMIT_SCALE says: it is 0 here."""
    assert await tried.fails(times=9) == 5
    assert await tried.fails("198.51.100.10") == 1


async def test_what_succeeds_is_never_counted(tried: Tried) -> None:
    for _ in range(30):
        await tried.is_right()
    assert await tried.fails(times=9) == 5


async def test_parallel_guesses_are_counted_each(tried: Tried) -> None:
    assert sum(await asyncio.gather(*(tried.fails() for _ in range(40)))) == 5


async def test_after_the_time_told_one_may_try_again(tried: Tried, clock: FixedClock) -> None:
    await tried.fails(times=5)
    with pytest.raises(RateLimited) as refused:
        await tried.failures.admit(asked_from(NAT))
    clock.advance(timedelta(seconds=refused.value.retry_after - 1))
    assert await tried.fails() == 0
    clock.advance(timedelta(seconds=1))
    assert await tried.fails() == 1


async def test_strangers_behind_the_same_nat_do_not_lock_out_a_device_that_is_known(tried: Tried) -> None:
    await tried.fails(times=9)
    await tried.is_right(cookie=tried.cookie(ALICE))
    assert await tried.fails(cookie=tried.cookie(ALICE), times=9) == 3
    await tried.is_right(cookie=tried.cookie(BOB))


async def test_a_known_device_that_has_failed_too_often_is_a_stranger_and_no_less(tried: Tried) -> None:
    """So whoever stole a cookie and burned it has not shut its owner out."""
    assert await tried.fails("203.0.113.1", tried.cookie(ALICE), times=9) == 3 + 5
    await tried.is_right("203.0.113.2", tried.cookie(ALICE))


async def test_signing_in_again_earns_no_new_attempts(tried: Tried, clock: FixedClock) -> None:
    await tried.fails(times=9)
    assert await tried.fails(cookie=tried.cookie(ALICE), times=9) == 3
    clock.advance(timedelta(seconds=1))
    assert await tried.fails(cookie=tried.cookie(ALICE), times=9) == 0


@pytest.mark.parametrize(
    "forged", ["", "x", "a.b", "a.1.b", "é.1.é", "0" * 32 + ".99999999999." + "0" * 64, "a" * 5_000]
)
async def test_a_made_up_cookie_is_no_known_device(tried: Tried, forged: str) -> None:
    assert tried.devices.known(asked_from(NAT, f"sitthi_device={forged}")) is None


async def test_a_cookie_is_good_for_half_a_year_and_tells_nobody_who_it_was(tried: Tried, clock: FixedClock) -> None:
    cookie = tried.cookie(ALICE)
    known = tried.devices.known(asked_from(NAT, cookie))
    assert known is not None
    assert ALICE.hex not in cookie
    assert tried.devices.known(asked_from(NAT, tried.cookie(BOB))) != known
    clock.advance(timedelta(days=180) - timedelta(seconds=1))
    assert tried.devices.known(asked_from(NAT, cookie)) == known
    clock.advance(timedelta(seconds=1))
    assert tried.devices.known(asked_from(NAT, cookie)) is None


async def test_a_changed_cookie_is_no_known_device(tried: Tried) -> None:
    who, until, mac = tried.cookie(ALICE).partition("=")[2].split(".")
    other_mac = mac[:-1] + ("0" if mac[-1] != "0" else "1")
    for changed in (
        f"{who}.{int(until) + 1}.{mac}",
        f"{'0' * 32}.{until}.{mac}",
        f"{who}.{until}.{other_mac}",
        f".{mac}",
    ):
        assert tried.devices.known(asked_from(NAT, f"sitthi_device={changed}")) is None


async def test_failures_everywhere_slow_strangers_and_lock_out_nobody(tried: Tried) -> None:
    for number in range(4):
        assert await tried.fails(f"203.0.113.{number}", times=3) == 3
    assert tried.slept == []
    assert await tried.fails("203.0.113.100") == 1
    assert tried.slept == [SLOW_SECONDS]
    await tried.is_right("203.0.113.101", tried.cookie(ALICE))
    assert tried.slept == [SLOW_SECONDS], "a device that is known does not wait"
    await tried.is_right("203.0.113.102")
    assert len(tried.slept) == 2


async def test_waiting_has_an_end_of_room_and_then_costs_nobody_an_attempt(tried: Tried) -> None:
    for number in range(4):
        await tried.fails(f"203.0.113.{number}", times=3)
    tried.go_on.clear()
    waiting = [asyncio.create_task(tried.fails(f"192.0.2.{number}")) for number in range(WAITING_MAX)]
    await tried.all_wait.wait()
    for _ in range(9):
        with pytest.raises(RateLimited) as refused:
            await tried.failures.admit(asked_from(NAT))
        assert refused.value.retry_after == SLOW_SECONDS
    tried.go_on.set()
    assert await asyncio.gather(*waiting) == [1] * WAITING_MAX
    assert await tried.fails(times=9) == 5


def test_a_code_of_the_counter_allows_the_slips_of_an_office_and_no_search() -> None:
    assert COUNTER_CODES.by_device.count <= COUNTER_CODES.by_address.count <= 50
    codes, good_at_once = len(ALPHABET) ** LENGTH, 1_000
    ten_minutes_a_year = 365 * 24 * 6
    assert COUNTER_CODES.overall is not None
    assert codes / good_at_once / (COUNTER_CODES.overall.count * ten_minutes_a_year) > 10_000, "years"
    assert not any(one.scaled for one in (COUNTER_CODES.by_device, COUNTER_CODES.by_address, COUNTER_CODES.overall))


async def test_a_nation_that_comes_back_from_a_slow_thaid_at_once_waits_for_nobody(
    tried: Tried, clock: FixedClock
) -> None:
    """What is under way counts as failed, and the failures of others keep none of them."""
    behind_one_address = round(1_200 / 60 * HTTP_TIMEOUT_SECONDS)
    redis = open_redis(None)
    limiter = RateLimiter(redis, clock, KEYS)
    returns = Failures(SIGN_IN_RETURNS, limiter, tried.devices, tried._pause)
    tickets = [
        await returns.admit(asked_from(f"198.51.{number}.9")) for number in range(10) for _ in range(behind_one_address)
    ]
    assert len(tickets) == 10 * behind_one_address
    assert tried.slept == []
    assert SIGN_IN_RETURNS.by_address.count >= 2 * behind_one_address
    await redis.aclose()


async def come_back(house: House, code: str) -> tuple[int, str]:
    """A sign-in that is begun by its forms and comes back with another code than ThaID's."""
    async with house.browser() as browser:
        form = await browser.get("/signin")
        csrf = form.text.partition('name="csrf" value="')[2].partition('"')[0]
        begun = await browser.post("/signin", data={"csrf": csrf, "return": "/"})
        state = query_of(begun.headers["location"])["state"]
        answer = await browser.get("/signin/return", params={"code": code, "state": state})
        return answer.status_code, answer.text


@pytest.mark.sqlite_only
async def test_coming_back_with_made_up_codes_ends_and_says_when_to_try_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("identity.routes.SIGN_IN_RETURNS", FEW)
    house.app.router.routes[:] = [*house.identity.router().routes, *house.app.router.routes]
    answers = [await come_back(house, f"made-up-{number}") for number in range(6)]
    assert [status for status, _ in answers] == [400] * 5 + [429]
    assert "RATE_LIMITED" in answers[-1][1]
    assert "access_token" not in str(answers)


@pytest.mark.sqlite_only
async def test_when_thaid_is_away_nobody_has_failed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity.routes.SIGN_IN_RETURNS", FEW)
    house.app.router.routes[:] = [*house.identity.router().routes, *house.app.router.routes]

    async def away(*_: object) -> None:
        raise ServiceUnavailable("ThaID")

    with monkeypatch.context() as outage:
        outage.setattr(ThaID, "redeem", away)
        assert [status for status, _ in [await come_back(house, "x") for _ in range(9)]] == [503] * 9
    assert [status for status, _ in [await come_back(house, "x") for _ in range(6)]] == [400] * 5 + [429]


async def test_whoever_signs_in_is_remembered_as_a_device(house: House) -> None:
    async with house.browser() as browser:
        await walk(browser, house.flow(), "elder")
        cookie = f"sitthi_device={browser.cookies['sitthi_device']}"
        assert house.identity.devices.known(asked_from(NAT, cookie)) is not None
