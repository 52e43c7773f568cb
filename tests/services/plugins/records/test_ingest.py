"""Records of an agency reach its plugin, each once, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import FixedClock
from core.database import Database
from core.errors import BadInput, NotFound
from services.plugins.plugin import Plugin
from services.plugins.records import service
from services.plugins.records.errors import IngestConflict, IngestExpired, IngestRunning
from services.plugins.records.lines import CALL_BYTES_MAX, LINE_BYTES_MAX, LINES_MAX, Line, Schema, calls_of, lines_of
from services.plugins.records.models import IngestChunk, IngestRequest
from services.plugins.records.service import GOES_ON, KEPT, LEASED, RecordDesk
from tests.laws.tables import contents
from tests.services.plugins.records.register import (
    SCHEMA,
    Register,
    desk_of,
    manifest_of,
    ndjson,
    policies,
    send,
)


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def plugin(register: Register) -> Plugin:
    return register.plugin()


@pytest.fixture
def desk(database: Database, clock: FixedClock, plugin: Plugin) -> RecordDesk:
    return desk_of(database, clock, plugin)


async def test_every_line_is_taken_once_in_calls_of_the_batch(
    desk: RecordDesk, plugin: Plugin, register: Register
) -> None:
    outcome = await send(desk, plugin, policies(1, 2, 3, 4, 5))
    assert (outcome.taken, outcome.rejected, outcome.interrupted) == (5, (), None)
    assert [records for _, records in register.calls] == [["P-1", "P-2"], ["P-3", "P-4"], ["P-5"]]
    assert len({key for key, _ in register.calls}) == 3


async def test_what_was_answered_is_answered_again_and_nobody_is_asked(
    desk: RecordDesk, plugin: Plugin, register: Register
) -> None:
    body = policies(1, 91, 3) + b"{\n" + ndjson({"policy": 7}, {"cover": {"satang": "x"}, "policy": "P-4"})
    first = await send(desk, plugin, body)
    asked = len(register.calls)
    assert await send(desk, plugin, body) == first
    assert len(register.calls) == asked
    assert first.taken == 2
    assert [(one.line, one.code, one.path, one.keyword) for one in first.rejected] == [
        (2, "POLICY_UNKNOWN", "/policy", None),
        (4, "RECORD_UNREADABLE", None, None),
        (5, "RECORD_INVALID", "/policy", "type"),
        (6, "RECORD_INVALID", "/cover/satang", "type"),
    ]
    assert register.kept == ["P-1", "P-3"]


async def test_another_key_is_another_sending(desk: RecordDesk, plugin: Plugin, register: Register) -> None:
    await send(desk, plugin, policies(1))
    await send(desk, plugin, policies(1), key="sending-0002")
    assert register.kept == ["P-1", "P-1"]


async def test_other_content_under_a_key_is_refused_and_nobody_is_asked(
    desk: RecordDesk, plugin: Plugin, register: Register
) -> None:
    await send(desk, plugin, policies(1))
    for body in (policies(2), policies(1, 2), policies(1) + b"\n"):
        with pytest.raises(IngestConflict):
            await send(desk, plugin, body)
    assert register.kept == ["P-1"]


@pytest.mark.parametrize("where", ["troubles", "lost"])
async def test_a_call_that_fails_midway_says_what_is_settled_and_the_same_key_goes_on(
    desk: RecordDesk, plugin: Plugin, register: Register, where: str
) -> None:
    body = policies(91, 2, 3, 4, 5)
    calls = iter(range(9))

    async def second_fails() -> None:
        if next(calls) == 1:
            getattr(register, where).append(TimeoutError())

    register.gate = second_fails
    broken = await send(desk, plugin, body)
    assert broken.interrupted is not None
    told = broken.interrupted
    assert (told.settled, told.uncertain, told.trouble) == (2, 4, "TIMEOUT")
    assert (broken.taken, [one.line for one in broken.rejected]) == (1, [1])
    whole = await send(desk, plugin, body)
    assert (whole.taken, [one.line for one in whole.rejected], whole.interrupted) == (4, [1], None)
    assert register.kept == ["P-2", "P-3", "P-4", "P-5"]
    keys = [key for key, records in register.calls if records == ["P-3", "P-4"]]
    assert len(keys) == 2
    assert len(set(keys)) == 1


async def test_a_call_that_the_agency_declines_rejects_all_its_lines(
    desk: RecordDesk, plugin: Plugin, register: Register
) -> None:
    outcome = await send(desk, plugin, policies(1, 666, 3))
    assert (outcome.taken, outcome.interrupted) == (1, None)
    assert [(one.line, one.code) for one in outcome.rejected] == [(1, "POLICY_UNKNOWN"), (2, "POLICY_UNKNOWN")]


@pytest.mark.parametrize(
    "answer",
    [
        {"rejected": [{"record": 2, "code": "POLICY_UNKNOWN"}]},
        {"rejected": [{"record": 0, "code": "NEVER_DECLARED"}]},
        {"rejected": [{"record": -1, "code": "POLICY_UNKNOWN"}]},
        [],
    ],
)
async def test_an_answer_that_makes_no_sense_settles_nothing(
    desk: RecordDesk, plugin: Plugin, register: Register, answer: Any
) -> None:
    async def lies() -> None:
        register.answers[register.calls[-1][0]] = answer

    register.gate = lies
    outcome = await send(desk, plugin, policies(1, 2))
    assert outcome.interrupted is not None
    assert (outcome.taken, outcome.interrupted.settled, outcome.interrupted.trouble) == (0, 0, "ANSWER_MALFORMED")


async def test_twins_that_come_at_once_have_one_effect(desk: RecordDesk, plugin: Plugin, register: Register) -> None:
    body = policies(1, 2, 3)
    ended = await asyncio.gather(*(send(desk, plugin, body) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, IngestRunning) or getattr(one, "taken", None) == 3 for one in ended), ended
    assert sum(not isinstance(one, IngestRunning) for one in ended) >= 1
    assert register.kept == ["P-1", "P-2", "P-3"]
    assert (await send(desk, plugin, body)).taken == 3


async def test_a_sending_whose_process_died_is_taken_up_when_its_lease_is_over(
    desk: RecordDesk, plugin: Plugin, register: Register, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = policies(1, 2, 3)

    async def killed(*_: Any, **__: Any) -> None:
        """Nothing is written any more, as after a kill."""

    with monkeypatch.context() as dead:
        dead.setattr(service.RecordDesk, "_go_on", killed)
        await send(desk, plugin, body)
    clock.advance(LEASED - timedelta(seconds=1))
    with pytest.raises(IngestRunning):
        await send(desk, plugin, body)
    clock.advance(timedelta(seconds=1))
    assert (await send(desk, plugin, body)).taken == 3
    assert register.kept == ["P-1", "P-2", "P-3"]


async def test_whoever_lost_the_lease_settles_nothing(
    desk: RecordDesk, plugin: Plugin, register: Register, clock: FixedClock
) -> None:
    body, inside, goes_on = policies(1), asyncio.Event(), asyncio.Event()

    async def hangs() -> None:
        register.gate = None
        inside.set()
        await goes_on.wait()

    register.gate = hangs
    slow = asyncio.create_task(send(desk, plugin, body))
    await inside.wait()
    clock.advance(LEASED)
    assert (await send(desk, plugin, body)).taken == 1
    goes_on.set()
    with pytest.raises(IngestRunning):
        await slow
    assert (await send(desk, plugin, body)).taken == 1
    assert register.kept == ["P-1"]


async def test_what_takes_too_long_as_a_whole_is_left_to_the_next_request(
    database: Database, clock: FixedClock, plugin: Plugin, register: Register
) -> None:
    ticks = iter([0.0, 0.0, 61.0])
    desk = desk_of(database, clock, plugin, seconds=lambda: next(ticks))
    outcome = await send(desk, plugin, policies(1, 2, 3))
    assert outcome.interrupted is not None
    assert (outcome.interrupted.settled, outcome.interrupted.trouble, outcome.taken) == (2, "TIME_UP", 2)
    assert (await send(desk_of(database, clock, plugin), plugin, policies(1, 2, 3))).taken == 3


async def test_what_was_interrupted_is_gone_on_with_as_long_as_plugins_remember_its_calls_and_no_longer(
    desk: RecordDesk, plugin: Plugin, register: Register, clock: FixedClock
) -> None:
    body = policies(1, 2, 3)
    register.lost = [TimeoutError()]
    await send(desk, plugin, body)
    await send(desk, plugin, policies(9), key="sending-0002")
    clock.advance(GOES_ON + timedelta(seconds=1))
    with pytest.raises(IngestExpired) as caught:
        await send(desk, plugin, body)
    assert caught.value.fields == {"settled": 0}
    asked = len(register.calls)
    assert (await send(desk, plugin, policies(9), key="sending-0002")).taken == 0, "what ended is answered as before"
    assert len(register.calls) == asked
    clock.advance(timedelta(seconds=-1))
    assert (await send(desk, plugin, body)).taken == 3
    assert register.kept == ["P-1", "P-2", "P-3"]


async def test_a_key_is_forgotten_after_its_time(
    desk: RecordDesk, plugin: Plugin, clock: FixedClock, database: Database
) -> None:
    await send(desk, plugin, policies(1, 91))
    clock.advance(KEPT)
    await send(desk, plugin, policies(1), key="sending-0002")
    with pytest.raises(IngestConflict):
        await send(desk, plugin, policies(2))
    clock.advance(timedelta(seconds=1))
    assert (await send(desk, plugin, policies(2))).taken == 1
    assert len((await contents(database))["ingest_request"]) == 2


async def test_nothing_of_the_content_is_kept(desk: RecordDesk, plugin: Plugin, database: Database) -> None:
    number = "0000000000001"
    body = ndjson({"policy": number}, {"policy": "P-91", "cover": {number: 1}}, {"policy": "P-92"})
    await send(desk, plugin, body, key=f"key-{number}")
    tables = await contents(database)
    for model in (IngestRequest, IngestChunk):
        assert number not in str(tables[str(model.__tablename__)])


def test_only_the_agencys_own_open_plugin_is_found(clock: FixedClock, register: Register) -> None:
    plugin = register.plugin()
    nobody: Any = None
    desk = RecordDesk(nobody, clock, nobody, nobody, lambda: [plugin, register.plugin(manifest_of("lake"))])
    assert desk.find("register", "register", "policies") is plugin
    for agency, slug, operation in (
        ("lake", "register", "policies"),
        ("register", "lake", "policies"),
        ("register", "register", "other"),
        ("", "", ""),
    ):
        with pytest.raises(NotFound):
            desk.find(agency, slug, operation)


@pytest.mark.parametrize("body", [b"", b"\n", b" \n\r\n", b"\n" * (LINES_MAX + 1)])
def test_a_body_without_records_or_with_too_many_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        lines_of(body)


def test_as_many_lines_as_may_be_are_read() -> None:
    assert len(lines_of(b"{}\n" * LINES_MAX)) == LINES_MAX


def test_lines_are_numbered_as_an_editor_shows_them() -> None:
    assert lines_of(b"\n{}\r\n\n[]") == [Line(2, b"{}\r"), Line(4, b"[]")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"policy": "P-1"}\r', None),
        (b'{"policy": "P-1", "policy": "P-2"}', "RECORD_UNREADABLE"),
        (b'{"policy": NaN}', "RECORD_UNREADABLE"),
        (b"\xff", "RECORD_UNREADABLE"),
        (b'\xef\xbb\xbf{"policy": "P-1"}', "RECORD_UNREADABLE"),
        (b"[" * 60_000, "RECORD_UNREADABLE"),
        (b'{"policy": "P-' + b"1" * (LINE_BYTES_MAX - 16) + b'"}', None),
        (b'{"policy": "P-' + b"1" * (LINE_BYTES_MAX - 15) + b'"}', "RECORD_TOO_LARGE"),
        (b"{}", "RECORD_INVALID"),
        (b"null", "RECORD_INVALID"),
    ],
)
def test_a_line_is_a_record_or_says_why_not(content: bytes, code: str | None) -> None:
    assert getattr(Schema(SCHEMA).read(Line(1, content)), "code", None) == code


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"0000000000001": 1}, "/?"),
        ({"1234567890121": 1}, "/?"),
        ({"12": 1}, "/?"),
        ({"many": ["x", 1]}, "/many/1"),
        ({"0000000000001": ["x", 1]}, "/?"),
        ({"many": "x", "no/such~name": 1}, "/?"),
    ],
)
def test_a_name_that_the_sender_made_up_is_not_repeated(record: dict[str, Any], path: str) -> None:
    one = {"type": "string"}
    schema = Schema({"additionalProperties": one, "properties": {"many": {"items": one}}})
    told = schema.read(Line(1, json.dumps(record).encode()))
    assert told.path == path


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("policy.0000000000001.3", "/policy/?/?"),
        ("/many/0", "/many/0"),
        ("many.1", "/many/?"),
        ("/a~1b", "/?"),
        ("", ""),
        (None, None),
    ],
)
def test_nor_is_one_that_the_plugin_made_up(said: str | None, path: str | None) -> None:
    schema = Schema({"properties": {"policy": {}, "many": {}}})
    assert schema.pointer_of(said, {"policy": {}, "many": ["x"]}) == path


@given(
    st.lists(st.integers(1, CALL_BYTES_MAX // 3), min_size=1, max_size=12),
    st.integers(1, 5),
    st.integers(0, 12),
)
def test_calls_hold_each_line_once_in_bounds_and_are_the_same_from_any_settled_one(
    sizes: list[int], size: int, settled: int
) -> None:
    lines = [Line(number, b"x" * weight) for number, weight in enumerate(sizes, start=1)]
    calls = [*calls_of(lines, size)]
    assert [line for call in calls for line in call] == lines
    assert all(len(call) <= size and sum(len(line.content) for line in call) <= CALL_BYTES_MAX for call in calls)
    done = calls[:settled]
    left = lines[sum(map(len, done)) :]
    assert [*calls_of(left, size)] == calls[settled:]
