"""What a hostile agency answers: a typed error at its own field, in bounded time and memory, and nothing kept of it.

Everything goes over real sockets, by both ways in which agencies are asked, and through the graph.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import httpx2
import orjson
import pytest
import stamina
import strawberry
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.asyncio import Redis

from api.composer import compose, host_names
from api.errors import as_graphql
from core.cache import open_redis
from core.clock import FixedClock
from core.crypto import KeyRing
from core.text import Language
from services.exchange.errors import SourceSilent
from services.plugins.contract import Call, Host
from services.plugins.contract.keys import SigningKey, verifying_keys
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import AnswerCache, Credentials, HttpAgencyClient, LaneLimits, Runner, tokens
from services.plugins.runner.client import ANSWER_BYTES_MAX
from services.plugins.runner.egress import agency_client
from services.plugins.runner.remote import Wire, remote_functions
from tests.services.exchange.fakes import until
from tests.support.hostile import CRLF, OK, Attack, Hostile, Peer, hostile_agency
from tests.support.plugins import AGENCIES, CATALOGUE, LIBRARY
from tests.support.plugins.small_graph import PID, POLICY, World, small_base

LOAN: Final = {"id": "L1", "title": "ขุนช้างขุนแผน", "due": "2026-11-20", "state": "OUT"}
SOMEBODY_ELSE: Final = "1100000000008"
BURST: Final = 16 * 1024 * 1024
"""More than the limit of an answer, and all that the kernel holds on its way."""
QUICK: Final = 0.3
"""Seconds: the operation's own limit, where waiting for it is the point. No time is measured."""
QUERY: Final = """{ viewer {
  profile { name }
  library { loans { id title state } }
  insurance { policies { number } }
} }"""
GDX, REMOTE, PLAIN = "GDX", "remote", "our own code over a general client"


GZIPPED: Final = gzip.compress(b" " * 50_000_000, compresslevel=1)
DEFLATED: Final = zlib.compress(b" " * 50_000_000, 1)


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture(scope="module")
def base() -> strawberry.Schema:
    return small_base()


@pytest.fixture(scope="module")
def folders(base: strawberry.Schema) -> Mapping[str, Plugin]:
    found = (LIBRARY, AGENCIES / "oic")
    return {folder.name: load_folder(folder, host_names(base), CATALOGUE) for folder in found}


@dataclass
class Stand:
    """The library is hostile; the insurance beside it, and the rooms of our own, are not."""

    world: World
    hostile: Hostile
    runner: Runner
    library: Plugin
    schema: strawberry.Schema
    redis: Redis
    errors: list[Any] = field(default_factory=list)

    async def ask(self) -> Any:
        """The graph's answer; the siblings of the hostile field are whole, whatever it says."""
        data, self.errors = await self.world.ask(self.schema, QUERY)
        assert data["viewer"]["profile"] == {"name": "ตัวอย่าง"}
        assert data["viewer"]["insurance"] == {"policies": [{"number": "1"}]}
        return data["viewer"]["library"]["loans"]

    @property
    def trouble(self) -> str:
        """The code of the one typed error, which stands at the hostile field alone."""
        (error,) = self.errors
        assert error.path == ["viewer", "library", "loans"]
        assert isinstance(error.original_error, SourceSilent)
        told = as_graphql(error, Language.EN)
        assert (told.extensions or {})["code"] == "SERVICE_UNAVAILABLE"
        assert told.message.startswith("Example Public Library cannot be reached")
        return str(error.original_error.reason)

    async def is_as_before(self) -> None:
        """No place is held, no connection, nothing is kept, and the next honest answer is asked for and believed."""
        lane = self.runner.lane(self.library, "loans")
        assert (lane.running, lane.waiting) == (0, 0)
        await until(lambda: self.hostile.open == 0)
        asked = len(self.hostile.asked)
        self.hostile.attack = honest
        self.hostile.late, self.hostile.bound_to = timedelta(), None
        assert await self.ask() == [{"id": "L1", "title": LOAN["title"], "state": "OUT"}]
        assert self.errors == []
        assert len(self.hostile.asked) == asked + 1


async def honest(peer: Peer) -> None:
    await peer.say([LOAN])


