"""What others wait while one agency hangs, floods, dies or lies: p99 of their fields with and without it, in one run.

This process asks a graph of our own rooms, one agency in this process and one remote agency, at a steady pace and not
as fast as it can: a queue of our own making would hide what the agency does. The agencies are another process, so that
their work is not counted as ours. Each round goes quiet, hanging, quiet, flooding …, so that what else the machine
does meets all alike; what tells is the ratio to the quiet before and after within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Any, Final, cast

import orjson
import strawberry
import structlog
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.composer import compose, host_names
from core.clock import Clock, SystemClock
from services.exchange.errors import SourceSilent
from services.plugins.contract import Host
from services.plugins.contract.keys import SigningKey, verifying_keys
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import Runner, Wire, remote_functions
from services.plugins.runner.egress import AgencyClients
from tests.support.hostile import OK, Attack, Hostile, Peer
from tests.support.plugins import AGENCIES, CATALOGUE, LIBRARY
from tests.support.plugins.small_graph import PID, POLICY, World, small_base

QUIET: Final = "quiet"
PER_SECOND: Final = 40
"""Questions of others: a pace that a busy machine keeps, too."""
CROWD: Final = 60
"""Citizens who look at the failing agency at once, again and again: its places and its whole queue."""
MEASURES: Final = ("p50 ms", "p99 ms", "CPU ms/question")
MORE: Final = ("broken", "p99 ×", "CPU ×", "calls")
"""Answers of others that were not whole; ratios to the quiet; calls of the failing agency in a phase."""
QUESTION: Final = """{ viewer {
  profile { name } insurance { policies { number status } } power { loans { id title state } }
} }"""


@dataclass(frozen=True, slots=True)
class Heard:
    """One phase: how long each question took, and what it cost this process."""

    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Of this process, for each question."""
    asked: int
    """Of the failing agency."""
    broken: int
    """Answers of others that were not whole."""


