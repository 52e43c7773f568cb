"""What others wait while one agency hangs, floods, dies or lies: p99 of their fields with and without it, in one run.

This process asks a graph of our own rooms, one agency in this process and one remote agency, at a steady pace and not
as fast as it can: a queue of our own making would hide what the agency does. The agencies are another process, so that
their work is not counted as ours. Each phase of failing has a quiet one beside it, before it in one round and after it
in the next, so that what else the machine does meets both alike. A p99 is of all questions of all rounds: of one phase
it rests on a handful of questions, and moves by a third from one quiet phase to the next.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from statistics import fmean, median, quantiles
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

PER_SECOND: Final = 40
"""Questions of others: a pace that a busy machine keeps, too."""
CROWD: Final = 60
"""Citizens who look at the failing agency at once, again and again: its places and its whole queue."""
COLUMNS: Final = ("p50 ms", "p99 ms", "×", "× by round", "CPU ms/question", "×", "broken", "calls")
"""Quiet → failing. Broken: answers of others that were not whole. Calls: of the failing agency in a phase."""
QUESTION: Final = """{ viewer {
  profile { name } insurance { policies { number status } } power { loans { id title state } }
} }"""


@dataclass(frozen=True, slots=True)
class Heard:
    """One phase: how long each question took, and what it cost this process."""

    took_ms: tuple[float, ...]
    cpu_ms: float
    """Of this process, for each question."""
    asked: int
    """Of the failing agency."""
    broken: int
    """Answers of others that were not whole."""


@dataclass(slots=True)
class Both:
    """All phases beside one way to fail: the quiet ones and the failing ones, round by round."""

    quiet: list[Heard] = field(default_factory=list)
    failing: list[Heard] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Of p99, over all questions of all rounds."""
        return _p99(self.failing) / _p99(self.quiet)

    def row(self) -> tuple[str, ...]:
        pairs = list(zip(self.quiet, self.failing, strict=True))
        rounds = [_p99([failing]) / _p99([quiet]) for quiet, failing in pairs]
        return (
            f"{_p50(self.quiet):.2f} → {_p50(self.failing):.2f}",
            f"{_p99(self.quiet):.2f} → {_p99(self.failing):.2f}",
            f"{self.ratio:.2f}",
            f"{min(rounds):.2f}–{max(rounds):.2f}",
            f"{_cpu(self.quiet):.2f} → {_cpu(self.failing):.2f}",
            f"{_cpu(self.failing) / _cpu(self.quiet):.2f}",
            f"{sum(one.broken for one in (*self.quiet, *self.failing))}",
            f"{round(median(one.asked for one in self.failing))}",
        )


async def bench(rounds: int, questions: int, say: Callable[[str], None]) -> Mapping[str, float]:
    """Measures and prints. Answers the ratio of p99 for each way to fail, over all rounds."""
    heard = {name: Both() for name in ATTACKS}
    async with _agencies() as ports, _stand(ports) as stand:
        await stand.phase(None, questions // 4)  # warms up
        gc.collect()
        gc.freeze()  # as each process of `sitthi serve` does
        for number in range(rounds):
            for name, both in heard.items():
                say(f"isolation, {name}, round {number + 1} of {rounds}")
                for failing in (None, name) if number % 2 == 0 else (name, None):
                    (both.failing if failing else both.quiet).append(await stand.phase(failing, questions))
    print(f"\nfields of others, {PER_SECOND} questions a second, {rounds} rounds of {questions} questions each;")
    print("quiet → failing, over all questions of all rounds")
    for title, cells in (("", COLUMNS), *((name, both.row()) for name, both in heard.items())):
        print(f"  {title:<10}" + "".join(f"{cell:>16}" for cell in cells))
    return {name: both.ratio for name, both in heard.items()}


def _p50(phases: Sequence[Heard]) -> float:
    return median([one for phase in phases for one in phase.took_ms])


def _p99(phases: Sequence[Heard]) -> float:
    return quantiles([one for phase in phases for one in phase.took_ms], n=100)[98]


def _cpu(phases: Sequence[Heard]) -> float:
    return fmean(phase.cpu_ms for phase in phases)


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
            self.world.gate.looks.clear()  # what a test's gate remembers would grow with each question
            self.world.calls.clear()
        return Heard(tuple(took), cpu * 1_000 / questions, counts[0], self.broken)

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
