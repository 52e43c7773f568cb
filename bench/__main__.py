"""`script/bench`: what Sitthi costs beside what it is compared with, in one run.

The home query on SQLite and PostgreSQL beside a bare answer of the same size; here. Whole sign-ins beside those of
another provider: bench/sign_in.py. Believing a token beside a bare signature: bench/verification.py. Facts through
the gate and what the access log adds: bench/exchange.py. Verifying that log, proofs out of a large one: bench/log.py.
What the runner adds to a call of an agency: bench/plugins.py.
What a thousand plugins cost a worker: bench/composition.py. From nothing to a published service: bench/join.py.
What others wait while one agency fails: bench/isolation.py. Deciding programmes, for one and for a million:
bench/rules.py. Paying, in bulk and singly: bench/pay.py. Taking applications in a flood: bench/accept.py.
Issuing and verifying credentials: bench/credentials.py. Signed papers: bench/papers.py.
Taking motor policies, and checking vehicles: bench/insurance.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median_low
from typing import Final

import orjson

from bench import (
    accept,
    composition,
    credentials,
    exchange,
    insurance,
    isolation,
    join,
    log,
    papers,
    pay,
    plugins,
    rules,
    sign_in,
    verification,
)  # fmt: skip
from bench.citizens import Who, choose, leaves_in, live, tokens_of
from bench.load import Outcome, Request, fetch, run
from bench.processes import FOOTINGS, Site, System, bare, systems
from bench.report import table
from core.clock import SystemClock

HOME: Final = Path(__file__).parents[1] / "api" / "pages" / "home.graphql"
FLOOR: Final = "bare"
CONCURRENCIES: Final = (1, 8)
PARTS: Final = (
    "verification", "exchange", "log", "isolation", "plugins", "composition", "join", "rules", "pay", "accept",
    "insurance", "credentials", "papers", "sign-in", "home",
)  # fmt: skip
BARE_REQUESTS: Final = 10_000
"""A bare answer takes far less than a tick of the kernel's clock, so many are counted together."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a run does. All of it is bounded, and the tokens of an hour outlive it."""

    population: int
    citizens: int
    rounds: int
    requests: int
    """Of each system, in each round, at each concurrency."""
    bare_requests: int
    sign_ins: int
    """Of each provider, in each round, at each concurrency."""
    tokens: int
    """Believed for the first time, in each round."""
    log: log.LogSize
    exchange: exchange.ExchangeSize
    plugins: plugins.PluginSize
    composition: composition.CompositionSize
    joins: int
    """Agencies that join, on each footing."""
    rules: rules.RulesSize
    pay: pay.PaySize
    accept: accept.AcceptSize
    insurance: insurance.InsuranceSize
    credentials: int
    """In the batch."""
    papers: int
    """Rounds of laying one out, signing and verifying it."""
    isolation: tuple[int, int]
    """Rounds, and questions of others in each phase of one."""


FULL: Final = Size(
    population=30_000,
    citizens=50,
    rounds=5,
    requests=150,
    bare_requests=BARE_REQUESTS,
    sign_ins=400,
    tokens=1_000,
    log=log.LogSize(records=1_000_000, leaves=10_000_000, proofs=5_000),
    exchange=exchange.ExchangeSize(rounds=5, batches=1_000, records=20_000),
    plugins=plugins.PluginSize(rounds=60, calls=40),
    composition=composition.CompositionSize(plugins=1_000, swaps=20, rounds=9, requests=40),
    joins=5,
    rules=rules.RulesSize(repeats=60, citizens=1_000_000, rounds=5),
    pay=pay.PaySize(rounds=5, bulk=100_000, orm=4_000, seconds=5),
    accept=accept.AcceptSize(people=20_000, now=300, rate=3_820, rows=20_000),
    insurance=insurance.InsuranceSize(rounds=5, policies=20_000, checks=5_000),
    credentials=credentials.BATCH,
    papers=15,
    isolation=(4, 800),
)
QUICK: Final = Size(
    population=2_000, citizens=10, rounds=2, requests=40, bare_requests=2_000, sign_ins=60, tokens=100,
    log=log.LogSize(records=70_000, leaves=300_000, proofs=300),
    exchange=exchange.ExchangeSize(rounds=2, batches=200, records=2_000), joins=2,
    rules=rules.RulesSize(repeats=8, citizens=40_000, rounds=2),
    pay=pay.PaySize(rounds=2, bulk=10_000, orm=500, seconds=1),
    accept=accept.AcceptSize(people=1_000, now=40, rate=1_000, rows=2_000),
    insurance=insurance.InsuranceSize(rounds=2, policies=1_000, checks=200),
    credentials=2_000, papers=3,
    isolation=(1, 100),
    plugins=plugins.PluginSize(rounds=10, calls=20),
    composition=composition.CompositionSize(plugins=100, swaps=4, rounds=3, requests=10),
)  # fmt: skip
AGAIN: Final = 100
"""So many times more often a token is believed again: it takes next to nothing."""


@dataclass(frozen=True)
class Measured:
    """A system with its people signed in."""

    system: System
    requests: Sequence[Request]
    answers: Sequence[bytes]


def main() -> None:
    """The command. Exits with 1 when an answer was not whole."""
    given = _arguments().parse_args()
    if not Path("/proc/self/stat").exists():
        sys.exit("The CPU of a process is read from /proc, which only Linux has.")
    size, parts = QUICK if given.quick else FULL, given.parts or PARTS
    with tempfile.TemporaryDirectory(prefix="sitthi-bench-") as folder:
        asyncio.run(bench(Path(folder), size, given.on or list(FOOTINGS), parts))
    if "isolation" in parts:  # on the event loop that serves
        isolation.run(*size.isolation, _say)