async def bench(rounds: int, questions: int, say: Callable[[str], None]) -> Mapping[str, float]:
    """Measures and prints. Answers the ratio of p99 for each way to fail, the median of the rounds."""
    heard: dict[str, list[Heard]] = defaultdict(list)
    ratios: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    async with _agencies() as ports, _stand(ports) as stand:
        await stand.phase(None, questions // 4)  # warms up
        gc.collect()
        gc.freeze()  # as each process of `sitthi serve` does
        for number in range(rounds):
            before = await stand.phase(None, questions)
            heard[QUIET].append(before)
            for name in ATTACKS:
                say(f"isolation, {name}, round {number + 1} of {rounds}")
                during = await stand.phase(name, questions)
                after = await stand.phase(None, questions)
                heard[QUIET].append(after)
                heard[name].append(during)
                ratios[name].append(2 * during.p99_ms / (before.p99_ms + after.p99_ms))
                costs[name].append(2 * during.cpu_ms / (before.cpu_ms + after.cpu_ms))
                before = after
    print(f"\nfields of others, {PER_SECOND} questions a second, {rounds} rounds of {questions} questions each;")
    print("median (least–most); × is the ratio to the quiet before and after, the median of the rounds")
    print("".join(["  ", " " * 10, *(f"{name:>24}" for name in MEASURES), *(f"{name:>8}" for name in MORE)]))
    for name, phases in heard.items():
        cells = [_cell([getattr(one, key) for one in phases]) for key in ("p50_ms", "p99_ms", "cpu_ms")]
        row = "".join(f"{cell:>24}" for cell in cells) + f"{sum(one.broken for one in phases):>8}"
        if name != QUIET:
            calls = round(median(one.asked for one in phases))
            row += f"{median(ratios[name]):>8.2f}{median(costs[name]):>8.2f}{calls:>8}"
        print(f"  {name:<10}{row}")
    return {name: median(found) for name, found in ratios.items()}


def _cell(figures: list[float]) -> str:
    return f"{median(figures):.2f} ({min(figures):.2f}–{max(figures):.2f})"


# This process


@dataclass
class _Stand:
    world: World
    schema: strawberry.Schema
    runner: Runner
    failing: Mapping[str, Plugin]
    broken: int = 0
    """Answers of others that were not whole, in this phase."""

    async def phase(self, failing: str | None, questions: int) -> Heard:
        """So many questions of others at a steady pace, while a crowd looks at the failing agency if there is one."""
        counts = [0]
        size = CROWD if failing else 0
        crowd = [asyncio.create_task(self._looks(failing, counts, n / CROWD)) for n in range(size)]
        try:
            await asyncio.sleep(1.5)  # the crowd is complete
            self.broken, began = 0, time.process_time()
            took = await asyncio.gather(*[asyncio.create_task(self._asked(n / PER_SECOND)) for n in range(questions)])
            cpu = time.process_time() - began
        finally:
            for one in crowd:
                one.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
        return Heard(median(took), quantiles(took, n=100)[98], cpu * 1_000 / questions, counts[0], self.broken)

    async def _asked(self, delay: float) -> float:
        """Milliseconds from when it was to be asked, so that a loop that was held up is not forgiven."""
        due = time.perf_counter() + delay  # the loop's own clock counts whole milliseconds
        await asyncio.sleep(delay)
        _, errors = await self.world.ask(self.schema, QUESTION)
        self.broken += bool(errors)
        return (time.perf_counter() - due) * 1_000

    async def _looks(self, failing: str | None, counts: list[int], delay: float) -> None:
        assert failing is not None
        await asyncio.sleep(delay)
        while True:
            with suppress(SourceSilent):
                counts[0] += 1
                await self.runner.run(self.failing[failing], "loans", asker="bench", person=PID)
            # A citizen who reads that it cannot be reached looks again, but not at once.
            await asyncio.sleep(1)


@asynccontextmanager
async def _stand(ports: Mapping[str, Any]) -> AsyncIterator[_Stand]:
    base, clock = small_base(), SystemClock()
    world = World(base, cast("Any", clock))
    library = load_folder(LIBRARY, host_names(base), CATALOGUE)
    clients, signer = AgencyClients(loopback=True), _Signer(SigningKey.of(Ed25519PrivateKey.generate()))

    def remote(slug: str) -> Plugin:
        operations = {**library.manifest.operations}
        operations["loans"] = operations["loans"].model_copy(update={"time_limit_seconds": 10})
        manifest = library.manifest.model_copy(update={"slug": slug, "namespace": slug, "operations": operations})
        keys = verifying_keys([ports[slug]["key"]])
        wire = Wire(clients.of(slug), f"http://127.0.0.1:{ports[slug]['port']}/base", keys, signer, clock)
        return replace(library, manifest=manifest, functions=remote_functions(manifest, wire))

    sdl = (LIBRARY / "graph.graphql").read_text(encoding="utf-8").replace("library: ", "power: ")
    graph = load_folder(LIBRARY, host_names(base), CATALOGUE).graph
    power = replace(remote("power"), graph=replace(graph, definitions=_definitions(sdl)))
    runner = Runner(lambda _: Host(clock, cast("Any", None)))
    schema = compose(base, [power, world.plugin(AGENCIES / "oic", policies=[POLICY])], runner)
    try:
        yield _Stand(world, schema, runner, {name: remote(name) for name in ATTACKS})
    finally:
        await clients.aclose()


def _definitions(sdl: str) -> Any:
    from graphql import parse  # noqa: PLC0415 - of all here, this alone needs it

    return parse(sdl).definitions


@dataclass(frozen=True)
class _Signer:
    current: SigningKey


# The other process


async def _says(peer: Peer) -> None:
    await peer.say([{"id": "L1", "title": "ขุนช้างขุนแผน", "due": "2026-11-20", "state": "OUT"}])


async def _hangs(peer: Peer) -> None:
    await peer.silence()


async def _floods(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await peer.for_ever(b"10000\r\n" + b" " * 65_536 + b"\r\n")


async def _dies(peer: Peer) -> None:
    peer.writer.transport.abort()


async def _lies(peer: Peer) -> None:
    """In the longest JSON that is read at all, and about somebody else."""
    await peer.say([[]] * 40_000, about={"nationalId": "0000000000019"})


ATTACKS: Final[Mapping[str, Attack]] = {"hanging": _hangs, "flooding": _floods, "dying": _dies, "lying": _lies}


@asynccontextmanager
async def _agencies() -> AsyncIterator[Mapping[str, Any]]:
    """The agencies in a process of their own: name → port and public key."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.isolation", stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield orjson.loads(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


async def _serve() -> None:
    clock: Clock = SystemClock()
    told = {}
    for name, attack in {"power": _says, **ATTACKS}.items():
        agency = Hostile(clock, attack, keeps=True)
        listener = await asyncio.start_server(agency.serve, "127.0.0.1", 0, backlog=1_000)
        agency.port = listener.sockets[0].getsockname()[1]
        told[name] = {"port": agency.port, "key": agency.key.jwk}
    print(orjson.dumps(told).decode(), flush=True)
    await asyncio.Event().wait()


def run(rounds: int, questions: int, say: Callable[[str], None]) -> Mapping[str, float]:
    """On the event loop that serves, and without a line of log for each call."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    return uvloop.run(bench(rounds, questions, say))


if __name__ == "__main__":
    argparse.ArgumentParser(description="The agencies of `script/bench isolation`.").parse_args()
    asyncio.run(_serve())
