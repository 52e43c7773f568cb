"""The door: who is counted, how a refusal looks to whoever asks, and that nobody is refused for another's doing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx2
import pytest
from pydantic import ValidationError
from redis.exceptions import RedisError

from api import rate_limits
from api.rate_limits import BY_PATH, CLIENT, GRAPH, GRAPH_ANONYMOUS, OTHER, PUBLIC_CLIENT, SOCKETS, CallerLimits
from core.clock import FixedClock
from core.rate_limits import Limit, RateLimited, RateLimiter
from core.settings import Environment, Settings
from core.viewer import Acting, Viewer
from tests.api.test_production import production
from tests.conftest import run_directory
from tests.core.test_rate_limits import KEYS
from tests.identity.provider.key_holders import KeyHolder, register
from tests.support.app import Served, served
from tests.support.population import furnish
from tests.support.server import ROOT

__all__ = ["production"]
STRANGER: Final = "198.51.100.9"
ID: Final = "{ viewer { id } }"
Opened: TypeAlias = Callable[..., Any]


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, settings: Settings, database_url: str, clock: FixedClock
) -> Callable[..., Any]:
    """The application with limits that a test can reach: a thousandth of each, at least one."""
    furnish(run_directory(request.config), settings.data, clock.today())

    @asynccontextmanager
    async def open_with(**changes: Any) -> AsyncIterator[Served]:
        changed = settings.model_copy(update={"rate_limit_scale": 0.001, **changes})
        async with served(changed, clock) as app:
            yield app

    return open_with


def browser(app: Served, address: str = STRANGER, **headers: str) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app.app, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url=app.house.settings.issuer, headers=headers)


def count_of(app: Served, limit: Limit) -> int:
    return app.house.limiter._scaled(limit).count


async def use_up(http: httpx2.AsyncClient, path: str, limit: int, method: str = "GET", **more: Any) -> httpx2.Response:
    """Asks as often as is allowed, none of them refused, and answers the next."""
    for number in range(limit):
        answer = await http.request(method, path, **more)
        assert answer.status_code != 429, f"refused at {number + 1} of {limit}"
    return await http.request(method, path, **more)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/signin", "GET"),
        ("/signin/return", "GET"),
        ("/signin/passkey/options", "POST"),
        ("/signin/passkeys", "GET"),
        ("/signin/counter", "POST"),
        ("/signout", "GET"),
        ("/oauth/authorize", "GET"),
        ("/oauth/authorize/confirm", "POST"),
        ("/oauth/token", "POST"),
        ("/oauth/par", "POST"),
        ("/oauth/revoke", "POST"),
        ("/oauth/introspect", "POST"),
        ("/oauth/userinfo", "GET"),
        ("/oauth/jwks", "GET"),
        ("/graphql", "POST"),
        ("/verify/r/x", "GET"),
        ("/issuers/mhesi/token", "POST"),
        ("/issuers/mhesi/status/1", "GET"),
        ("/nowhere", "GET"),
        ("/metrics", "GET"),
    ],
)
async def test_every_path_has_a_limit_by_address_which_others_do_not_feel(
    opened: Opened, path: str, method: str
) -> None:
    async with opened() as app, browser(app) as stranger, browser(app, "198.51.100.10") as other:
        limit = rate_limits.limit_of({"type": "http", "path": path, "headers": []})
        assert limit is not None
        refused = await use_up(stranger, path, count_of(app, limit), method)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["cache-control"] == "no-store"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert (await other.request(method, path)).status_code != 429


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/sandbox/thaid/.well-known/openid-configuration"])
async def test_a_balancer_and_the_stand_ins_are_not_counted(opened: Opened, path: str) -> None:
    async with opened() as app, browser(app) as http:
        assert {(await http.get(path)).status_code for _ in range(40)} == {200}


@pytest.mark.sqlite_only
async def test_whoever_waits_as_long_as_told_is_let_in_and_a_second_sooner_not(
    opened: Opened, clock: FixedClock
) -> None:
    async with opened() as app, browser(app) as http:
        refused = await use_up(http, "/signin", count_of(app, rate_limits.SIGN_IN))
        seconds = int(refused.headers["retry-after"])
        clock.advance(timedelta(seconds=seconds - 1))
        assert (await http.get("/signin")).status_code == 429
        clock.advance(timedelta(seconds=1))
        assert (await http.get("/signin")).status_code == 200


@pytest.mark.sqlite_only
async def test_a_person_is_refused_with_a_page_and_a_program_with_our_error(opened: Opened) -> None:
    async with opened() as app, browser(app) as http:
        for path, limit in (("/signin", rate_limits.SIGN_IN), ("/verify/r/x", rate_limits.VERIFY)):
            html = await use_up(http, path, count_of(app, limit), headers={"accept": "text/html,*/*"})
            assert html.headers["content-type"] == "text/html; charset=utf-8"
            assert f"กรุณารอ {html.headers['retry-after']} วินาที" in html.text
            assert f"Please try again in {html.headers['retry-after']} seconds" in html.text
            assert "<code>RATE_LIMITED</code>" in html.text
            assert "SECONDS" not in html.text
            assert "frame-ancestors 'none'" in html.headers["content-security-policy"]
            assert "set-cookie" not in html.headers
            for language, words in (("th", "กรุณารอ"), ("en", "Please try again")):
                [error] = (await http.get(path, headers={"accept-language": language})).json()["errors"]
                assert error["extensions"] == {"code": "RATE_LIMITED"}
                assert words in error["message"]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "path",
    [
        *("/oauth/token", "/oauth/par", "/oauth/revoke", "/oauth/introspect"),
        *("/issuers/mhesi/token", "/issuers/mhesi/nonce", "/issuers/mhesi/credential"),
    ],
)
async def test_a_client_is_refused_in_the_form_of_oauth(opened: Opened, path: str) -> None:
    """RFC 6749 §5.2 for the form, RFC 9126 §2.3 and RFC 6585 §4 for the status."""
    async with opened() as app, browser(app, accept="text/html") as http:
        limit = rate_limits.limit_of({"type": "http", "path": path, "headers": []})
        assert limit is not None
        refused = await use_up(http, path, count_of(app, limit), "POST", data={"grant_type": "x"})
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
        assert refused.headers["content-type"] == "application/json"
        assert (refused.headers["cache-control"], refused.headers["pragma"]) == ("no-store", "no-cache")


@pytest.mark.sqlite_only
async def test_the_authorization_endpoint_refuses_without_sending_anybody_anywhere(opened: Opened) -> None:
    async with opened() as app, browser(app, accept="text/html") as http:
        refused = await use_up(http, "/oauth/authorize?redirect_uri=https://evil.example", 6)
        assert (refused.status_code, "location" in refused.headers) == (429, False)
        assert "evil.example" not in refused.text


@pytest.mark.sqlite_only
async def test_a_refused_request_is_not_read_and_asks_redis_nothing(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app, browser(app) as http:
        await use_up(http, "/oauth/token", count_of(app, rate_limits.TOKENS), "POST")

        async def never(*_: Any) -> None:
            raise AssertionError("asked")

        monkeypatch.setattr(app.house.limiter, "_ask", never)

        async def body() -> AsyncIterator[bytes]:
            yield b"grant_type="
            raise AssertionError("read")

        assert (await http.post("/oauth/token", content=body())).status_code == 429


@pytest.mark.sqlite_only
async def test_a_header_of_a_stranger_makes_no_new_caller(opened: Opened) -> None:
    async with opened() as app, browser(app) as http:
        await use_up(http, "/signin", count_of(app, rate_limits.SIGN_IN))
        for name, value in (("x-forwarded-for", "203.0.113.5"), ("forwarded", "for=203.0.113.5")):
            assert (await http.get("/signin", headers={name: value})).status_code == 429


@pytest.mark.sqlite_only
async def test_behind_a_trusted_proxy_each_caller_is_counted_alone(opened: Opened) -> None:
    async with opened(trusted_proxies="10.0.0.0/8") as app, browser(app, "10.1.2.3") as proxy:
        seen = {"x-forwarded-for": "192.0.2.1, 203.0.113.5"}
        refused = await use_up(proxy, "/signin", count_of(app, rate_limits.SIGN_IN), headers=seen)
        assert refused.status_code == 429
        for forged in ("203.0.113.77, 203.0.113.5", "203.0.113.5"):
            assert (await proxy.get("/signin", headers={"x-forwarded-for": forged})).status_code == 429
        assert (await proxy.get("/signin", headers={"x-forwarded-for": "203.0.113.6"})).status_code == 200


@pytest.mark.sqlite_only
async def test_a_household_with_ipv6_is_one_caller_and_its_neighbour_another(opened: Opened) -> None:
    async with opened() as app, browser(app, "2001:db8:1:2::1") as one, browser(app, "2001:db8:1:2::2") as another:
        await use_up(one, "/signin", count_of(app, rate_limits.SIGN_IN))
        assert (await another.get("/signin")).status_code == 429
        async with browser(app, "2001:db8:1:3::1") as neighbour:
            assert (await neighbour.get("/signin")).status_code == 200


async def test_a_citizen_is_counted_over_all_addresses_and_not_with_others_at_the_same(
    opened: Opened, clock: FixedClock
) -> None:
    async with opened(rate_limit_scale=0.005) as app:
        elder, graduate = await app.token("elder"), await app.token("graduate")
        for number in range(3):
            async with browser(app, f"198.51.100.{number}") as http:
                asked = await http.post("/graphql", json={"query": ID}, headers={"authorization": f"Bearer {elder}"})
                assert asked.json()["data"]["viewer"]["id"]
        async with browser(app) as http:
            refused = await http.post("/graphql", json={"query": ID}, headers={"authorization": f"Bearer {elder}"})
            assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
            seconds = int(refused.headers["retry-after"])
            other = await http.post("/graphql", json={"query": ID}, headers={"authorization": f"Bearer {graduate}"})
            assert other.json()["data"]["viewer"]["id"]
            clock.advance(timedelta(seconds=seconds))
            again = await http.post("/graphql", json={"query": ID}, headers={"authorization": f"Bearer {elder}"})
            assert again.json()["data"]["viewer"]["id"]


@pytest.mark.sqlite_only
async def test_nobody_can_use_up_the_limit_of_a_citizen_whose_token_they_do_not_have(opened: Opened) -> None:
    async with opened(rate_limit_scale=0.005) as app:
        elder = await app.token("elder")
        head, claims, _ = elder.split(".")
        forged = f"{head}.{claims}.{'A' * 86}"
        async with browser(app) as stranger:
            for _ in range(30):
                answer = await stranger.post(
                    "/graphql", json={"query": ID}, headers={"authorization": f"Bearer {forged}"}
                )
                assert answer.status_code == 401
        async with browser(app, "198.51.100.10") as http:
            for _ in range(3):
                mine = await http.post("/graphql", json={"query": ID}, headers={"authorization": f"Bearer {elder}"})
                assert mine.json()["data"]["viewer"]["id"]


@pytest.mark.sqlite_only
async def test_whoever_is_not_signed_in_meets_the_lower_limit_of_the_graph_and_does_not_lower_the_other(
    opened: Opened,
) -> None:
    async with opened() as app:
        token = await app.token("elder")
        async with browser(app) as http:
            count = count_of(app, GRAPH_ANONYMOUS)
            refused = await use_up(http, "/graphql", count, "POST", json={"query": ID}, headers={"authorization": ""})
            assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
            mine = await http.post("/graphql", json={"query": ID}, headers={"authorization": f"Bearer {token}"})
            assert mine.json()["data"]["viewer"]["id"]


@pytest.mark.sqlite_only
async def test_a_second_header_is_no_token(opened: Opened) -> None:
    async with opened() as app, browser(app) as http:
        twice, count = [("authorization", ""), ("authorization", "Bearer made-up")], count_of(app, GRAPH_ANONYMOUS)
        refused = await use_up(http, "/graphql", count, "POST", json={"query": ID}, headers=twice)
        assert refused.status_code == 429


async def test_who_acts_for_somebody_uses_up_their_own_limit(clock: FixedClock, redis: Any) -> None:
    limits = CallerLimits(RateLimiter(redis, clock, KEYS, scale=0.005))
    elder = Viewer(UUID(int=1), "app", frozenset(), "ial2.3", clock.now())
    carer = replace(elder, acting=Acting(UUID(int=2), UUID(int=3), frozenset()))
    for _ in range(3):
        await limits.citizen(carer)
    with pytest.raises(RateLimited):
        await limits.citizen(carer)
    with pytest.raises(RateLimited):
        await limits.citizen(replace(elder, person=UUID(int=2)))
    await limits.citizen(elder)


async def test_a_client_that_proved_itself_is_counted_alone_and_a_public_one_with_the_address(
    clock: FixedClock, redis: Any
) -> None:
    limits = CallerLimits(RateLimiter(redis, clock, KEYS, scale=0.001))
    for _ in range(PUBLIC_CLIENT.count // 1_000):
        await limits.client("app", STRANGER, authenticated=False)
    with pytest.raises(RateLimited):
        await limits.client("app", STRANGER, authenticated=False)
    await limits.client("app", "198.51.100.10", authenticated=False)
    for _ in range(CLIENT.count // 1_000):  # what strangers sent in the client's name has used up nothing of its own
        await limits.client("app", STRANGER, authenticated=True)
    with pytest.raises(RateLimited):
        await limits.client("app", "198.51.100.10", authenticated=True)
    await limits.client("other", STRANGER, authenticated=True)


@pytest.mark.sqlite_only
async def test_a_public_client_is_refused_at_one_address_and_served_at_the_next(opened: Opened) -> None:
    async with opened() as app, browser(app) as http, browser(app, "198.51.100.10") as other:
        asked = {"grant_type": "authorization_code", "client_id": "demo-app", "code": "x"}
        for _ in range(count_of(app, PUBLIC_CLIENT)):
            assert (await http.post("/oauth/token", data=asked)).status_code == 400
        refused = await http.post("/oauth/token", data=asked)
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["cache-control"] == "no-store"
        assert (await http.post("/oauth/token", data={**asked, "client_id": "sitthi-cli"})).status_code == 400
        assert (await other.post("/oauth/token", data=asked)).status_code == 400


@pytest.mark.sqlite_only
async def test_nobody_can_use_up_the_limit_of_a_client_whose_key_they_do_not_have(
    opened: Opened, clock: FixedClock
) -> None:
    async with opened() as app:
        key, forger = KeyHolder.make(), KeyHolder.make()
        await register(app.house.db, clock, jwks=key.registered)
        issuer = app.house.settings.issuer

        async def ask(holder: KeyHolder, number: int) -> httpx2.Response:
            async with browser(app, f"198.51.100.{number}") as http:
                fields = {"token": "x", **holder.assertion(clock, "bank", issuer)}
                return await http.post("/oauth/introspect", data=fields)

        for number in range(20):
            assert (await ask(forger, number)).status_code == 401
        for number in range(count_of(app, CLIENT)):
            answer = await ask(key, number)
            assert (answer.status_code, answer.json()) == (200, {"active": False})
        refused = await ask(key, 99)
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
        assert int(refused.headers["retry-after"]) > 0


@pytest.mark.sqlite_only
async def test_while_redis_is_away_the_door_is_neither_open_nor_shut(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app, browser(app) as http:

        def away(*_: Any, **__: Any) -> None:
            raise RedisError

        monkeypatch.setattr(app.house.redis, "pipeline", away)
        assert (await use_up(http, "/signin", count_of(app, rate_limits.SIGN_IN))).status_code == 429
        async with browser(app, "198.51.100.10") as other:
            assert (await other.get("/signin")).status_code == 200


def test_every_limit_by_address_lets_the_people_behind_one_address_of_a_carrier_through() -> None:
    sign_ins = 1_200
    needed = {"sign-in": 3, "authorize": 2, "tokens": 1, "pushed-requests": 1, "passkeys": 2}
    for _, limit in BY_PATH:
        assert limit.count / limit.seconds * 60 >= sign_ins * needed.get(limit.name, 0)
        assert limit.lease <= max(1, limit.count // 100), "what workers hold back is a hundredth each, at most"
    assert min(GRAPH.count, GRAPH_ANONYMOUS.count, SOCKETS.count, OTHER.count) >= 3 * 4_000


def test_the_page_for_operators_has_the_table_as_it_is() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    told = dict(re.findall(r"^\| `([a-z-]+)` \| ([0-9,]+) \|", page, re.MULTILINE))
    assert told == {limit.name: f"{limit.count:,}" for limit in rate_limits.ALL if limit.seconds == 60}
    assert all(limit.seconds == 60 for limit in rate_limits.ALL)


def test_no_two_limits_share_a_name() -> None:
    names = [limit.name for limit in set(rate_limits.ALL)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("scale", "ok"), [(0.01, True), (100, True), (0.009, False), (101, False), (0, False)])
@pytest.mark.sqlite_only
def test_production_cannot_be_without_limits(production: Settings, *, scale: float, ok: bool) -> None:
    given = {**production.model_dump(), "rate_limit_scale": scale}
    if ok:
        assert Settings(**given).limit_scale == scale
    else:
        with pytest.raises(ValidationError, match="SITTHI_RATE_LIMIT_SCALE"):
            Settings(**given)


@pytest.mark.sqlite_only
def test_where_nothing_is_set_production_has_the_table_and_development_a_thousand_times_it(
    production: Settings, settings: Settings
) -> None:
    assert (production.environment, production.limit_scale) == (Environment.PRODUCTION, 1)
    assert settings.limit_scale == 1_000