@pytest.fixture(params=[GDX, REMOTE])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stand(
    way: str, base: strawberry.Schema, folders: Mapping[str, Plugin], clock: FixedClock
) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as stack:
        hostile = await stack.enter_async_context(hostile_agency(clock, honest))
        http = agency_client(loopback=True) if way != PLAIN else httpx2.AsyncClient(trust_env=False)
        await stack.enter_async_context(http)
        redis = open_redis(None)
        stack.push_async_callback(redis.aclose)
        world = World(base, clock)
        runner = Runner(
            lambda _: Host(clock, HttpAgencyClient(http, hostile.url, Credentials("key", "secret"))),
            LaneLimits(),
            kept=AnswerCache(redis, KeyRing("k1", {"k1": os.urandom(32)}, os.urandom(32)), clock),
        )
        library = _library(world, folders["library"], way, http, hostile)
        oic = world.with_functions(folders["oic"], policies=[POLICY])
        yield Stand(world, hostile, runner, library, compose(base, [library, oic], runner), redis)


class _Signer:
    def __init__(self) -> None:
        self.current = SigningKey.of(Ed25519PrivateKey.generate())


def _library(world: World, plugin: Plugin, way: str, http: httpx2.AsyncClient, hostile: Hostile) -> Plugin:
    async def loans(host: Host, call: Call) -> Any:
        told = await host.agency.ask("/loans", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
        return told["answer"]

    operations = dict(plugin.manifest.operations)
    operations["loans"] = operations["loans"].model_copy(update={"cache_seconds": 60, "time_limit_seconds": 30})
    manifest = plugin.manifest.model_copy(update={"operations": operations})
    wire = Wire(http, hostile.url, verifying_keys([hostile.key.jwk]), _Signer(), world.clock)
    functions = remote_functions(manifest, wire) if way == REMOTE else {"loans": loans}
    return replace(plugin, manifest=manifest, functions=functions)


def hurry(stand: Stand) -> None:
    """Gives the operation less time than a manifest can, and keeps nothing."""
    spec = stand.library.manifest.operations["loans"]
    object.__setattr__(spec, "time_limit_seconds", QUICK)
    object.__setattr__(spec, "cache_seconds", 0)


# What it says


async def nothing_at_all(peer: Peer) -> None:
    pass


async def hangs_up_hard(peer: Peer) -> None:
    peer.writer.transport.abort()


async def empty(peer: Peer) -> None:
    await peer.reply(b"")


async def truncated(peer: Peer) -> None:
    await peer.send(peer.head(b'{"a": ', length=500) + b'{"a": ')


async def truncated_chunk(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}")


async def truncated_head(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 O")


async def gigantic_declared(peer: Peer) -> None:
    await peer.send(peer.head(b"", length=10**12))
    await peer.for_ever(b" " * 65_536)


async def gigantic_chunked(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await peer.for_ever(b"10000\r\n" + b" " * 65_536 + CRLF)


async def a_byte_too_much(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    await peer.reply(body + b" " * (ANSWER_BYTES_MAX + 1 - len(body)))


async def gzip_bomb(peer: Peer) -> None:
    await peer.reply(GZIPPED, 200, "content-encoding: gzip")


async def deflate_bomb(peer: Peer) -> None:
    await peer.reply(DEFLATED, 200, "content-encoding: deflate")


async def brotli_bomb(peer: Peer) -> None:
    await peer.reply(b"\x8b\x7f\x80" + b"\x00" * 100, 200, "content-encoding: br")


async def packed_twice(peer: Peer) -> None:
    await peer.reply(gzip.compress(gzip.compress(b"{}")), 200, "content-encoding: identity, gzip")


async def packed_transfer(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")


async def interim_without_end(peer: Peer) -> None:
    await peer.for_ever(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100)


async def headers_without_end(peer: Peer) -> None:
    await peer.send(OK)
    await peer.for_ever(b"X-A: b\r\n" * 1_000)


async def header_of_a_megabyte(peer: Peer) -> None:
    await peer.send(OK + b"X-A: " + b"x" * 1_000_000 + b"\r\nContent-Length: 2\r\n\r\n{}")


async def name_of_a_megabyte(peer: Peer) -> None:
    await peer.send(OK + b"x" * 1_000_000 + b": a\r\nContent-Length: 2\r\n\r\n{}")


async def trailers_without_end(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
    await peer.for_ever(b"X-A: b\r\n" * 1_000)


async def chunks_of_a_byte(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await peer.for_ever(b"1\r\n \r\n" * 10_000)


async def chunk_beyond_64_bit(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}")


async def negative_length(peer: Peer) -> None:
    await peer.send(OK + b"Content-Length: -1\r\n\r\n{}")


async def two_lengths(peer: Peer) -> None:
    await peer.send(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ")


async def length_and_chunks(peer: Peer) -> None:
    await peer.send(OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")


async def no_length(peer: Peer) -> None:
    await peer.send(OK + CRLF + b"{}")


async def length_too_short(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    await peer.send(peer.head(body, length=len(body) - 5) + body)


async def folded_header(peer: Peer) -> None:
    await peer.send(OK + b"X-A: b\r\n Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}")


async def bare_line_feeds(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 2\n\n{}")


async def http_0_9(peer: Peer) -> None:
    await peer.send(orjson.dumps(peer.envelope([LOAN])))


async def http_2(peer: Peer) -> None:
    await peer.send(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")


async def noise(peer: Peer) -> None:
    await peer.send(bytes(range(256)) * 100)


async def switching(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + b"x" * 1_000)


async def status_204(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")


async def status_206(peer: Peer) -> None:
    await peer.reply(orjson.dumps(peer.envelope([LOAN])), 206, "content-type: multipart/byteranges")


async def status_304(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n")


async def status_999(peer: Peer) -> None:
    await peer.reply(orjson.dumps(peer.envelope([LOAN])), 999)


async def status_000(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 000 None\r\nContent-Length: 2\r\n\r\n{}")


async def status_of_four_digits(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}")


async def broken(peer: Peer) -> None:
    await peer.reply(b"<html>Traceback (most recent call last):", 500, "content-type: text/html")


async def too_often(peer: Peer) -> None:
    await peer.reply(b"{}", 429)


async def refuses(peer: Peer) -> None:
    await peer.reply(b'{"code": ["x"]}', 418)


async def redirect_inside(peer: Peer) -> None:
    await peer.reply(b"", 307, "location: http://169.254.169.254/latest/meta-data/")


async def login_page(peer: Peer) -> None:
    await peer.reply(b"<html>", 200, "content-type: text/html")


async def event_stream(peer: Peer) -> None:
    await peer.reply(orjson.dumps(peer.envelope([LOAN])), 200, "content-type: text/event-stream")


async def thai_of_1990(peer: Peer) -> None:
    await peer.reply(orjson.dumps(peer.envelope([LOAN])), 200, "content-type: application/json; charset=tis-620")


async def deep(peer: Peer) -> None:
    await peer.say_raw(b"[" * 400_000 + b"]" * 400_000)


async def deep_objects(peer: Peer) -> None:
    await peer.say_raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


async def half_a_million_values(peer: Peer) -> None:
    await peer.say_raw(b"[" + b"1," * 480_000 + b"1]")


async def not_a_number(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": NaN}]')


async def infinity(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": -Infinity}]')


async def e999(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": 1e999}]')


async def a_name_twice(peer: Peer) -> None:
    await peer.say_raw(orjson.dumps([LOAN]).replace(b'"id":', b'"id":"L0","id":'))


async def the_subject_twice(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    key = b'{"about":' if peer.is_signed else b'{"pid":'
    await peer.reply(body.replace(key, key + b'"0000000000002",' + key[1:], 1))


async def bad_utf8(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": "\xc3\x28"}]')


async def overlong_utf8(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": "\xc0\xaf"}]')


async def byte_order_mark(peer: Peer) -> None:
    await peer.reply(b"\xef\xbb\xbf" + orjson.dumps(peer.envelope([LOAN])))


async def utf16(peer: Peer) -> None:
    await peer.reply(orjson.dumps(peer.envelope([LOAN])).decode().encode("utf-16"))


async def half_a_letter(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": "\\ud800"}]')


async def beyond_64_bit(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": 170141183460469231731687303715884105727}]')


async def digits_without_end(peer: Peer) -> None:
    await peer.say_raw(b'[{"id": ' + b"9" * 500_000 + b"}]")


async def two_documents(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    await peer.reply(body + body)


async def null_byte(peer: Peer) -> None:
    await peer.say([LOAN | {"title": "a\x00b"}])


async def wrong_type(peer: Peer) -> None:
    await peer.say([LOAN | {"title": ["ขุนช้างขุนแผน"]}])


async def wrong_date(peer: Peer) -> None:
    await peer.say([LOAN | {"due": "20/11/2569"}])


async def list_for_object(peer: Peer) -> None:
    await peer.say([[LOAN]])


async def object_for_list(peer: Peer) -> None:
    await peer.say({"0": LOAN})


async def text_for_list(peer: Peer) -> None:
    await peer.say("L1")


async def no_such_value(peer: Peer) -> None:
    await peer.say([LOAN | {"state": "__typename"}])


async def missing(peer: Peer) -> None:
    await peer.say([{"id": "L1"}])


async def too_many_values(peer: Peer) -> None:
    await peer.say([{**LOAN, "id": str(n), "title": ""} for n in range(2_000)])


async def text_of_a_megabyte(peer: Peer) -> None:
    await peer.say([LOAN | {"title": "x" * 900_000}])


async def another_document(peer: Peer) -> None:
    await peer.reply(b"[1, 2, 3]")


async def just_null(peer: Peer) -> None:
    await peer.reply(b"null")


async def wrong_person(peer: Peer) -> None:
    await peer.say([LOAN], about={"nationalId": SOMEBODY_ELSE} if peer.is_signed else SOMEBODY_ELSE)


async def the_person_as_a_number(peer: Peer) -> None:
    await peer.say([LOAN], about={"nationalId": int(PID.digits)} if peer.is_signed else int(PID.digits))


async def several_people(peer: Peer) -> None:
    several = [PID.digits, SOMEBODY_ELSE]
    await peer.say([LOAN], about={"nationalIds": several} if peer.is_signed else several)


UNREADABLE, MALFORMED, TOO_LARGE, BROKE_OFF, UNSIGNED, WRONG_SUBJECT = (
    "ANSWER_UNREADABLE", "ANSWER_MALFORMED", "ANSWER_TOO_LARGE", "SOURCE_BROKE_OFF", "ANSWER_UNSIGNED", "WRONG_SUBJECT",
)  # fmt: skip
ATTACKS: Final[list[tuple[Attack, str] | tuple[Attack, str, str]]] = [
    # By what ends each; a third word is what a remote plugin's ends by, where that is seen first.
    (nothing_at_all, BROKE_OFF),
    (hangs_up_hard, BROKE_OFF),
    (truncated, BROKE_OFF),
    (truncated_chunk, BROKE_OFF),
    (truncated_head, BROKE_OFF),
    (gigantic_declared, TOO_LARGE),
    (gigantic_chunked, TOO_LARGE),
    (a_byte_too_much, TOO_LARGE),
    (interim_without_end, UNREADABLE),
    (headers_without_end, TOO_LARGE),
    (header_of_a_megabyte, TOO_LARGE),
    (name_of_a_megabyte, TOO_LARGE),
    (trailers_without_end, TOO_LARGE),
    (chunks_of_a_byte, TOO_LARGE),
    (chunk_beyond_64_bit, UNREADABLE),
    (negative_length, UNREADABLE),
    (two_lengths, UNREADABLE),
    (length_and_chunks, UNREADABLE),
    (no_length, UNREADABLE),
    (length_too_short, UNREADABLE, UNSIGNED),
    (folded_header, UNREADABLE),
    (bare_line_feeds, UNREADABLE),
    (http_0_9, UNREADABLE),
    (http_2, UNREADABLE),
    (noise, UNREADABLE),
    (switching, UNREADABLE),
    (status_000, UNREADABLE),
    (status_of_four_digits, UNREADABLE),
    (status_204, UNREADABLE),
    (status_206, UNREADABLE),
    (status_304, UNREADABLE),
    (status_999, "SOURCE_ERROR"),
    (gzip_bomb, UNREADABLE),
    (deflate_bomb, UNREADABLE),
    (brotli_bomb, UNREADABLE),
    (packed_twice, UNREADABLE),
    (packed_transfer, UNREADABLE),
    (broken, "SOURCE_ERROR"),
    (too_often, "SOURCE_LIMITED"),
    (refuses, "SOURCE_REFUSED"),
    (redirect_inside, UNREADABLE),
    (login_page, UNREADABLE),
    (event_stream, UNREADABLE),
    (thai_of_1990, UNREADABLE),
    (empty, UNREADABLE),
    (deep, UNREADABLE),
    (deep_objects, UNREADABLE),
    (half_a_million_values, UNREADABLE),
    (not_a_number, UNREADABLE),
    (infinity, UNREADABLE),
    (e999, UNREADABLE),
    (a_name_twice, UNREADABLE),
    (the_subject_twice, UNREADABLE),
    (bad_utf8, UNREADABLE),
    (overlong_utf8, UNREADABLE),
    (byte_order_mark, UNREADABLE),
    (utf16, UNREADABLE),
    (half_a_letter, UNREADABLE),
    (beyond_64_bit, UNREADABLE),
    (digits_without_end, UNREADABLE),
    (two_documents, UNREADABLE),
    (null_byte, MALFORMED),
    (wrong_type, MALFORMED),
    (wrong_date, MALFORMED),
    (list_for_object, MALFORMED),
    (object_for_list, MALFORMED),
    (text_for_list, MALFORMED),
    (no_such_value, MALFORMED),
    (missing, MALFORMED),
    (too_many_values, MALFORMED),
    (text_of_a_megabyte, MALFORMED),
    (another_document, MALFORMED),
    (just_null, MALFORMED),
    (wrong_person, WRONG_SUBJECT),
    (the_person_as_a_number, WRONG_SUBJECT),
    (several_people, WRONG_SUBJECT),
]


def _named(case: Any) -> Any:
    return case[0].__name__ if isinstance(case, tuple) else None


@pytest.mark.parametrize("case", ATTACKS, ids=_named)
async def test_what_is_wrong_is_an_error_of_its_own_field_and_leaves_nothing(stand: Stand, way: str, case: Any) -> None:
    attack, trouble, *of_remote = case
    stand.hostile.attack = attack
    with structlog.testing.capture_logs() as entries:
        assert await stand.ask() is None
    assert stand.trouble == (of_remote[0] if of_remote and way == REMOTE else trouble)
    assert stand.hostile.sent < BURST
    assert PID.digits not in str(entries)
    assert SOMEBODY_ELSE not in str(entries)
    await stand.is_as_before()


@pytest.mark.parametrize("way", [PLAIN], indirect=True)
@pytest.mark.parametrize("case", [case for case in ATTACKS if case[0] is not the_subject_twice], ids=_named)
async def test_our_own_code_over_a_general_client_is_as_safe(stand: Stand, case: Any) -> None:
    """By the operation's limit where the client itself knows none; a general client takes a few of them for honest."""
    hurry(stand)
    stand.hostile.attack = case[0]
    told = await stand.ask()
    if told is None:
        assert stand.trouble
    else:
        assert case[0] is no_length
    assert stand.hostile.sent < 100 * BURST


# Time


async def silence(peer: Peer) -> None:
    await peer.silence()


async def head_by_the_byte(peer: Peer) -> None:
    for byte in OK:
        await peer.send(bytes([byte]))
        await asyncio.sleep(QUICK / 10)


async def body_by_the_byte(peer: Peer) -> None:
    await peer.send(peer.head(b"", length=100_000))
    await peer.for_ever(b" ", pause=QUICK / 10)


async def chunk_by_the_byte(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await peer.for_ever(b"1\r\n \r\n", pause=QUICK / 10)


async def interim_by_and_by(peer: Peer) -> None:
    for _ in range(5):
        await peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        await asyncio.sleep(QUICK / 10)
    await peer.silence()


async def the_end_never(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    await peer.silence()


@pytest.mark.parametrize(
    "attack", [silence, head_by_the_byte, body_by_the_byte, chunk_by_the_byte, interim_by_and_by, the_end_never]
)
async def test_whatever_takes_its_time_ends_with_the_operations_own(stand: Stand, attack: Attack) -> None:
    hurry(stand)
    stand.hostile.attack = attack
    assert await stand.ask() is None
    assert stand.trouble == "TIMEOUT"
    assert stand.runner.lane(stand.library, "loans").running == 0


@pytest.mark.parametrize("way", [GDX], indirect=True)
async def test_a_token_that_never_comes_holds_nobody(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is bought once for all who wait; a purchase that comes to nothing ends, and the next one is tried."""
    monkeypatch.setattr(tokens, "PURCHASE_SECONDS_MAX", 0.2)
    hurry(stand)
    stand.hostile.token_attack = silence
    asked = [stand.runner.run(stand.library, "loans", asker="test", person=PID) for _ in range(4)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [getattr(outcome, "reason", None) for outcome in outcomes] == ["TIMEOUT"] * 4
    stand.hostile.token_attack = None
    assert await stand.ask()


# Memory


@pytest.mark.parametrize(
    "attack",
    [gigantic_declared, gigantic_chunked, interim_without_end, headers_without_end, trailers_without_end,
     chunks_of_a_byte, gzip_bomb, half_a_million_values, deep],
)  # fmt: skip
async def test_the_memory_of_an_answer_is_bounded_by_its_limit(stand: Stand, attack: Attack) -> None:
    stand.hostile.attack = attack
    assert await stand.ask() is None  # whatever is made once is made
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        assert await stand.ask() is None
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 16 * ANSWER_BYTES_MAX, "a few copies of the longest answer, and the hostile server's own of it"


# Whose word it is


@dataclass
class Kept:
    """The bytes of an answer that was honest once."""

    raw: bytes = b""

    async def record(self, peer: Peer) -> None:
        body = orjson.dumps(peer.envelope([LOAN]))
        self.raw = peer.head(body) + body
        await peer.send(self.raw)

    async def again(self, peer: Peer) -> None:
        await peer.send(self.raw)


only_remote = pytest.mark.parametrize("way", [REMOTE], indirect=True)


@only_remote
async def test_the_answer_to_another_call_is_no_answer(stand: Stand) -> None:
    kept = Kept()
    stand.hostile.attack = kept.record
    assert await stand.ask() == [{"id": "L1", "title": LOAN["title"], "state": "OUT"}]
    await stand.redis.flushall()
    stand.hostile.attack = kept.again
    assert await stand.ask() is None
    assert stand.trouble == UNSIGNED
    await stand.is_as_before()


@only_remote
async def test_an_answer_that_was_signed_long_ago_is_no_answer(stand: Stand) -> None:
    stand.hostile.late = timedelta(seconds=61)
    assert await stand.ask() is None
    assert stand.trouble == UNSIGNED
    await stand.is_as_before()


async def unsigned(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    await peer.send(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def signed_by_a_stranger(peer: Peer) -> None:
    own, peer.hostile.key = peer.hostile.key, SigningKey.of(Ed25519PrivateKey.generate(), "agency")
    try:
        await peer.say([LOAN])
    finally:
        peer.hostile.key = own


async def signed_by_an_unknown_key(peer: Peer) -> None:
    own, peer.hostile.key = peer.hostile.key, SigningKey.of(Ed25519PrivateKey.generate(), "other")
    try:
        await peer.say([LOAN])
    finally:
        peer.hostile.key = own


async def signed_for_another_status(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    await peer.send(peer.head(body, 422).replace(b"422", b"200", 1) + body)


async def another_body_than_signed(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    await peer.send(peer.head(body) + body.replace(b"L1", b"L2"))


async def signed_for_another_call(peer: Peer) -> None:
    peer.hostile.bound_to = ":" + "A" * 86 + "==:"
    await peer.say([LOAN])


async def two_signatures(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    head = peer.head(body)
    (line,) = [line for line in head.split(CRLF) if line.lower().startswith(b"signature:")]
    await peer.send(head.replace(line, line + CRLF + line) + body)


async def our_own_signature_back(peer: Peer) -> None:
    body = orjson.dumps(peer.envelope([LOAN]))
    echoed = "".join(
        f"{name}: {value}\r\n" for name, value in peer.headers.items() if name in ("signature", "signature-input")
    )
    digest = peer.signature(body)["content-digest"]
    await peer.send(OK + f"content-digest: {digest}\r\n{echoed}content-length: {len(body)}\r\n\r\n".encode() + body)


@only_remote
@pytest.mark.parametrize(
    "attack",
    [unsigned, signed_by_a_stranger, signed_by_an_unknown_key, signed_for_another_status, another_body_than_signed,
     signed_for_another_call, two_signatures, our_own_signature_back],
)  # fmt: skip
async def test_what_its_key_did_not_sign_for_this_call_is_nobodys_word(stand: Stand, attack: Attack) -> None:
    stand.hostile.attack = attack
    assert await stand.ask() is None
    assert stand.trouble == UNSIGNED
    await stand.is_as_before()


async def about_nobody(peer: Peer) -> None:
    await peer.reply(b'{"answer": []}')


async def about_null(peer: Peer) -> None:
    await peer.say([LOAN], about=None)


async def undeclared_error(peer: Peer) -> None:
    await peer.reply(orjson.dumps({"about": peer.body["about"], "error": {"code": "NOT_DECLARED"}}), 422)


async def error_that_is_none(peer: Peer) -> None:
    await peer.reply(orjson.dumps({"about": peer.body["about"], "error": ["CARD_BLOCKED"]}), 422)


async def error_about_somebody_else(peer: Peer) -> None:
    told = {"about": {"nationalId": SOMEBODY_ELSE}, "error": {"code": "CARD_BLOCKED"}}
    await peer.reply(orjson.dumps(told), 422)


@only_remote
@pytest.mark.parametrize(
    ("attack", "trouble"),
    [
        (about_nobody, MALFORMED),
        (about_null, WRONG_SUBJECT),
        (undeclared_error, MALFORMED),
        (error_that_is_none, MALFORMED),
        (error_about_somebody_else, WRONG_SUBJECT),
    ],
)
async def test_a_signature_does_not_make_it_right(stand: Stand, attack: Attack, trouble: str) -> None:
    stand.hostile.attack = attack
    assert await stand.ask() is None
    assert stand.trouble == trouble
    await stand.is_as_before()


@only_remote
@pytest.mark.parametrize("name", [SOMEBODY_ELSE, "x" * 100_000, "\x1b[2J\n", "annual_income"])
async def test_what_a_source_makes_up_is_nobodys_word_and_not_logged(stand: Stand, name: str) -> None:
    async def invents(peer: Peer) -> None:
        await peer.say({name: {"value": "M1", "asOf": "2026-11-16T10:00:00+07:00"}})

    stand.hostile.attack = invents
    with structlog.testing.capture_logs() as entries, pytest.raises(SourceSilent) as caught:
        await stand.runner.run(
            stand.library, "membership", asker="test", person=PID, arguments={"attributes": ["library_member"]}
        )
    assert caught.value.reason == MALFORMED
    assert name not in str(entries)


# Strings are data

STRINGS: Final = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'; DROP TABLE people; --",
    "{{7*7}} ${7*7} <%= 7 %>",
    "\u202egnp.exe\u202c", "\u2066\u2069\u200b\ufeff", "\x1b[2J\x07\x08\x7f", "a\r\nSet-Cookie: x=1", "\u2028\u2029",
    "__proto__", "constructor", "../../etc/passwd", "%00%0a", "javascript:alert(1)", "ก็้็้็้็้",
    "\U0001f468\u200d\U0001f469", "\ud7ff\ue000",
    "\\u0000", "null", "=cmd|' /C calc'!A0", "0" * 10_000,
]  # fmt: skip


async def test_what_stands_in_a_text_stays_a_text(stand: Stand) -> None:
    async def strange(peer: Peer) -> None:
        await peer.say([LOAN | {"id": str(n), "title": text} for n, text in enumerate(STRINGS)])

    stand.hostile.attack = strange
    told = await stand.ask()
    assert stand.errors == []
    assert [loan["title"] for loan in told] == STRINGS
    assert orjson.loads(orjson.dumps(told)) == told, "and leaves as JSON in UTF-8"
    await stand.redis.flushall()


async def test_keys_that_the_graph_does_not_know_lead_nowhere(stand: Stand) -> None:
    async def strange(peer: Peer) -> None:
        strange = {"__proto__": {"x": 1}, "constructor": 1, "__typename": "Query", "": 1, "a" * 50_000: 1, "\u202e": 1}
        await peer.say([LOAN | strange])

    stand.hostile.attack = strange
    assert await stand.ask() == [{"id": "L1", "title": LOAN["title"], "state": "OUT"}]
    await stand.redis.flushall()


# Many at once


async def test_hostile_answers_all_at_once_leave_everything_as_it_was(stand: Stand) -> None:
    hurry(stand)
    cases = iter([*[case[0] for case in ATTACKS], silence, body_by_the_byte] * 2)

    async def one_after_another(peer: Peer) -> None:
        await next(cases, honest)(peer)

    stand.hostile.attack = one_after_another
    stand.runner._limits = replace(stand.runner._limits, failures_max=10_000, places=50, waiting=500)
    outcomes = await asyncio.gather(
        *(stand.runner.run(stand.library, "loans", asker="test", person=PID) for _ in range(100)),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes} <= {SourceSilent, list}
    lane = stand.runner.lane(stand.library, "loans")
    assert (lane.running, lane.waiting) == (0, 0)
