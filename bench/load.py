"""A small load generator: keep-alive HTTP/1.1 on raw sockets, so that its own cost stays out of the way."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
"""Ticks a second in /proc/PID/stat."""
SIGNS_OF_FAILURE: Final = (b'"errors"', b'"viewer":null', b'"UNAVAILABLE"', b'"STALE"')
"""An answer with one of these was cheaper than a whole one, or is none."""


@dataclass(frozen=True, slots=True)
class Request:
    """A prepared POST of a JSON body, as the bytes that go over the wire."""

    wire: bytes

    @classmethod
    def post(cls, path: str, body: bytes, *, token: str | None = None) -> Request:
        headers = [
            f"POST {path} HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if token:
            headers.append(f"Authorization: Bearer {token}")
        return cls("\r\n".join([*headers, "", ""]).encode() + body)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run measured."""

    cpu_ms: float
    """CPU of the server's process alone, in milliseconds per request."""
    helpers_ms: Mapping[str, float]
    """The same of each helper."""
    p50_ms: float
    p99_ms: float
    requests_per_second: float


class AnswerWrong(Exception):
    """An answer of a measured run was not a whole one; carries the beginning of it. The people in it are made up."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One of those that a run keeps open, numbered from 0."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, wire: bytes) -> Answer:
        self.writer.write(wire)
        return await read_whole(self.reader)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first of that name, in lower case and with its colon; None when there is none."""
        found = (line for line in self.head.split(b"\r\n")[1:] if line[: len(name)].lower() == name)
        return next((line[len(name) :].strip() for line in found), None)


async def run(
    port: int,
    pid: int,
    requests: Sequence[Request],
    *,
    total: int,
    connections: int,
    helpers: Mapping[str, Callable[[], float]] | None = None,
) -> Outcome:
    """Sends `total` requests over so many connections, taking the prepared ones in turn. Raises AnswerWrong."""

    async def one(connection: Connection, number: int) -> None:
        answer = await connection.ask(requests[number % len(requests)].wire)
        if answer.status != 200 or any(sign in answer.body for sign in SIGNS_OF_FAILURE):
            raise AnswerWrong(answer.status, answer.body[:2000])

    return await repeat(port, pid, one, total=total, connections=connections, helpers=helpers)


async def repeat(
    port: int,
    pid: int,
    act: Callable[[Connection, int], Awaitable[None]],
    *,
    total: int,
    connections: int,
    helpers: Mapping[str, Callable[[], float]] | None = None,
) -> Outcome:
    """Does a thing of one or more requests `total` times, numbered from 0, over so many connections."""
    turn, latencies = count(), []

    async def client(which: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        connection = Connection(which, reader, writer)
        try:
            while (number := next(turn)) < total:
                began = time.perf_counter()
                await act(connection, number)
                latencies.append(time.perf_counter() - began)
        finally:
            writer.close()

    clocks = {"": lambda: cpu_seconds(pid), **(helpers or {})}
    before, began = {name: read() for name, read in clocks.items()}, time.perf_counter()
    async with asyncio.TaskGroup() as clients:
        for which in range(connections):
            clients.create_task(client(which))
    wall = time.perf_counter() - began
    spent = {name: (read() - before[name]) * 1000 / total for name, read in clocks.items()}
    latencies.sort()
    return Outcome(
        cpu_ms=spent.pop(""),
        helpers_ms=spent,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)] * 1000,
        requests_per_second=total / wall,
    )


async def fetch(port: int, requests: Sequence[Request]) -> list[bytes]:
    """The answer to each, one after the other. Raises AnswerWrong."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bodies = []
    try:
        for request in requests:
            writer.write(request.wire)
            answer = await read_whole(reader)
            if answer.status != 200 or any(sign in answer.body for sign in SIGNS_OF_FAILURE):
                raise AnswerWrong(answer.status, answer.body[:2000])
            bodies.append(answer.body)
    finally:
        writer.close()
    return bodies


async def read_whole(reader: asyncio.StreamReader) -> Answer:
    """One answer, with a content length or without a body."""
    head = await reader.readuntil(b"\r\n\r\n")
    answer = Answer(int(head.split(b" ", 2)[1]), head, b"")
    length = int(answer.header(b"content-length:") or 0)
    return Answer(answer.status, head, await reader.readexactly(length)) if length else answer


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads so far (proc(5), fields 14 and 15 of stat)."""
    return sum(_stat(pid)[11:13]) / TICKS


def family_cpu_seconds(pid: int) -> float:
    """The same of a process, its living children, and those that it has buried (fields 16 and 17)."""
    ticks = sum(_stat(pid)[11:15])
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # it ended while we looked: its parent has its time by then
                fields = _stat(int(folder.name))
                ticks += sum(fields[11:13]) if fields[1] == pid else 0
    return ticks / TICKS


def _stat(pid: int) -> list[int]:
    """Fields 3 and on; the state, a letter, reads 0. Raises OSError when the process is gone."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return [0, *map(int, fields[1:])]
