"""Commands in one round trip, on a Valkey of our own that is stopped, started and held up."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from core.cache import open_redis
from core.questions import Questions
from core.round_trip import packed, round_trip
from tests.support.valkey import Valkey


@pytest.fixture
def server() -> Iterator[Valkey]:
    with Valkey.running() as server:
        yield server


@pytest.fixture
async def client(server: Valkey) -> AsyncIterator[Redis]:
    client = open_redis(server.url)
    yield client
    await client.aclose()


@given(st.lists(st.lists(st.one_of(st.text(), st.integers(), st.binary()), min_size=1), max_size=4))
def test_whatever_the_words_hold_they_stay_apart(commands: list[list[Any]]) -> None:
    rest, read = packed(commands), []
    while rest:
        head, _, rest = rest.partition(b"\r\n")
        words = []
        for _ in range(int(head[1:])):
            size, _, rest = rest.partition(b"\r\n")
            length = int(size[1:])
            words.append(rest[:length])
            assert rest[length : length + 2] == b"\r\n"
            rest = rest[length + 2 :]
        read.append(words)
    assert read == [[one if isinstance(one, bytes) else str(one).encode() for one in some] for some in commands]


@pytest.mark.parametrize("word", [None, 1.5, True, ["x"]])
def test_what_has_no_form_of_its_own_is_refused(word: Any) -> None:
    with pytest.raises(TypeError):
        packed([["SET", "x", word]])


async def test_each_command_has_its_answer(client: Redis) -> None:
    commands = [("SET", "a", 0, "EX", 60, "NX"), ("INCRBY", "a", 7), ("GET", "none"), ("GET", "a")]
    assert await round_trip(client.connection_pool, commands) == [b"OK", 7, None, b"7"]
    assert await round_trip(client.connection_pool, commands) == [None, 14, None, b"14"]


async def test_one_that_is_refused_leaves_its_answers_to_nobody_else(client: Redis) -> None:
    await client.set("text", "no number")
    for _ in range(3):
        with pytest.raises(ResponseError):
            await round_trip(client.connection_pool, [("INCRBY", "text", 1), ("GET", "text"), ("GET", "text")])
        assert await round_trip(client.connection_pool, [("GET", "none"), ("STRLEN", "text")]) == [None, 9]


async def test_who_is_cut_off_leaves_its_answers_to_nobody_else(server: Valkey, client: Redis) -> None:
    pid = int((server.folder / "valkey.pid").read_text())
    await client.set("a", 1)
    os.kill(pid, signal.SIGSTOP)
    try:
        task = asyncio.create_task(round_trip(client.connection_pool, [("GET", "a")]))
        for _ in range(20):  # it has asked by then, and if it has not, less is tried
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await round_trip(client.connection_pool, [("GET", "none")]) == [None]


async def test_one_that_hangs_is_given_up_and_used_again_when_it_answers(server: Valkey, client: Redis) -> None:
    pid = int((server.folder / "valkey.pid").read_text())
    await client.set("a", 1)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises((RedisError, OSError)):
            await round_trip(client.connection_pool, [("GET", "a")])
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await round_trip(client.connection_pool, [("GET", "a")]) == [b"1"]


async def test_one_that_went_and_came_back_is_asked_without_anybody_noticing(server: Valkey, client: Redis) -> None:
    questions = Questions(client)
    assert await questions.ask([("INCRBY", "a", 1)]) == [1]
    server.stop()
    with pytest.raises((RedisError, OSError)):
        await questions.ask([("INCRBY", "a", 1)])
    shutil.rmtree(server.folder)
    server.start()
    assert await questions.ask([("INCRBY", "a", 1)]) == [1]


async def test_a_crowd_is_answered_each_for_itself(client: Redis) -> None:
    questions = Questions(client)
    asked = [[("INCRBY", f"n{number % 7}", 1), ("GET", f"none{number}")] for number in range(300)]
    answers = await asyncio.gather(*(questions.ask(one) for one in asked))
    of: dict[int, list[int]] = {}
    for number, answer in enumerate(answers):
        assert answer is not None
        assert answer[1] is None
        of.setdefault(number % 7, []).append(answer[0])
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in of.values())