async def bench(folder: Path, size: Size, footings: list[str], parts: Sequence[str]) -> None:
    """Measures these parts, one after the other, and prints."""
    print(f"{os.cpu_count()} processors, shared with the load generator; ", end="")
    print(f"{os.getloadavg()[0]:.1f} processes waited before it began")
    if "verification" in parts:
        (folder / "verification").mkdir()
        again = size.tokens * AGAIN
        await verification.bench(folder / "verification", rounds=size.rounds, firsts=size.tokens, agains=again)
    if "exchange" in parts:
        (folder / "exchange").mkdir()
        await exchange.bench(folder / "exchange", footings, size.exchange, say=_say)
    if "log" in parts:
        (folder / "log").mkdir()
        await log.bench(folder / "log", footings, size.log, say=_say)
    if "plugins" in parts:
        await plugins.bench(size.plugins, say=_say)
    if "composition" in parts:
        (folder / "composition").mkdir()
        await composition.bench(folder / "composition", size.composition, say=_say)
    if "join" in parts:
        (folder / "join").mkdir()
        await asyncio.to_thread(
            join.bench, Site(folder / "join", 0, SystemClock().today()), footings, rounds=size.joins, say=_say
        )
    if "rules" in parts:
        (folder / "rules").mkdir()
        await asyncio.to_thread(rules.bench, folder / "rules" / "one", size.rules, say=_say)
    if "pay" in parts:
        (folder / "pay").mkdir()
        await pay.bench(folder / "pay", size.pay, say=_say)
    if "insurance" in parts:
        (folder / "insurance").mkdir()
        await insurance.bench(folder / "insurance", size.insurance, say=_say)
    if "credentials" in parts:
        await asyncio.to_thread(credentials.bench, size.credentials)
    if "papers" in parts:
        await asyncio.to_thread(papers.bench, size.papers)
    await _whole(folder, size, footings, parts)


async def _whole(folder: Path, size: Size, footings: list[str], parts: Sequence[str]) -> None:
    """What is measured on whole servers."""
    if "accept" in parts:
        (folder / "accept").mkdir()
        await accept.bench(folder / "accept", size.accept, say=_say)
    if not {"home", "sign-in"} & set(parts):
        return
    site = Site(folder, size.population, SystemClock().today())
    if "sign-in" in parts:
        await sign_in.bench(
            site, footings, rounds=size.rounds, sign_ins=size.sign_ins, concurrencies=CONCURRENCIES, say=_say
        )
    if "home" in parts:
        await home(site, size, footings)


async def home(site: Site, size: Size, footings: list[str]) -> dict[int, dict[str, list[Outcome]]]:
    """Measures the home query and prints. Answers the outcomes by concurrency and system, a list of rounds each."""
    people = choose(site.population, size.citizens)
    with systems(site, footings) as started:
        measured = [await _ready(system, people) for system in started]
        body = sorted(measured[0].answers, key=len)[len(people) // 2]
        with bare(site, body) as (port, pid):
            await run(port, pid, measured[0].requests, total=size.bare_requests // 4, connections=1)  # warms it up
            found: dict[int, dict[str, list[Outcome]]] = {}
            for connections in CONCURRENCIES:
                outcomes: dict[str, list[Outcome]] = defaultdict(list)
                for number in range(size.rounds):
                    _say(f"concurrency {connections}, round {number + 1} of {size.rounds}")
                    asked = measured[0].requests
                    outcomes[FLOOR].append(
                        await run(port, pid, asked, total=size.bare_requests, connections=connections)
                    )
                    for one in measured:
                        outcomes[one.system.name].append(await _round(one, size.requests, connections))
                found[connections] = dict(outcomes)
    print(f"\nhome query, {len(people)} citizens in turn, {size.rounds} rounds of {size.requests} requests each;")
    print("median (least–most) ×ratio to the bare answer")
    for connections, by_system in found.items():
        print("\n" + "\n".join(table(connections, by_system, FLOOR)))
    return found


async def _ready(system: System, people: list[Who]) -> Measured:
    """Signs everyone in, lets some apply and be paid, and warms up: twice around, and once with eight at a time."""
    _say(f"{system.name}: {len(people)} people sign in")
    tokens = await tokens_of(system.process, people)
    made = await live(system.process, tokens, SystemClock().today())
    body = orjson.dumps({"query": HOME.read_text()})
    requests = [Request.post("/graphql", body, token=token) for token in tokens]
    await fetch(system.process.port, requests)
    answers = await fetch(system.process.port, requests)
    leaves = [leaves_in(answer) for answer in answers]
    sizes = [len(answer) for answer in answers]
    print(
        f"{system.name}: {made} applications decided; home screens of {mean(leaves):.0f} leaf fields on average "
        f"({min(leaves)}–{max(leaves)}), {median_low(sizes):,} bytes ({min(sizes):,}–{max(sizes):,})",
        flush=True,
    )
    await run(system.process.port, system.process.pid, requests, total=len(requests), connections=max(CONCURRENCIES))
    return Measured(system, requests, answers)


async def _round(one: Measured, total: int, connections: int) -> Outcome:
    system = one.system
    return await run(
        system.process.port,
        system.process.pid,
        one.requests,
        total=total,
        connections=connections,
        helpers=system.helpers,
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"of {', '.join(PARTS)}; by default all"
    )
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten: few people, few requests")
    parser.add_argument("--on", choices=list(FOOTINGS), action="append", help="only this footing; may be repeated")
    return parser


def _say(what: str) -> None:
    print(f"· {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
