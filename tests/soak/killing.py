"""Kills workers, sequencers and PostgreSQL with SIGKILL, starts them again, and then asks whether anything was lost.

`script/soak` runs it for long; tests/soak/test_kills.py for a moment.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random  # noqa: TID251 (moments and victims from a seed)
from typing import Any, Final
from uuid import UUID

from core import migrations
from core.attestation.service import Attestor
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from services.exchange.access_log.records import AccessEntry, AccessOutcome
from services.exchange.access_log.sequencer import Sequencer
from tests.services.exchange.fakes import KEYS
from tests.soak.processes import ISSUER, family_of, sequence, verified, work
from tests.support import access_log
from tests.support.postgres import Postgres
from tests.support.sequenced import sequenced

WORKERS: Final = 2
SEQUENCERS: Final = 2
"""Of which one works at a time."""
WAIT_SECONDS_MAX: Final = 0.4
HOUSEHOLD: Final = "exchange.household"
KEPT_MAX: Final = 200
"""Kept heads that the log is held against, from all of its life."""


@dataclass(slots=True)
class Outcome:
    """What happened, and what was found wrong afterwards: nothing, it is hoped."""

    kills: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    answered: int = 0
    entries: int = 0
    settled: int = 0
    """Entries that were answered at once, and have no outcome of their own."""
    records: int = 0
    heads: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        kills = ", ".join(f"{count} of a {name}" for name, count in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills ({kills}): {self.asked:,} questions, {self.answered:,} answers, "
            f"{self.entries:,} entries ({self.settled:,} settled at once), "
            f"{self.records:,} records under {self.heads:,} heads, {len(self.faults)} faults"
        )


class Cast:
    """The processes under way, each of a kind, and started again under a new name when it was killed."""

    def __init__(self, url: str, folder: Path, chance: Random) -> None:
        self._url, self._folder, self._chance = url, folder, chance
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["tests.soak.processes"])
        self._number = 0
        self.alive: list[tuple[str, BaseProcess, Path]] = []

    def start(self, kind: str) -> None:
        self._number += 1
        journal = self._folder / f"{kind}-{self._number}.journal"
        journal.touch()
        given: tuple[Any, ...] = (self._url, journal)
        if kind == "worker":
            given = (*given, f"w{self._number}", self._chance.randrange(1 << 30))
        process = self._context.Process(target=work if kind == "worker" else sequence, args=given, daemon=True)
        process.start()
        self.alive.append((kind, process, journal))

    def kill(self, kind: str) -> None:
        """One of that kind, which has begun; and another in its place."""
        chosen = self._chance.choice([one for one in self.alive if one[0] == kind])
        self.await_begun(chosen)
        _kill(chosen[1])
        self.alive.remove(chosen)
        self.start(kind)

    def await_begun(self, one: tuple[str, BaseProcess, Path]) -> None:
        until = time.monotonic() + 60
        while not one[2].stat().st_size and time.monotonic() < until:
            if not one[1].is_alive():
                raise RuntimeError(f"a {one[0]} ended by itself")
            time.sleep(0.005)

    def end(self) -> None:
        for _, process, _ in self.alive:
            _kill(process)
        self.alive = []

    def journals(self) -> Iterator[list[str]]:
        for journal in sorted(self._folder.glob("*.journal")):
            for line in journal.read_text().splitlines():
                yield line.split(" ")


def _kill(process: BaseProcess) -> None:
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def soak(
    url: str, folder: Path, *, kills: int, seed: int, crash: Callable[[], None] | None, say: Callable[[str], None]
) -> Outcome:
    """`crash` kills the database and brings it back; None for one that has no process of its own."""
    chance, outcome = Random(seed), Outcome()
    migrations.upgrade(url, keys=lambda: KEYS)
    driven = Settings(database_url=url).sqlalchemy_url
    asyncio.run(_prepare(driven))
    cast = Cast(driven, folder, chance)
    try:
        for kind in ["worker"] * WORKERS + ["sequencer"] * SEQUENCERS:
            cast.start(kind)
        for number in range(kills):
            time.sleep(chance.uniform(0, WAIT_SECONDS_MAX))
            victim = chance.choices(["worker", "sequencer", "database"], [4, 4, 2 if crash else 0])[0]
            if victim == "database" and crash is not None:
                crash()
            else:
                cast.kill(victim)
            outcome.kills[victim] += 1
            if number % 50 == 49:
                say(f"{number + 1} kills")
    finally:
        cast.end()
    asyncio.run(_judge(driven, list(cast.journals()), outcome))
    return outcome


async def _prepare(url: str) -> None:
    database = Database(url)
    await family_of(database)
    await database.close()


async def _judge(url: str, journals: list[list[str]], outcome: Outcome) -> None:
    """No fact without its entry and outcome, no entry without its cause, and nothing lost, doubled or moved."""
    asked = {line[1]: line for line in journals if line[0] == "asked" and len(line) == 4}
    answered = {line[1]: line[2] for line in journals if line[0] == "answered" and len(line) == 3}
    heads = list(dict.fromkeys(line[1] for line in journals if line[0] == "head" and len(line) == 2))
    database = Database(url)
    try:
        await _drain(database)
        entries = {one.id: one for one in await access_log.entries(database, KEYS)}
        outcomes = await access_log.outcomes(database, KEYS)
        await sequenced(database, acknowledged=[*entries, *(one.id for one in outcomes)])
    finally:
        await database.close()
    outcome.faults += _faults(asked, answered, list(entries.values()), outcomes)
    outcome.faults += await verified(url, heads[:: max(1, len(heads) // KEPT_MAX)])
    outcome.asked, outcome.answered = len(asked), len(answered)
    outcome.entries, outcome.heads = len(entries), len(heads)
    outcome.settled = sum(one.settled is not None for one in entries.values())
    outcome.records = len(entries.keys() | {one.id for one in outcomes})


def _faults(
    asked: Mapping[str, list[str]],
    answered: Mapping[str, str],
    entries: Sequence[AccessEntry],
    outcomes: Sequence[AccessOutcome],
) -> Iterator[str]:
    """`asked` has the words of each question's line, `answered` the states that it was told."""
    by_id = {one.id: one for one in entries}
    by_question = {one.asker_id: one for one in entries if one.asker_id != HOUSEHOLD}
    told: dict[UUID, set[str]] = {}
    for outcome in outcomes:
        told.setdefault(outcome.entry, set()).update(outcome.states)
        if outcome.entry not in by_id:
            yield f"the outcome {outcome.id} has no decision"
    for question, states in answered.items():
        yield from _of_answer(question, states, by_question.get(question), told)
    for entry in entries:
        if entry.asker_id == HOUSEHOLD:
            if entry.caused_by not in by_id:
                yield f"the entry {entry.id} about a household names a cause that is not there"
            if entry.settled is not None:
                yield f"the entry {entry.id} about a household says what came of it before anything was read"
        elif entry.asker_id not in asked:
            yield f"the entry {entry.id} is of a question that nobody asked"
        elif entry.subject.hex != asked[entry.asker_id][2]:
            yield f"{entry.asker_id} is entered about another person"
    if len(by_question) != sum(1 for one in entries if one.asker_id != HOUSEHOLD):
        yield "a question has two entries"


