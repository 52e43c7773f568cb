"""A small load generator: keep-alive HTTP/1.1 on raw sockets, so that its own cost stays out of the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

CLOCK_TICKS: Final = 100
"""Ticks a second in /proc/PID/stat: fixed by Linux's user interface (USER_HZ)."""


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

    requests: int
    failures: int
    cpu_ms_per_request: float
    """CPU of the server's process alone, in milliseconds."""
    p50_ms: float
    p99_ms: float
    requests_per_second: float


async def run(port: int, pid: int, requests: Sequence[Request], *, total: int, connections: int) -> Outcome:
    """Sends `total` requests over so many connections, taking the prepared ones in turn."""
    turn, latencies, failures = count(), [], 0

    async def client() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (number := next(turn)) < total:
            began = time.perf_counter()
            writer.write(requests[number % len(requests)].wire)
            status, body = await read_answer(reader)
            latencies.append(time.perf_counter() - began)
            failures += status != 200 or b'"errors"' in body
        writer.close()
        await writer.wait_closed()

    cpu, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    wall, cpu = time.perf_counter() - began, cpu_seconds(pid) - cpu
    latencies.sort()
    return Outcome(
        requests=total,
        failures=failures,
        cpu_ms_per_request=cpu * 1000 / total,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)] * 1000,
        requests_per_second=total / wall,
    )


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of one answer with a content length."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line[:15].lower() == b"content-length:")
    return int(lines[0].split()[1]), await reader.readexactly(length)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads so far (proc(5), fields 14 and 15 of stat)."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a file of the kernel, read often
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
