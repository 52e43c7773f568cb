from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import orjson
import pytest
import stamina

from services.plugins.contract import AgencyRefusal
from services.plugins.runner import Credentials, HttpAgencyClient, MalformedReply, Trouble
from services.plugins.runner.errors import LeftAlone, trouble_of
from services.plugins.runner.replies import ATTEMPTS, WAIT_FIRST_SECONDS, WAIT_SECONDS_MAX
from services.plugins.runner.tokens import PAUSE_SECONDS, TOKEN_IDLE_SECONDS, TokenRefused

PID = "0000000000001"
JSON = {"content-type": "application/json"}
Reply = httpx2.Response | Exception


class Agency:
    """An agency whose replies the test sets, one after another; the last one stays."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [httpx2.Response(200, json={"ok": True})]
        self.requests: list[httpx2.Request] = []
        self.tokens = 0
        self.living: set[str] = set()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/base/oauth/token":
            await asyncio.sleep(0)
            self.tokens += 1
            self.living.add(f"token-{self.tokens}")
            return httpx2.Response(200, json={"access_token": f"token-{self.tokens}"})
        self.requests.append(request)
        if request.headers["authorization"].removeprefix("Bearer ") not in self.living:
            return httpx2.Response(401, json={"code": "TOKEN_INVALID"})
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


class Stand:
    def __init__(self, agency: Agency, http: httpx2.AsyncClient) -> None:
        self.agency, self.seconds = agency, 0.0
        self.client = HttpAgencyClient(
            http,
            "http://agency.test/base/",
            Credentials("key", "secret"),
            answer_bytes_max=1_000,
            seconds=lambda: self.seconds,
        )

    async def ask(self) -> Any:
        return await self.client.ask("/person", {"pid": PID}, on_behalf_of="officer-7")


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    agency = Agency()
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
            yield Stand(agency, http)


async def test_the_national_id_is_in_the_body_and_never_in_the_url(stand: Stand) -> None:
    assert await stand.ask() == {"ok": True}
    (request,) = stand.agency.requests
    assert request.method == "POST"
    assert str(request.url) == "http://agency.test/base/person"
    assert orjson.loads(request.content) == {"pid": PID}
    assert PID not in str(request.headers)


@pytest.mark.parametrize(
    "path",
    [
        *("@other.test/x", ".other.test/x", ":8443/x", "x", "", "/../x", "/x/..", "/./x", "/%2e%2E/x", "/.%2e?a"),
        *("/..?a", "/x#y", "/x\\..\\y", "/x y", "/x\r\ny", "\\@other.test/x"),
    ],
)
async def test_what_is_not_below_the_agencys_address_is_asked_nowhere(path: str) -> None:
    """`https://agency.test` and `.other.test/x` would be another host, which then holds the token."""
    asked: list[str] = []

    async def agency(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json={"access_token": "token"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
        client = HttpAgencyClient(http, "https://agency.test", Credentials("key", "secret"))
        with pytest.raises(ValueError, match="below the agency's address"):
            await client.ask(path, {}, on_behalf_of="officer-7")
        with pytest.raises(ValueError, match="below the agency's address"):
            await client.send(path, {}, on_behalf_of="officer-7", key="abcdefgh")
        assert asked == []
        for good in ("/x", "/x/y.json", "/x/..y/...", "/ทะเบียน", "/x?of=/..", "/"):
            await client.ask(good, {}, on_behalf_of="officer-7")


async def test_a_small_reply_cannot_grow_large_on_arrival(stand: Stand) -> None:
    """A compressed body is bounded by what is sent, not by what it says; so none is asked for and none is unpacked."""
    packed = gzip.compress(b'{"ok": "' + b"x" * 900 + b'"}')
    stand.agency.replies = [httpx2.Response(200, content=packed, headers={"content-encoding": "gzip"})]
    with pytest.raises(MalformedReply):
        await stand.ask()
    assert stand.agency.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_an_agency_sends_us_nowhere_else(stand: Stand, status: int) -> None:
    stand.agency.replies = [httpx2.Response(status, headers={"location": "http://169.254.169.254/latest"})]
    with pytest.raises(MalformedReply):
        await stand.ask()
    assert [str(request.url) for request in stand.agency.requests] == ["http://agency.test/base/person"]


async def test_every_request_says_in_whose_name_it_asks(stand: Stand) -> None:
    await stand.ask()
    assert stand.agency.requests[0].headers["agentid"] == "officer-7"


async def test_the_secret_is_not_printed() -> None:
    assert "hush" not in repr(Credentials("key", "hush"))


async def test_one_token_serves_many_callers(stand: Stand) -> None:
    await asyncio.gather(*(stand.ask() for _ in range(10)))
    await stand.ask()
    assert stand.agency.tokens == 1


@pytest.mark.parametrize(("idle", "tokens"), [(TOKEN_IDLE_SECONDS, 1), (TOKEN_IDLE_SECONDS + 1, 2)])
async def test_a_token_is_used_while_it_is_alive(stand: Stand, idle: float, tokens: int) -> None:
    await stand.ask()
    stand.seconds += idle
    await stand.ask()
    assert stand.agency.tokens == tokens


async def test_each_use_prolongs_the_token(stand: Stand) -> None:
    for _ in range(5):
        await stand.ask()
        stand.seconds += TOKEN_IDLE_SECONDS - 1
    assert stand.agency.tokens == 1


async def test_a_token_that_the_agency_forgot_is_bought_anew_once(stand: Stand) -> None:
    await stand.ask()
    stand.agency.living.clear()
    assert await stand.ask() == {"ok": True}
    assert stand.agency.tokens == 2


async def test_an_agency_that_refuses_every_token_is_asked_twice_and_no_more(stand: Stand) -> None:
    stand.agency.replies = [httpx2.Response(401, json={"code": "TOKEN_INVALID"})]
    with pytest.raises(AgencyRefusal) as caught:
        await stand.ask()
    assert caught.value.status == 401
    assert len(stand.agency.requests) == 2


async def test_a_loop_of_refused_tokens_buys_one_in_a_while_and_other_operations_go_on(stand: Stand) -> None:
    """Each request bought one: an agency that is broken for a moment was asked for a token by every citizen."""
    refused = httpx2.Response(401, json={"code": "TOKEN_INVALID"})
    stand.agency.replies = [refused]
    for _ in range(3):
        outcomes = await asyncio.gather(*(stand.ask() for _ in range(5)), return_exceptions=True)
        assert {getattr(one, "status", None) for one in outcomes} == {401}
    assert stand.agency.tokens == 2
    stand.agency.replies = [httpx2.Response(200, json={"ok": True})]
    assert await stand.client.ask("/another", {}, on_behalf_of="officer-7") == {"ok": True}
    assert stand.agency.tokens == 2, "the token is kept for those who can use it"
    stand.agency.replies = [refused]
    for seconds, tokens in ((PAUSE_SECONDS - 0.01, 2), (PAUSE_SECONDS, 3), (PAUSE_SECONDS + 1, 3)):
        stand.seconds = seconds
        with pytest.raises(AgencyRefusal):
            await stand.ask()
        assert stand.agency.tokens == tokens


async def test_while_no_token_is_bought_whoever_has_none_is_refused_at_once(stand: Stand) -> None:
    stand.agency.replies = [httpx2.Response(401, json={})]
    with pytest.raises(AgencyRefusal):
        await stand.ask()
    stand.client._tokens._bought = None
    asked = len(stand.agency.requests)
    with pytest.raises(LeftAlone) as held:
        await stand.ask()
    assert (held.value.retry_after_seconds, stand.agency.tokens) == (PAUSE_SECONDS, 2)
    assert len(stand.agency.requests) == asked


@pytest.mark.parametrize(("said", "held_seconds"), [("20", 20), ("86400", PAUSE_SECONDS)])
async def test_a_token_endpoint_that_is_down_says_for_all_when_to_come_back(said: str, held_seconds: float) -> None:
    tried, seconds = 0, 0.0

    async def agency(_: httpx2.Request) -> httpx2.Response:
        nonlocal tried
        tried += 1
        return httpx2.Response(503, headers={"retry-after": said})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
        way = Credentials("key", "secret")
        client = HttpAgencyClient(http, "http://agency.test", way, seconds=lambda: seconds)
        with pytest.raises(MalformedReply):
            await client.ask("/person", {}, on_behalf_of="officer-7")
        seconds = held_seconds - 0.01
        with pytest.raises(LeftAlone):
            await client.send("/another", {}, on_behalf_of="officer-7", key="abcdefgh")
        assert tried == 1
        seconds = held_seconds
        with pytest.raises(MalformedReply):
            await client.ask("/person", {}, on_behalf_of="officer-7")
        assert tried == 2


async def test_a_token_that_is_sold_more_slowly_than_anybody_waits_is_bought_once_all_the_same() -> None:
    sold, may_sell = 0, asyncio.Event()

    async def agency(request: httpx2.Request) -> httpx2.Response:
        nonlocal sold
        if request.url.path == "/oauth/token":
            sold += 1
            await may_sell.wait()
            return httpx2.Response(200, json={"access_token": "token"})
        return httpx2.Response(200, json={"ok": True})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
        client = HttpAgencyClient(http, "http://agency.test", Credentials("key", "secret"))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.ask("/person", {}, on_behalf_of="officer-7")
        may_sell.set()
        assert await client.ask("/person", {}, on_behalf_of="officer-7") == {"ok": True}
        assert sold == 1, "who gives up leaves the purchase to the others"


async def test_a_purchase_that_nobody_waits_for_any_more_fails_in_silence() -> None:
    may_fail = asyncio.Event()

    async def agency(_: httpx2.Request) -> httpx2.Response:
        await may_fail.wait()
        raise httpx2.ConnectError("broken")

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
        client = HttpAgencyClient(http, "http://agency.test", Credentials("key", "secret"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.sign_in()
        [buying] = [one for one in asyncio.all_tasks() if one.get_name() == "purchase of a token"]
        may_fail.set()
        await asyncio.wait([buying])
        with pytest.raises(httpx2.ConnectError):
            await client.sign_in()


@pytest.mark.parametrize("status", [401, 429])
async def test_of_many_who_wait_for_a_token_that_is_refused_one_has_asked(status: int) -> None:
    """An agency locks out whoever tries a wrong secret again and again."""
    tried = 0

    async def agency(_: httpx2.Request) -> httpx2.Response:
        nonlocal tried
        tried += 1
        await asyncio.sleep(0)
        return httpx2.Response(status, json={}, headers={"retry-after": "7"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
        seconds = 0.0
        way = Credentials("key", "secret")
        client = HttpAgencyClient(http, "http://agency.test", way, seconds=lambda: seconds)

        async def ask() -> Any:
            return await client.ask("/person", {}, on_behalf_of="officer-7")

        outcomes = await asyncio.gather(*(ask() for _ in range(20)), return_exceptions=True)
        told = {(type(one), one.status, one.answered, one.retry_after_seconds) for one in outcomes}  # type: ignore[union-attr]  # all are refusals
        assert (tried, told) == (1, {(TokenRefused, status, status, 7)})
        seconds = 6.99
        with pytest.raises(LeftAlone) as held:
            await client.ask("/another", {}, on_behalf_of="officer-7")
        assert (tried, trouble_of(held.value)) == (1, Trouble.PAUSED), "it said when to come back, for whatever it is"
        assert held.value.retry_after_seconds == pytest.approx(0.01)
        seconds = 7.0
        with pytest.raises(TokenRefused):
            await ask()
        assert tried == 2, "whoever comes later asks anew"


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError, httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ConnectTimeout]
)
async def test_a_read_is_repeated_when_the_connection_broke(stand: Stand, error: Callable[[str], Exception]) -> None:
    stand.agency.replies = [error("broken"), httpx2.Response(200, json=[1])]
    assert await stand.ask() == [1]


async def test_a_connection_that_stays_broken_is_given_up(stand: Stand) -> None:
    stand.agency.replies = [httpx2.ConnectError("broken")]
    with pytest.raises(httpx2.ConnectError):
        await stand.ask()
    assert len(stand.agency.requests) == ATTEMPTS


async def test_an_effect_is_never_repeated(stand: Stand) -> None:
    stand.agency.replies = [httpx2.ReadError("broken"), httpx2.Response(200, json=[1])]
    with pytest.raises(httpx2.ReadError):
        await stand.client.send("/submit", {}, on_behalf_of="officer-7", key="abcdefgh")
    assert len(stand.agency.requests) == 1
    assert stand.agency.requests[0].headers["idempotency-key"] == "abcdefgh"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, b'{"code": "PERSON_NOT_FOUND"}', "PERSON_NOT_FOUND"),
        (403, b"<html>", None),
        (400, b"[]", None),
        (422, b'{"code": 1}', None),
    ],
)
async def test_a_refusal_has_the_agencys_code(stand: Stand, status: int, body: bytes, code: str | None) -> None:
    stand.agency.replies = [httpx2.Response(status, content=body)]
    with pytest.raises(AgencyRefusal) as caught:
        await stand.ask()
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(stand.agency.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        httpx2.Response(500, json={"ok": True}),
        httpx2.Response(503, content=b""),
        httpx2.Response(302, headers={"location": "http://169.254.169.254/"}),
        httpx2.Response(200, content=b""),
        httpx2.Response(200, content=b'{"a": '),
        httpx2.Response(200, content=b'{"a": NaN}'),
        httpx2.Response(200, content=b"\xff\xfe{}"),
        httpx2.Response(200, content=b"[" * 900),
        httpx2.Response(200, content=b'"' + b"x" * 999 + b'"'),
    ],
)
async def test_a_reply_that_cannot_be_used_is_malformed(stand: Stand, reply: httpx2.Response) -> None:
    stand.agency.replies = [reply]
    with pytest.raises(MalformedReply) as caught:
        await stand.ask()
    assert str(caught.value) == ""
    assert len(stand.agency.requests) == 1


async def test_a_reply_just_of_the_largest_size_is_taken(stand: Stand) -> None:
    stand.agency.replies = [httpx2.Response(200, content=b'"' + b"x" * 998 + b'"', headers=JSON)]
    assert len(await stand.ask()) == 998


@pytest.mark.parametrize("token", [{}, [], {"access_token": 1}, {"access_token": "a\r\nb"}])
async def test_a_token_that_is_none_is_malformed(token: Any) -> None:
    async def agency(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=token)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
        client = HttpAgencyClient(http, "http://agency.test", Credentials("key", "secret"))
        with pytest.raises(MalformedReply):
            await client.ask("/person", {}, on_behalf_of="officer-7")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/html"},
        {"content-type": "text/json"},
        {"content-type": "application/json; charset=tis-620"},
        {"content-type": "application/jsonp"},
        {"content-type": ""},
        {},
    ],
)
async def test_what_does_not_say_that_it_is_json_is_none(stand: Stand, headers: dict[str, str]) -> None:
    stand.agency.replies = [httpx2.Response(200, content=b"{}", headers=headers)]
    with pytest.raises(MalformedReply) as caught:
        await stand.ask()
    assert caught.value.why is Trouble.UNREADABLE


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/problem+json; charset="utf-8"']
)
async def test_json_by_any_of_its_names_is_taken(stand: Stand, kind: str) -> None:
    stand.agency.replies = [httpx2.Response(200, content=b"{}", headers={"content-type": kind})]
    assert await stand.ask() == {}


@pytest.mark.parametrize(("said", "seconds"), [("30", 30), (" 0 ", 0), (None, None), ("-1", None), ("1.5", None)])
@pytest.mark.parametrize("status", [429, 503])
async def test_when_to_come_back_is_heard(stand: Stand, status: int, said: str | None, seconds: int | None) -> None:
    headers = {} if said is None else {"retry-after": said}
    stand.agency.replies = [httpx2.Response(status, headers=headers, json={"code": "X"})]
    with pytest.raises((AgencyRefusal, MalformedReply)) as caught:
        await stand.ask()
    told = caught.value
    assert isinstance(told, AgencyRefusal | MalformedReply)
    assert told.retry_after_seconds == seconds
    assert len(stand.agency.requests) == 1, "it is not asked again at once"


async def test_a_reply_that_announces_too_much_is_not_even_read(stand: Stand) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(2_000):
            read += 1
            yield b"x"

    stand.agency.replies = [httpx2.Response(200, content=body(), headers=JSON | {"content-length": "2000"})]
    with pytest.raises(MalformedReply) as caught:
        await stand.ask()
    assert (caught.value.why, read) == (Trouble.TOO_LARGE, 0)


async def test_a_reply_that_never_ends_is_left_at_the_limit(stand: Stand) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 100

    stand.agency.replies = [httpx2.Response(200, content=body(), headers=JSON)]
    with pytest.raises(MalformedReply) as caught:
        await stand.ask()
    assert (caught.value.why, read) == (Trouble.TOO_LARGE, 11)


async def test_between_attempts_there_is_a_pause_with_chance_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("broken")

    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(broken)) as http:
        client = HttpAgencyClient(http, "http://agency.test", Credentials("key", "secret"))
        monkeypatch.setattr(asyncio, "sleep", sleep)
        for _ in range(5):
            with pytest.raises(httpx2.ConnectError):
                await client.ask("/person", {}, on_behalf_of="officer-7")
    assert len(pauses) == 5 * (ATTEMPTS - 1)
    assert all(WAIT_FIRST_SECONDS <= pause <= WAIT_SECONDS_MAX for pause in pauses)
    assert len(set(pauses)) > 1
