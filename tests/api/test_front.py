"""The server's protocol: what it answers by itself is what the application would have answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, cast
from uuid import uuid4

import orjson
import pytest
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.front import BYTES_MAX, FrontDoor
from api.graphql import GraphRouter
from api.rate_limits import CITIZEN, GRAPH
from core.database_faults import DatabaseUnavailable
from core.group_commit import GroupCommit
from services.apply.acceptance import repository
from tests.api.test_quick_apply import TAKEN_BACK, WHO, document, given
from tests.support.app import Served

DOCUMENT: Final = document("application { id status dueOn title } problems { code }")


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(repository, "claim", nothing)


class Line(asyncio.Transport):
    """A connection without a socket: what the server wrote, and whether it hung up."""

    def __init__(self, kind: type[HttpToolsProtocol], app: Any) -> None:
        super().__init__({"peername": ("198.51.100.7", 40_000), "sockname": ("192.0.2.1", 443)})
        config = Config(app, interface="asgi3", log_config=None, access_log=False, server_header=False)
        config.loaded = True
        config.load = lambda: None  # type: ignore[method-assign]  # it is loaded, and logging stays as it is
        config.loaded_app, config.ws_protocol_class = app, None
        config.encoded_headers = []
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"a day")]
        self.protocol = kind(config, self.state, {})
        self.written, self._is_closing, self.paused = bytearray(), False, 0
        self.protocol.connection_made(self)

    def write(self, data: Any) -> None:
        assert not self._is_closing
        self.written += data

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True

    def pause_reading(self) -> None:
        self.paused += 1

    def resume_reading(self) -> None:
        self.paused = 0

    def send(self, *pieces: bytes) -> None:
        for one in pieces:
            self.protocol.data_received(one)

    async def answers(self, count: int = 1) -> list[bytes]:
        """So many whole answers, each with its head and body."""
        await until(lambda: len(self.parted()) >= count)
        return self.parted()

    def parted(self) -> list[bytes]:
        found, rest = [], bytes(self.written)
        while (end := rest.find(b"\r\n\r\n")) >= 0:
            head = rest[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(rest) < end + 4 + length:
                break
            found.append(rest[: end + 4 + length])
            rest = rest[end + 4 + length :]
        return found


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - it is others' code that is waited for, which sets no event
            await asyncio.sleep(0.001)


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def alike(answer: bytes) -> tuple[bytes, frozenset[bytes], Any]:
    """With the headers in any order, and the body without what is of this application alone."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    read = orjson.loads(body) if body.startswith(b"{") else body
    if isinstance(read, dict) and (made := ((read.get("data") or {}).get("apply") or {}).get("application")):
        made["id"] = len(made["id"])
    return status, frozenset(headers), read


class People:
    def __init__(self, sitthi: Served, executed: list[str]) -> None:
        self.sitthi, self.executed = sitthi, executed

    async def wire(self, *more: str, key: str = "", first: str = "POST /graphql HTTP/1.1", **changed: Any) -> bytes:
        """One application; `more` are headers."""
        token = await self.sitthi.token(WHO)
        named = given(idempotencyKey=key or uuid4().hex) | changed
        body = orjson.dumps({"query": DOCUMENT, "variables": {"input": named}})
        headers = [
            first, "Host: localhost", "Content-Type: application/json", f"Authorization: Bearer {token}",
            "Accept-Language: en", f"Content-Length: {len(body)}", *more,
        ]  # fmt: skip
        return "\r\n".join([*headers, "", ""]).encode() + body

    async def take_back(self) -> None:
        listed = await self.sitthi.graph("{ viewer { applications { edges { node { id status } } } } }", persona=WHO)
        for edge in listed["viewer"]["applications"]["edges"]:
            if edge["node"]["status"] == "SUBMITTED":
                token = await self.sitthi.token(WHO)
                body = {
                    "query": TAKEN_BACK,
                    "variables": {"input": {"application": edge["node"]["id"], "idempotencyKey": uuid4().hex}},
                }
                await self.sitthi.http.post("/graphql", json=body, headers={"authorization": f"Bearer {token}"})

    async def known(self) -> None:
        """The document, the token and the limits of its citizen are known, and nothing stands in the way."""
        for _ in range(2):
            line = Line(HttpToolsProtocol, self.sitthi.app)
            line.send(await self.wire())
            await line.answers()
            await self.take_back()
        self.executed.clear()


@pytest.fixture
async def people(sitthi: Served, monkeypatch: pytest.MonkeyPatch) -> People:
    seen: list[str] = []
    run = GraphRouter.run

    async def noted(self: GraphRouter, request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(str(request.url))
        return await run(self, request, *args, **kwargs)

    monkeypatch.setattr(GraphRouter, "run", noted)
    # The application is wrapped by what the lifespan built only when it was asked once.
    await sitthi.http.get("/healthz")
    found = People(sitthi, seen)
    await found.known()
    return found


def front(people: People) -> Line:
    return Line(FrontDoor, people.sitthi.app)


@pytest.fixture
def handed_on(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests for which the application was called."""
    seen: list[Any] = []
    start = FrontDoor._start_asgi_task

    def noted(self: FrontDoor, cycle: Any, app: Any) -> None:
        seen.append(cycle)
        start(self, cycle, app)

    monkeypatch.setattr(FrontDoor, "_start_asgi_task", noted)
    return seen


async def test_a_known_application_is_answered_as_the_application_does_without_calling_it(
    people: People, handed_on: list[Any]
) -> None:
    plain, line = Line(HttpToolsProtocol, people.sitthi.app), front(people)
    plain.send(await people.wire())
    [expected] = await plain.answers()
    await people.take_back()
    line.send(await people.wire())
    [answer] = await line.answers()
    assert b'"SUBMITTED"' in answer
    assert alike(answer) == alike(expected)
    assert not handed_on
    assert line.protocol in line.state.connections
    assert line.protocol.timeout_keep_alive_task is not None


@pytest.mark.parametrize("missing", ["token", "limits", "both, and a site that was not met"])
async def test_who_is_met_for_the_first_time_is_waited_for_without_calling_it(
    people: People, handed_on: list[Any], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, line = people.sitthi.house, front(people)
    viewer = await house.identity.verifier.verify(await people.sitthi.token(WHO))
    counted = house.limiter.left(CITIZEN, viewer.person.hex)
    if missing != "limits":
        monkeypatch.setattr(house.identity.verifier, "_young", {})
        monkeypatch.setattr(house.identity.verifier, "_old", {})
    if missing != "token":
        monkeypatch.setattr(house.limiter, "take_held", lambda *_: False)
    line.send(await people.wire(*(["Origin: https://app.example"] if "site" in missing else [])))
    [answer] = await line.answers()
    assert b'"SUBMITTED"' in answer
    assert (b"access-control-allow-origin" in answer) == ("site" in missing)
    assert not handed_on
    assert not line.state.tasks
    after = house.limiter.left(CITIZEN, viewer.person.hex)
    assert counted is not None
    assert after is not None
    assert counted.left - after.left == 1


@pytest.mark.parametrize("wrong", ["Bearer no.token.this", "Bearer ", "Basic abc"])
async def test_a_token_that_is_none_is_refused_alike(people: People, wrong: str) -> None:
    wire = await people.wire()
    start = wire.index(b"Authorization: ")
    wire = wire[:start] + f"Authorization: {wrong}".encode() + wire[wire.index(b"\r\n", start) :]
    found = []
    for kind in (HttpToolsProtocol, FrontDoor):
        line = Line(kind, people.sitthi.app)
        line.send(wire)
        [answer] = await line.answers()
        found.append(alike(answer))
    assert found[0] == found[1]
    assert b" 401 " in found[1][0] or b" 403 " in found[1][0] or b"errors" in str(found[1][2]).encode()


async def test_an_address_that_asked_too_often_is_refused_alike(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter, asked = people.sitthi.house.limiter, 0
    take = limiter.take

    async def refused(*which: Any) -> int:
        nonlocal asked
        asked += 1
        return 7 if which[0][0] is GRAPH else await take(*which)

    monkeypatch.setattr(limiter, "take", refused)
    monkeypatch.setattr(limiter, "take_held", lambda *_: False)
    found = []
    for kind in (HttpToolsProtocol, FrontDoor):
        line = Line(kind, people.sitthi.app)
        line.send(await people.wire())
        [answer] = await line.answers()
        found.append(alike(answer))
    assert found[0] == found[1]
    assert b" 429 " in found[1][0]
    assert asked == 2, "each was asked about once"


async def test_it_may_come_byte_by_byte(people: People, handed_on: list[Any]) -> None:
    line, wire = front(people), await people.wire()
    line.send(*(wire[at : at + 1] for at in range(len(wire))))
    assert b'"SUBMITTED"' in (await line.answers())[0]
    assert not handed_on


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        (("Connection: close",), {}),
        (("Expect: 100-continue",), {}),
        (("Accept: text/event-stream",), {}),
        (("DPoP: x",), {}),
        (("Connection: upgrade", "Upgrade: h2c"), {}),
        ((), {"first": "POST /graphql HTTP/1.0"}),
        ((), {"first": "POST /graphql?x HTTP/1.1"}),
        ((), {"first": "POST /graphq%6C HTTP/1.1"}),
        ((), {"first": "PUT /graphql HTTP/1.1"}),
        ((), {"answers": {"x": "x" * BYTES_MAX}}),
        ((), {"answers": ["no object"]}),
        ((), {"programme": "no-such"}),
        ((), {"key": "short"}),
        ((), {"decide": "LATER"}),
        ((), {"more": 1}),
    ],
    ids=range(15),
)
async def test_whatever_comes_is_answered_alike(people: People, more: tuple[str, ...], changed: dict[str, Any]) -> None:
    found = []
    for kind in (HttpToolsProtocol, FrontDoor):
        line = Line(kind, people.sitthi.app)
        line.send(await people.wire(*more, **changed))
        answers = [alike(one) for one in await line.answers()]
        found.append((answers, line.is_closing()))
        await people.take_back()
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "wrong",
    [
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\n Authorization: Bearer x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
    ids=range(5),
)
async def test_what_is_no_http_is_refused_by_either(people: People, wrong: bytes) -> None:
    written = []
    for kind in (HttpToolsProtocol, FrontDoor):
        line = Line(kind, people.sitthi.app)
        line.send(wrong)
        written.append((bytes(line.written), line.is_closing()))
    assert written[0] == written[1]
    assert written[1][1]


async def test_requests_in_one_piece_are_answered_in_their_order(people: People, handed_on: list[Any]) -> None:
    line, key = front(people), uuid4().hex
    first, again = await people.wire(key=key), await people.wire(key=key)
    line.send(first + again + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + again)
    answers = await line.answers(4)
    assert body_of(answers[0]) == body_of(answers[1]) == body_of(answers[3])
    assert b'"SUBMITTED"' in answers[0]
    assert b"SUBMITTED" not in answers[2]
    assert len(handed_on) == 3, "what waits behind another goes the ordinary way"
    line.send(await people.wire(key=key))
    assert len(await line.answers(5)) == 5
    assert not line.paused


async def test_an_outcome_that_is_none_is_told_by_the_graph_and_counts_once(
    people: People, handed_on: list[Any]
) -> None:
    line, limiter = front(people), people.sitthi.house.limiter
    line.send(await people.wire())
    await line.answers()
    viewer = await people.sitthi.house.identity.verifier.verify(await people.sitthi.token(WHO))
    before = limiter.left(GRAPH, "198.51.100.7"), limiter.left(CITIZEN, viewer.person.hex)
    line.send(await people.wire())
    answer = (await line.answers(2))[1]
    assert b"ALREADY_APPLIED" in answer
    assert len(handed_on) == len(people.executed) == 1
    after = limiter.left(GRAPH, "198.51.100.7"), limiter.left(CITIZEN, viewer.person.hex)
    assert [None not in (one, two) and one.left - two.left for one, two in zip(before, after, strict=True)] == [1, 1]  # type: ignore[union-attr]  # both have limits


async def test_while_the_database_is_away_the_graph_says_so(
    people: People, handed_on: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> asyncio.Future[bool]:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        future.set_exception(DatabaseUnavailable())
        return future

    line = front(people)
    with monkeypatch.context() as patch:
        patch.setattr(GroupCommit, "enter", away)
        line.send(await people.wire())
        [answer] = await line.answers()
    assert len(handed_on) == 1
    assert b"SERVICE_UNAVAILABLE" in answer or b'"SUBMITTED"' in answer, "the graph asks the group once more"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Future[Any]]:
    """Outcomes that are told when the test says so."""
    seen: list[asyncio.Future[Any]] = []

    def enter(*_: Any) -> asyncio.Future[Any]:
        seen.append(asyncio.get_running_loop().create_future())
        return seen[-1]

    monkeypatch.setattr(GroupCommit, "enter", enter)
    return seen


async def test_a_server_that_ends_answers_what_it_has_taken_and_hangs_up(
    people: People, held: list[asyncio.Future[Any]]
) -> None:
    line = front(people)
    line.send(await people.wire())
    line.protocol.shutdown()
    assert not line.is_closing()
    held[0].set_result(True)
    await until(line.is_closing)
    [answer] = line.parted()
    assert b'"SUBMITTED"' in answer
    assert b"\r\nconnection: close\r\n" in answer


async def test_a_server_that_ends_waits_for_a_body_that_is_half_there(people: People) -> None:
    line, wire = front(people), await people.wire()
    line.send(wire[:-20])
    line.protocol.shutdown()
    assert not line.is_closing()
    line.send(wire[-20:])
    [answer] = await line.answers()
    assert b'"SUBMITTED"' in answer
    await until(line.is_closing)


async def test_nothing_is_written_to_who_has_gone_and_what_was_stored_counts(
    people: People, held: list[asyncio.Future[Any]], handed_on: list[Any]
) -> None:
    house = people.sitthi.house
    for outcome, more in ((True, 1), (False, 0)):
        line, taken = front(people), house.acceptance.taken
        line.send(await people.wire())
        line.protocol.connection_lost(None)
        held[-1].set_result(outcome)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (bytes(line.written), house.acceptance.taken - taken) == (b"", more)
    assert not handed_on


async def test_what_goes_wrong_here_is_said_by_the_graph(
    people: People, held: list[asyncio.Future[Any]], handed_on: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    line = front(people)
    line.send(await people.wire())
    held[0].set_exception(RuntimeError("made up"))
    await until(lambda: len(handed_on) == 1)
    cast("Any", handed_on[0]).disconnected = True
    line.protocol.connection_lost(None)


async def test_who_does_not_read_is_answered_by_the_ordinary_way(people: People, handed_on: list[Any]) -> None:
    line = front(people)
    line.protocol.pause_writing()
    line.send(await people.wire())
    assert len(handed_on) == 1
    line.protocol.resume_writing()
    assert b'"SUBMITTED"' in (await line.answers())[0]


async def test_many_lines_at_once_with_few_keys_store_each_once(people: People) -> None:
    keys = [uuid4().hex for _ in range(3)]
    lines = [front(people) for _ in range(12)]
    for number, line in enumerate(lines):
        line.send(await people.wire(key=keys[number % 3]))
    answers = [(await line.answers())[0] for line in lines]
    taken = [body_of(one) for one in answers if b'"SUBMITTED"' in one]
    assert len(taken) == 4, "one of the keys, as often as it was sent"
    assert len(set(taken)) == 1
    assert sum(b"ALREADY_APPLIED" in one for one in answers) == 8
