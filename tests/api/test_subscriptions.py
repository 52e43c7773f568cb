"""`changes` over a WebSocket and over server-sent events, from a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx2
import jwt
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.commands.walk import sign_in
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.ids import GlobalId, new_id
from core.settings import Settings
from core.text import Text
from identity.inbox.models import ChangeKind
from identity.inbox.service import Inbox
from identity.inbox.templates import MessageTemplate
from identity.passkeys.relying_party import Enrolled
from identity.passkeys.service import Passkeys
from identity.provider.endings import Endings, EndReason
from identity.provider.models import SignInSession, TokenFamily
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects
from tests.conftest import run_directory
from tests.identity.provider.key_holders import KeyHolder
from tests.support.databases import Databases, Kind
from tests.support.population import furnish
from tests.support.server import Process, running
from tests.support.valkey import Valkey

CHANGES: Final = "subscription { changes { kind id at cursor } }"
PATIENCE_SECONDS: Final = 15
WORD: Final = MessageTemplate("test.word", Text(th="ข่าว", en="News"), Text(th="มีข่าว", en="There is news"))


class Server:
    """A server process, and the same database as another process has it."""

    def __init__(self, process: Process, settings: Settings) -> None:
        self.process, self.settings = process, settings

    async def token(self, persona: str) -> str:
        return str((await sign_in(self.settings, persona))["access_token"])

    async def expiring(self, token: str, seconds: float) -> str:
        """The same token, ending so soon; signed with the server's own key."""
        database, clock = Database(self.settings.sqlalchemy_url), SystemClock()
        claims = jwt.decode(token, options={"verify_signature": False})
        ends = clock.now() + timedelta(seconds=seconds)
        signer = await SigningKeys(database, load_keys(self.settings), clock).signer()
        await database.close()
        return signer.sign({**claims, "exp": int(ends.timestamp())}, typ="at+jwt")

    async def tell(self, token: str) -> str:
        """Writes a message to the token's person, as a command beside the server does; answers its global id."""
        claims = jwt.decode(token, options={"verify_signature": False})
        person = Subjects(load_keys(self.settings)).person(claims["sub"], claims["client_id"])
        database, inbox = Database(self.settings.sqlalchemy_url), Inbox(SystemClock())
        async with database.write() as session:
            key = await inbox.send(session, person, WORD)
        await database.close()
        return str(GlobalId("Message", key))

    async def graph(self, token: str, query: str, variables: Any = None) -> Any:
        async with httpx2.AsyncClient(trust_env=False) as http:
            body = {"query": query, "variables": variables}
            answer = await http.post(
                f"{self.process.url}/graphql", json=body, headers={"authorization": f"Bearer {token}"}
            )
        return answer.json()["data"]

    @asynccontextmanager
    async def socket(self, token: str | None = None, **headers: str) -> AsyncIterator[ClientConnection]:
        """An acknowledged connection, with the token as a WebSocket client sends it."""
        async with self.bare(**headers) as socket:
            payload = {} if token is None else {"authorization": f"Bearer {token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert await heard(socket) == {"type": "connection_ack"}
            yield socket

    def bare(self, **headers: str) -> connect:
        address = f"ws://localhost:{self.process.port}/graphql"
        return connect(address, subprotocols=["graphql-transport-ws"], additional_headers=headers, proxy=None)  # type: ignore[list-item]

    async def events(self, token: str | None, query: str = CHANGES) -> AsyncGenerator[tuple[str, Any]]:
        """(event, data) of an event stream, until the server ends it."""
        headers = {"accept": "text/event-stream", **({"authorization": f"Bearer {token}"} if token else {})}
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http,
            http.stream("POST", f"{self.process.url}/graphql", json={"query": query}, headers=headers) as answer,
        ):
            event = ""
            async for line in answer.aiter_lines():
                if line.startswith("event:"):
                    event = line.partition(":")[2].strip()
                elif line.startswith("data:"):
                    said = line.partition(":")[2].strip()
                    yield event, json.loads(said) if said else None
                elif not line and event == "complete":
                    return


