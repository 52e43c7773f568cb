"""The load generator of bench/accept.py, in a process of its own: `python -m bench.flood FILE PORT RATE SIGN`.

Prints JSON; answers without SIGN are wrong.

The file holds, for each connection, the requests that go over it, one after the other. With a rate, requests are due by
the clock whatever the answers do, and each is as late as it is after the moment when it was due; without one (0), the
next leaves when the last is answered.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

import uvloop

PAUSE_SECONDS: Final = 0.001


class Lane(asyncio.Protocol):
    """One connection. `waiting` are requests with the moment when each was due."""

    def __init__(self, flood: Flood, wires: list[bytes]) -> None:
        self._flood, self.wires = flood, deque(wires)
        self.waiting: deque[tuple[float, bytes]] = deque()
        self._transport: Any = None
        self._due = 0.0
        self._is_asking = False
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def next(self, due: float) -> bool:
        """Puts the lane's next request in the queue. False: it has none."""
        if not self.wires:
            return False
        self.waiting.append((due, self.wires.popleft()))
        self.go()
        return True

    def go(self) -> None:
        if self.waiting and not self._is_asking:
            self._is_asking = True
            self._due, wire = self.waiting.popleft()
            self._transport.write(wire)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._got.lower().find(b"content-length:", 0, end)
        length = int(self._got[at + 15 : self._got.find(b"\r\n", at)])
        if len(self._got) < end + 4 + length:
            return
        answer, self._got = bytes(self._got), bytearray()
        self._is_asking = False
        self._flood.answered(self, answer, self._due)


class Flood:
    def __init__(self, wires: list[list[bytes]], rate: float, sign: bytes) -> None:
        self._rate, self._sign = rate, sign
        self.lanes = [Lane(self, some) for some in wires]
        self._left = sum(map(len, wires))
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.late: list[float] = []
        self.wrong: list[bytes] = []

    def answered(self, lane: Lane, answer: bytes, due: float) -> None:
        now = time.perf_counter()
        self.late.append(now - due)
        if self._sign not in answer:
            self.wrong.append(answer[:1000])
        self._left -= 1
        if not self._left and not self._done.done():
            self._done.set_result(None)
        elif self._rate:
            lane.go()
        else:
            lane.next(now)

    async def run(self, port: int) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        for lane in self.lanes:
            await loop.create_connection(lambda lane=lane: lane, "127.0.0.1", port)  # type: ignore[misc]  # its lane
        cpu, began = time.process_time(), time.perf_counter()
        if self._rate:
            await self._by_the_clock(began)
        else:
            for lane in self.lanes:
                lane.next(began)
        await self._done
        wall = time.perf_counter() - began
        late = sorted(self.late)
        return {
            "seconds": wall,
            "requests": len(late),
            "rate": len(late) / wall,
            "p50_ms": late[len(late) // 2] * 1000,
            "p99_ms": late[len(late) * 99 // 100] * 1000,
            "max_ms": late[-1] * 1000,
            "cpu_ms": (time.process_time() - cpu) * 1000 / len(late),
            "wrong": len(self.wrong),
            "first_wrong": self.wrong[0].decode(errors="replace") if self.wrong else "",
        }

    async def _by_the_clock(self, began: float) -> None:
        sent, turn = 0, 0
        while any(lane.wires for lane in self.lanes):
            due = int((time.perf_counter() - began) * self._rate)
            while sent < due:
                lane, turn = self.lanes[turn % len(self.lanes)], turn + 1
                sent += lane.next(began + sent / self._rate)
                if turn - sent > 2 * len(self.lanes) and not any(one.wires for one in self.lanes):
                    return
            await asyncio.sleep(PAUSE_SECONDS)


def _main() -> None:
    file, port, rate, sign = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4].encode()
    lanes = [[bytes.fromhex(one) for one in line.split()] for line in file.read_text().splitlines()]

    gc.disable()  # a pause of the generator would be told as one of the server

    async def flood() -> dict[str, Any]:
        return await Flood(lanes, rate, sign).run(port)

    print(json.dumps(uvloop.run(flood())))


if __name__ == "__main__":
    _main()