def _of_answer(question: str, states: str, entry: AccessEntry | None, told: Mapping[UUID, set[str]]) -> Iterator[str]:
    names = {part.partition("=")[0] for part in states.split(",")}
    if entry is None:
        yield f"{question} was answered, and has no entry"
    elif not names <= set(entry.attributes):
        yield f"{question} was told of what its entry does not name"
    elif entry.decision == "ALLOWED" and not names <= told.get(entry.id, set()):
        yield f"{question} was told what no outcome names"
    elif entry.decision != "ALLOWED" and states.count("=DENIED") != len(names):
        yield f"{question} was refused, and told"


async def _drain(database: Database) -> None:
    """Until rounds find nothing, thrice: the first after a crash may only look around."""
    attestor = Attestor(database, KEYS, SystemClock(), ISSUER)
    sequencer, idle = Sequencer(database, attestor, SystemClock(), ISSUER), 0
    while idle < 3:
        idle = 0 if await sequencer.round() else idle + 1


def crashing(postgres: Postgres) -> Callable[[], None]:
    """Kills the server with all its processes, as a machine that loses power does, and starts it again."""

    def crash() -> None:
        master = int((postgres.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        family = [master, *map(int, children)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(map(_cmdline, family)):
            time.sleep(0.01)
        # Nobody may have waited for the dead yet, and PostgreSQL takes a zombie of that number for a running server.
        for lock in (postgres.data / "postmaster.pid", *postgres.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)
        postgres.start()

    return crash


def _cmdline(pid: int) -> bytes:
    """Empty of a zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def main() -> None:
    """The command. Exits with 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="script/soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000, help="how many, on each database")
    parser.add_argument("--seed", type=int, default=1, help="picks victims and moments")
    parser.add_argument("--on", choices=["sqlite", "postgresql"], action="append", help="only this database")
    given = parser.parse_args()
    found = 0
    for footing in given.on or ["sqlite", "postgresql"]:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="sitthi-soak-") as name, contextlib.ExitStack() as stack:
            folder, crash = Path(name), None
            url = f"sqlite:///{folder / 'sitthi.sqlite'}"
            if footing == "postgresql":
                postgres = stack.enter_context(Postgres.running(durable=True))
                url, crash = postgres.create("sitthi"), crashing(postgres)

            def say(what: str, footing: str = footing) -> None:
                sys.stderr.write(f"· {footing}: {what}\n")

            outcome = soak(url, folder, kills=given.kills, seed=given.seed, crash=crash, say=say)
        lines = [f"{footing}, seed {given.seed}, {time.monotonic() - began:.0f} s: {outcome.line}"]
        sys.stdout.write("\n  ".join([*lines, *outcome.faults[:20]]) + "\n")
        sys.stdout.flush()
        found += len(outcome.faults)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