async def heard(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS))


async def asked(socket: ClientConnection, query: str, name: str = "1") -> None:
    await socket.send(json.dumps({"type": "subscribe", "id": name, "payload": {"query": query}}))


async def answered(socket: ClientConnection, query: str, name: str) -> Any:
    await asked(socket, query, name)
    answer = await heard(socket)
    if answer["type"] == "next":
        assert (await heard(socket))["type"] == "complete"
    return answer


def codes(payload: Any) -> list[str]:
    errors = payload if isinstance(payload, list) else payload.get("errors", [])
    assert "Traceback" not in json.dumps(payload)
    return [error["extensions"]["code"] for error in errors]


@pytest.fixture(scope="module", params=[Kind.SQLITE, Kind.POSTGRESQL])
def server(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One with the cache in its process, and one with Valkey beside it."""
    folder = tmp_path_factory.mktemp("subscriptions")
    data = folder / "data"
    furnish(run_directory(request.config), data, SystemClock().today())
    with ExitStack() as stack:
        url = stack.enter_context(databases.clone(request.param, folder))
        settings: dict[str, Any] = {"SITTHI_DATABASE_URL": url}
        if request.param is Kind.POSTGRESQL:
            settings["SITTHI_REDIS_URL"] = stack.enter_context(Valkey.running()).url
        process = stack.enter_context(running(data, **settings))
        given: dict[str, Any] = {"data": Path(data), "database_url": url, "port": process.port}
        yield Server(process, Settings(**given))


async def test_a_socket_hears_of_what_its_citizen_does_elsewhere(server: Server) -> None:
    token = await server.token("elder")
    async with server.socket(token) as socket:
        await asked(socket, CHANGES)
        await asyncio.sleep(1)  # what is asked for begins with the next look; the protocol has no word for that
        given = {"input": {"programme": "old-age-allowance", "idempotencyKey": new_id().hex}}
        query = "mutation($input: ApplyInput!) { apply(input: $input) { application { id } problems { code } } }"
        application = (await server.graph(token, query, given))["apply"]["application"]["id"]
        told = [await heard(socket), await heard(socket)]
    changes = [one["payload"]["data"]["changes"] for one in told]
    assert {change["kind"] for change in changes} == {ChangeKind.APPLICATION.value, ChangeKind.MESSAGE.value}
    assert application in {change["id"] for change in changes}


async def test_a_socket_hears_of_what_another_process_writes_and_of_nobody_elses(server: Server) -> None:
    worker, official = await server.token("worker"), await server.token("official")
    async with server.socket(worker) as socket:
        await asked(socket, CHANGES)
        await asyncio.sleep(1)
        await server.tell(official)
        message = await server.tell(worker)
        assert (await heard(socket))["payload"]["data"]["changes"]["id"] == message


async def test_an_event_stream_hears_of_what_another_process_writes(server: Server) -> None:
    token = await server.token("graduate")
    async with aclosing(server.events(token)) as events:
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(1.5)
        message = await server.tell(token)
        event, data = await asyncio.wait_for(first, PATIENCE_SECONDS)
    assert (event, data["data"]["changes"]["id"]) == ("next", message)


@pytest.mark.parametrize(
    "authorization", ["Bearer x.y.z", "Basic dXNlcjpwYXNz", "x", "Bearer " + "x" * 10_000, 1, ["x"], {"x": 1}]
)
async def test_a_socket_with_a_bad_token_is_closed_with_the_code(server: Server, authorization: Any) -> None:
    async with server.bare() as socket:
        payload = {"authorization": authorization}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, "TOKEN_INVALID")


async def test_a_handshake_with_a_bad_token_is_answered_401_with_the_code(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with server.bare(authorization="Bearer x.y.z"):
            pass
    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert codes(json.loads(response.body or b"{}")) == ["TOKEN_INVALID"]


async def test_signed_out_nobody_hears_anything(server: Server) -> None:
    async with server.socket() as socket:
        await asked(socket, CHANGES)
        answer = await heard(socket)
    assert codes(answer["payload"]) == ["NOT_SIGNED_IN"]
    events = [event async for event in server.events(None)]
    assert codes(events[0][1]) == ["NOT_SIGNED_IN"]
    assert events[-1][0] == "complete"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { secrets { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(21)) + " }", "QUERY_TOO_LARGE"),
        ("{ programmes { " + "slug " * 5_000 + "} }", "QUERY_TOO_LARGE"),
        ("query($a: " + "[" * 3_900 + "Int" + "]" * 3_900 + ") { programmes { slug } }", "GRAPHQL_PARSE_FAILED"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_errors_have_their_codes_over_both_ways(server: Server, query: str, code: str) -> None:
    async with server.socket() as socket:
        answer = await answered(socket, query, "1")
        assert set(codes(answer["payload"])) == {code}
        again = await answered(socket, "{ programmes { slug } }", "2")
        assert again["payload"]["data"]["programmes"]
    events = [event async for event in server.events(None, query)]
    assert set(codes(events[0][1])) == {code}


@pytest.mark.parametrize(
    "said",
    [
        "x",
        "[]",
        "1",
        "{}",
        '{"type": "nothing"}',
        "[" * 100_000,
        '{"type": "subscribe"}',
        '{"type": []}',
        '{"type": "subscribe", "id": [], "payload": {"query": "{ x }"}}',
        '{"type": "subscribe", "id": "1", "payload": 1}',
        '{"type": "complete", "id": {}}',
        '{"type": "connection_init", "payload": 1}',
    ],
)
async def test_what_is_no_message_closes_the_socket(server: Server, said: str) -> None:
    async with server.bare() as socket:
        await socket.send(said)
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code in (4400, 4401)


async def test_a_socket_that_stays_open_sees_the_world_of_each_question(server: Server) -> None:
    token = await server.token("minor")
    async with server.socket(token) as socket:
        look = "{ viewer { inbox { nodes { id } } profile { gender { state } } } }"
        log = "{ viewer { accessLog(first: 100) { nodes { id } } } }"
        await answered(socket, look, "1")
        before = (await answered(socket, log, "2"))["payload"]["data"]["viewer"]
        message = await server.tell(token)
        seen = (await answered(socket, look, "3"))["payload"]["data"]["viewer"]
        after = (await answered(socket, log, "4"))["payload"]["data"]["viewer"]
    assert message in {node["id"] for node in seen["inbox"]["nodes"]}
    assert len(after["accessLog"]["nodes"]) > len(before["accessLog"]["nodes"]), "a look each, an entry each"


async def test_what_is_listened_to_ends_with_the_sign_in(server: Server) -> None:
    token = await server.expiring(await server.token("disabled-adult"), 3)
    async with server.socket(token) as socket:
        await asked(socket, CHANGES)
        assert (await heard(socket))["type"] == "complete"
        await asked(socket, "{ viewer { id } }", "2")
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "TOKEN_EXPIRED")


async def test_an_event_stream_ends_with_the_sign_in(server: Server) -> None:
    token = await server.expiring(await server.token("disabled-adult"), 3)
    assert [event async for event in server.events(token)] == [("complete", None)]


def after(cursor: str) -> str:
    return f'subscription {{ changes(after: "{cursor}") {{ kind id at cursor }} }}'


async def test_a_socket_that_was_lost_comes_back_and_has_lost_nothing(server: Server) -> None:
    token, other = await server.token("minor"), await server.token("newborn-parent")
    page = await server.graph(token, "{ viewer { changesCursor inbox { unreadCount } } }")
    before = await server.tell(token)  # between the page and the socket
    async with server.socket(token) as socket:
        await asked(socket, after(page["viewer"]["changesCursor"]))
        first = (await heard(socket))["payload"]["data"]["changes"]
        while first["id"] != before:  # what is near the cursor may be told again
            first = (await heard(socket))["payload"]["data"]["changes"]
    missed = [await server.tell(token) for _ in range(2)]
    theirs = await server.tell(other)
    async with server.socket(token) as socket:
        await asked(socket, after(first["cursor"]))
        told: list[str] = []
        while missed[-1] not in told:
            told.append((await heard(socket))["payload"]["data"]["changes"]["id"])
        later = await server.tell(token)
        while later not in told:
            told.append((await heard(socket))["payload"]["data"]["changes"]["id"])
    # what is near the cursor may be told again; nothing is left out, and nothing is out of order
    assert list(dict.fromkeys(one for one in told if one in {*missed, later})) == [*missed, later]
    assert theirs not in told
    now = await server.graph(token, "{ viewer { inbox { unreadCount } } }")
    assert now["viewer"]["inbox"]["unreadCount"] == page["viewer"]["inbox"]["unreadCount"] + 4


async def test_an_event_stream_that_was_lost_comes_back_and_has_lost_nothing(server: Server) -> None:
    token = await server.token("minor")
    cursor = (await server.graph(token, "{ viewer { changesCursor } }"))["viewer"]["changesCursor"]
    missed = [await server.tell(token) for _ in range(3)]
    told: list[str] = []
    async with aclosing(server.events(token, after(cursor))) as events:
        async for _, data in events:
            told.append(data["data"]["changes"]["id"])
            if missed[-1] in told:
                break
    assert told[-3:] == missed


async def test_anothers_cursor_tells_nothing_of_theirs(server: Server) -> None:
    token, other = await server.token("minor"), await server.token("newborn-parent")
    theirs = (await server.graph(other, "{ viewer { changesCursor } }"))["viewer"]["changesCursor"]
    await server.tell(other)
    mine = await server.tell(token)
    async with server.socket(token) as socket:
        await asked(socket, after(theirs))
        told: list[str] = []
        while mine not in told:
            told.append((await heard(socket))["payload"]["data"]["changes"]["id"])
    seen = await server.graph(token, "{ viewer { inbox(first: 100) { nodes { id } } } }")
    assert set(told) <= {node["id"] for node in seen["viewer"]["inbox"]["nodes"]}


async def test_a_cursor_that_we_never_made_is_refused_over_both_ways(server: Server) -> None:
    token = await server.token("minor")
    async with server.socket(token) as socket:
        await asked(socket, after("nonsense"))
        assert codes((await heard(socket))["payload"]) == ["BAD_INPUT"]
    events = [event async for event in server.events(token, after("nonsense"))]
    assert codes(events[0][1]) == ["BAD_INPUT"]
    assert events[-1][0] == "complete"


async def revoked(server: Server, token: str) -> None:
    """By another process than the one that is listened to: the database is all they share."""
    claims = jwt.decode(token, options={"verify_signature": False})
    database, clock = Database(server.settings.sqlalchemy_url), SystemClock()
    person = Subjects(load_keys(server.settings)).person(claims["sub"], claims["client_id"])
    async with database.write() as session:
        await Endings(clock).end_family(session, person, UUID(hex=claims["family"]), EndReason.REVOKED)
    await database.close()


async def test_a_socket_ends_when_its_sign_in_is_ended_elsewhere(server: Server) -> None:
    token = await server.token("disabled-adult")
    async with server.socket(token) as socket:
        await asked(socket, CHANGES)
        await asyncio.sleep(0.5)
        await revoked(server, token)
        assert await heard(socket) == {"id": "1", "type": "complete"}
        await asked(socket, "{ viewer { id } }", "2")
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "TOKEN_INVALID")


async def test_a_socket_that_says_nothing_is_closed_when_its_sign_in_ends(server: Server) -> None:
    token = await server.token("disabled-adult")
    async with server.socket(token) as socket:
        await revoked(server, token)
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "TOKEN_INVALID")


async def test_an_event_stream_ends_when_its_sign_in_is_ended_elsewhere(server: Server) -> None:
    token = await server.token("disabled-adult")
    events = server.events(token)
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(1)
    await revoked(server, token)
    event, data = await asyncio.wait_for(first, PATIENCE_SECONDS)
    assert (event, codes(data)) == ("next", ["TOKEN_INVALID"])
    assert [one async for one in events] == [("complete", None)]


async def test_a_socket_of_one_sign_in_outlives_the_end_of_another(server: Server) -> None:
    mine, other = await server.token("disabled-adult"), await server.token("disabled-adult")
    async with server.socket(mine) as socket:
        await asked(socket, CHANGES)
        await revoked(server, other)
        await asyncio.sleep(1)
        message = await server.tell(mine)
        assert (await heard(socket))["payload"]["data"]["changes"]["id"] == message


async def test_a_socket_takes_a_bound_token_with_a_proof_of_its_key_alone(server: Server) -> None:
    bearer = await server.token("disabled-adult")
    key, clock = KeyHolder.make(), SystemClock()
    claims = jwt.decode(bearer, options={"verify_signature": False})
    database = Database(server.settings.sqlalchemy_url)
    signer = await SigningKeys(database, load_keys(server.settings), clock).signer()
    await database.close()
    bound = signer.sign({**claims, "jti": new_id().hex, "cnf": {"jkt": key.jkt}}, typ="at+jwt")
    url = f"{server.settings.issuer}/graphql"
    good = {"authorization": f"DPoP {bound}", "dpop": key.proof(clock, "GET", url, access_token=bound)}
    without, as_bearer = {"authorization": f"DPoP {bound}"}, {"authorization": f"Bearer {bound}"}
    assert await initialised(server, good) == "connection_ack"
    assert await initialised(server, good) == "DPOP_PROOF_INVALID", "the same proof again"
    assert await initialised(server, without) == "DPOP_PROOF_INVALID"
    assert await initialised(server, as_bearer) == "TOKEN_INVALID"


async def initialised(server: Server, payload: dict[str, str]) -> str:
    """What the server says, or why it closes."""
    async with server.bare() as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        try:
            return str((await heard(socket))["type"])
        except ConnectionClosed as closed:
            return closed.rcvd.reason if closed.rcvd else ""


async def ended(server: Server, token: str, how: str) -> None:
    """By another process: the browser session in which the token was granted, or the passkey with which that began."""
    claims = jwt.decode(token, options={"verify_signature": False})
    database, clock, keys = Database(server.settings.sqlalchemy_url), SystemClock(), load_keys(server.settings)
    subjects = Subjects(keys)
    person = subjects.person(claims["sub"], claims["client_id"])
    async with database.write() as session:
        family = await session.get(TokenFamily, (person, UUID(hex=claims["family"])))
        assert family is not None
        assert family.session is not None
        if how == "session":
            await Endings(clock).end_session(session, person, family.session, EndReason.SESSION_ENDED)
        else:
            credential = Enrolled(new_id().bytes, b"a key", 0, ["internal"], synced=True)
            began = await session.get(SignInSession, (person, family.session))
            assert began is not None
            passkeys = Passkeys(keys, clock, subjects, Inbox(clock))
            added = await passkeys.enrol(session, began, credential, "x")
            began.passkey = added.id
            await session.flush()
            await passkeys.remove(session, person, added.id)
    await database.close()


@pytest.mark.parametrize("how", ["session", "passkey"])
async def test_what_is_listened_to_ends_with_the_session_and_with_the_passkey_that_began_it(
    server: Server, how: str
) -> None:
    token = await server.token("disabled-adult")
    events = server.events(token)
    first = asyncio.ensure_future(anext(events))
    async with server.socket(token) as socket:
        await asked(socket, CHANGES)
        await asyncio.sleep(0.5)
        await ended(server, token, how)
        told = [one async for one in _until_complete(socket)]
        assert told[-1] == {"id": "1", "type": "complete"}
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "TOKEN_INVALID")
    event, data = await asyncio.wait_for(first, PATIENCE_SECONDS)
    while event == "next" and "errors" not in data:  # that a passkey came and went is told, too
        event, data = await asyncio.wait_for(anext(events), PATIENCE_SECONDS)
    assert (event, codes(data)) == ("next", ["TOKEN_INVALID"])


async def _until_complete(socket: ClientConnection) -> AsyncIterator[Any]:
    while True:
        said = await heard(socket)
        yield said
        if said["type"] == "complete":
            return
