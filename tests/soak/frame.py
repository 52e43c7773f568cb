"""What every soak that kills has in common: processes that come again, moments and victims by a seed, the command."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random  # noqa: TID251 (moments and victims from a seed)
from typing import Any, Final, Protocol

from tests.support.postgres import Postgres

DATABASE: Final = "database"


class Outcome(Protocol):
    """What a soak finds."""

    faults: list[str]

    @property
    def line(self) -> str:
        """What happened, in one line."""
        ...


class Soak(Protocol):
    def __call__(
        self,
        url: str,
        folder: Path,
        *,
        kills: int,
        seed: int,
        crash: Callable[[], None] | None,
        say: Callable[[str], None],
    ) -> Outcome: ...


class Cast:
    """The processes under way, each of a kind, and started again under a new name when it was killed.

    `part` says what one does: its kind, its number and its journal, an empty file, to the function and its arguments.
    One that has written into its journal has begun. `preload` is the module that the functions are in.
    """

    def __init__(
        self,
        folder: Path,
        chance: Random,
        preload: str,
        part: Callable[[str, int, Path], tuple[Callable[..., None], tuple[Any, ...]]],
    ) -> None:
        self._folder, self._chance, self._part = folder, chance, part
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([preload])
        self._number = 0
        self._alive: list[tuple[str, BaseProcess, Path]] = []

    def start(self, kind: str) -> None:
        self._number += 1
        journal = self._folder / f"{kind}-{self._number}.journal"
        journal.touch()
        target, given = self._part(kind, self._number, journal)
        process = self._context.Process(target=target, args=given, daemon=True)
        process.start()
        self._alive.append((kind, process, journal))

    def kill(self, kind: str) -> None:
        """One of that kind, which has begun; and another in its place."""
        chosen = self._chance.choice([one for one in self._alive if one[0] == kind])
        until = time.monotonic() + 60
        while not chosen[2].stat().st_size and time.monotonic() < until:
            if not chosen[1].is_alive():
                raise RuntimeError(f"a {kind} ended by itself")
            time.sleep(0.005)
        _kill(chosen[1])
        self._alive.remove(chosen)
        self.start(kind)

    def play(
        self,
        weights: Mapping[str, int],
        *,
        kills: int,
        wait_seconds_max: float,
        crash: Callable[[], None] | None,
        say: Callable[[str], None],
    ) -> Counter[str]:
        """So many kills, each of a kind by its weight and some time after the last, then of all. Answers how often
        each was hit.

        `crash` kills the database and brings it back; None for one that has no process of its own.
        """
        hit = Counter[str]()
        chances = {**weights, DATABASE: weights[DATABASE] if crash else 0}
        try:
            for number in range(kills):
                time.sleep(self._chance.uniform(0, wait_seconds_max))
                victim = self._chance.choices(list(chances), list(chances.values()))[0]
                if victim == DATABASE and crash is not None:
                    crash()
                else:
                    self.kill(victim)
                hit[victim] += 1
                if number % 50 == 49:
                    say(f"{number + 1} kills")
        finally:
            for _, process, _ in self._alive:
                _kill(process)
            self._alive = []
        return hit

    def journals(self) -> Iterator[list[str]]:
        """Every whole line of every journal, word by word; what a kill cut off is none."""
        for journal in sorted(self._folder.glob("*.journal")):
            whole, _, _ = journal.read_text().rpartition("\n")
            yield from (line.split(" ") for line in whole.splitlines())


def _kill(process: BaseProcess) -> None:
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.join()


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


def command(soak: Soak, name: str, description: str | None) -> None:
    """The command line of a soak. Exits with 1 when it found a fault."""
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--kills", type=int, default=1_000, help="how many, on each database")
    parser.add_argument("--seed", type=int, default=1, help="picks victims and moments")
    parser.add_argument("--on", choices=["sqlite", "postgresql"], action="append", help="only this database")
    given = parser.parse_args()
    found = 0
    for footing in given.on or ["sqlite", "postgresql"]:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="sitthi-soak-") as folder_name, contextlib.ExitStack() as stack:
            folder, crash = Path(folder_name), None
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
