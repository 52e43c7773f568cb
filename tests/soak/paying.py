"""`script/soak pay`: kills what pays with SIGKILL, starts it again, and then asks who was paid twice, or never.

Planners grant, plan and approve paydays of several files; workers take them to the bank and reconcile, all of them on
the same paydays; bookers book single transactions by group commit. A seed picks one of them, the sandbox bank or
PostgreSQL, and the moment.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random  # noqa: TID251 (moments and victims from a seed)
from typing import Any, Final
from uuid import UUID

import httpx2
import structlog
import uvicorn
from sqlalchemy import func, select, text
from sqlmodel import col

from core import migrations
from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.group_commit import GroupCommit
from core.settings import Settings
from services.pay.awards import Awards
from services.pay.ledger.bulk import Booking
from services.pay.ledger.group import DurableBookings
from services.pay.ledger.models import LedgerPosting, LedgerTransaction
from services.pay.ledger.service import Account, trial_balance, unbalanced_transactions
from services.pay.models import Instalment, PaymentRun, ReconciliationBreak
from services.pay.rails.bank import BankRail
from services.sandbox.bank import bank_app
from services.sandbox.bank.books import Books
from tests.services.exchange.fakes import KEYS
from tests.services.pay.town import PERIOD, Clerk, FixedAmounts, TownHall, jobs_over
from tests.soak.killing import _kill, crashing
from tests.soak.paid import BOOKED_BY, of_the_bank, of_the_ledger, of_what_was_told
from tests.support.postgres import Postgres

CAST: Final = {"planner": 2, "worker": 2, "booker": 1, "bank": 1}
PART_MAX: Final = 3
PEOPLE_MAX: Final = 8
LANES: Final = 16
WAIT_SECONDS_MAX: Final = 0.6
_BEGAN: Final = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)


class SoakClock(FixedClock):
    """A morning in November, going on as the machine does, alike in every process."""

    def __init__(self, zero: float) -> None:
        super().__init__(_BEGAN)
        self._zero = zero

    def now(self) -> datetime:
        return _BEGAN + timedelta(seconds=time.monotonic() - self._zero)


@dataclass(frozen=True)
class Given:
    """What each process is told."""

    url: str
    folder: Path
    journal: Path
    zero: float
    name: str
    seed: int

    @property
    def bank(self) -> Path:
        return self.folder / "bank.sqlite"

    @property
    def socket(self) -> str:
        return str(self.folder / "bank.sock")


@contextlib.asynccontextmanager
async def hall_of(given: Given, transport: httpx2.AsyncBaseTransport) -> Any:
    clock = SoakClock(given.zero)
    db = Database(given.url)
    async with httpx2.AsyncClient(transport=transport, timeout=10) as client:
        hall = TownHall(db, clock, None, client)  # type: ignore[arg-type] # the bank is another process
        hall.jobs = jobs_over(
            db, clock, BankRail(client, "http://bank"), Awards(FixedAmounts(), clock), part_max=PART_MAX
        )
        yield hall
    await db.close()


def bank(given: Given) -> None:
    """Serves the sandbox bank on a socket."""
    os.setpgid(0, 0)
    app = bank_app(given.bank, SoakClock(given.zero))
    given.journal.write_bytes(b"begun\n")
    uvicorn.run(app, uds=given.socket, log_level="critical")


def planner(given: Given) -> None:
    _for_ever(_plan(given))


def worker(given: Given) -> None:
    _for_ever(_work(given))


def booker(given: Given) -> None:
    _for_ever(_book(given))


async def _plan(given: Given) -> None:
    chance = Random(given.seed)
    async with hall_of(given, httpx2.AsyncHTTPTransport(uds=given.socket)) as hall:
        with given.journal.open("ab", buffering=0) as file:
            file.write(b"begun\n")
            number = 0
            while True:
                number += 1
                officer, other = Clerk(agency=f"{given.name}n{number}"), Clerk(agency=f"{given.name}n{number}")
                with _whatever_a_crash_makes_of_it():
                    for _ in range(chance.randint(1, PEOPLE_MAX)):
                        hall.people = chance.randrange(10**9)
                        await hall.grant(agency=officer.agency)
                    run = await hall.jobs.plan(officer, PERIOD)
                    await hall.jobs.approve(other, run.id)
                    file.write(f"approved {run.id.hex} {officer.agency}\n".encode())
                await asyncio.sleep(0.05)


async def _work(given: Given) -> None:
    chance = Random(given.seed)
    async with hall_of(given, httpx2.AsyncHTTPTransport(uds=given.socket)) as hall:
        with given.journal.open("ab", buffering=0) as file:
            file.write(b"begun\n")
            while True:
                await asyncio.sleep(0.01)
                with _whatever_a_crash_makes_of_it():
                    waiting = await _open(hall.db)
                    if not waiting:
                        continue
                    run, agency = chance.choice(waiting)
                    await hall.jobs.send(Clerk(agency=agency), run)
                    await hall.jobs.reconcile(Clerk(agency=agency), run)
                    file.write(f"paid {run.hex}\n".encode())


async def _open(db: Database) -> list[tuple[UUID, str]]:
    """One run of each payday that is not decided, the oldest ones."""
    query = select(func.min(col(PaymentRun.part)), col(PaymentRun.payday), col(PaymentRun.agency))
    query = query.where(col(PaymentRun.status).in_(["APPROVED", "SUBMITTED"]))
    async with db.read() as session:
        rows = (await session.execute(query.group_by(col(PaymentRun.payday), col(PaymentRun.agency)).limit(20))).all()
        found = []
        for part, payday, agency in rows:
            one = select(col(PaymentRun.id)).where(col(PaymentRun.payday) == payday, col(PaymentRun.part) == part)
            found.append(((await session.scalars(one)).one(), agency))
    return found


async def _book(given: Given) -> None:
    db, clock = Database(given.url), SoakClock(given.zero)
    group = GroupCommit(DurableBookings(db))

    async def lane(number: int, file: Any) -> None:
        chance, count = Random(given.seed * LANES + number), 0
        while True:
            count += 1
            key, satang = f"soak:{given.name}:{number}:{count}", chance.randint(1, 10**6)
            booking = Booking(key, BOOKED_BY, Account.BENEFITS, Account.PAYABLE, satang, clock.now())
            file.write(f"asked {key} {satang}\n".encode())
            with _whatever_a_crash_makes_of_it():
                new = await asyncio.gather(*(group.submit(booking) for _ in range(chance.choice([1, 1, 1, 2]))))
                file.write(f"booked {key} {satang} {sum(new)}\n".encode())
            await asyncio.sleep(0.02)

    with given.journal.open("ab", buffering=0) as file:
        file.write(b"begun\n")
        await asyncio.gather(*(lane(number, file) for number in range(LANES)))


@contextlib.contextmanager
def _whatever_a_crash_makes_of_it() -> Iterator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - the bank or the database is away: nothing was promised
        time.sleep(0.01)


def _for_ever(work: Coroutine[Any, Any, None]) -> None:
    os.setpgid(0, 0)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
    )  # it is killed, after all
    asyncio.run(work)


_TARGETS: Final = {"bank": bank, "planner": planner, "worker": worker, "booker": booker}


@dataclass(slots=True)
class Outcome:
    """What happened, and what was found wrong afterwards: nothing, it is hoped."""

    kills: Counter[str] = field(default_factory=Counter)
    approved: int = 0
    """Paydays whose approval was told."""
    runs: int = 0
    instalments: int = 0
    entries: int = 0
    """Of the bank's books."""
    booked: int = 0
    """Single transactions that were told to be booked."""
    faults: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        kills = ", ".join(f"{count} of a {name}" for name, count in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills ({kills}): {self.approved:,} paydays told as approved, "
            f"{self.runs:,} files, {self.instalments:,} instalments, {self.entries:,} entries at the bank, "
            f"{self.booked:,} single bookings told, {len(self.faults)} faults"
        )


class Cast:
    """The processes under way; whoever is killed comes again under a new name."""

    def __init__(self, url: str, folder: Path, chance: Random) -> None:
        self._url, self._folder, self._chance, self.zero = url, folder, chance, time.monotonic()
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["tests.soak.paying"])
        self._number = 0
        self.alive: list[tuple[str, BaseProcess, Path]] = []

    def given(self, kind: str) -> Given:
        self._number += 1
        journal = self._folder / f"{kind}-{self._number}.journal"
        journal.touch()
        name = f"{kind[0]}{self._number}"
        return Given(self._url, self._folder, journal, self.zero, name, self._chance.randrange(1 << 30))

    def start(self, kind: str) -> None:
        given = self.given(kind)
        process = self._context.Process(target=_TARGETS[kind], args=(given,), daemon=True)
        process.start()
        self.alive.append((kind, process, given.journal))

    def kill(self, kind: str) -> None:
        chosen = self._chance.choice([one for one in self.alive if one[0] == kind])
        until = time.monotonic() + 60
        while not chosen[2].stat().st_size and time.monotonic() < until:
            if not chosen[1].is_alive():
                raise RuntimeError(f"a {kind} ended by itself")
            time.sleep(0.005)
        _kill(chosen[1])
        self.alive.remove(chosen)
        self.start(kind)

    def end(self) -> None:
        for _, process, _ in self.alive:
            _kill(process)
        self.alive = []

    def journals(self) -> Iterator[list[str]]:
        for journal in sorted(self._folder.glob("*.journal")):
            whole, _, _ = journal.read_text().rpartition("\n")
            yield from (line.split(" ") for line in whole.splitlines())


def soak(
    url: str, folder: Path, *, kills: int, seed: int, crash: Callable[[], None] | None, say: Callable[[str], None]
) -> Outcome:
    """`crash` kills the database and brings it back; None for one that has no process of its own."""
    chance, outcome = Random(seed), Outcome()
    migrations.upgrade(url, keys=lambda: KEYS)
    driven = Settings(database_url=url).sqlalchemy_url
    cast = Cast(driven, folder, chance)
    try:
        for kind, count in CAST.items():
            for _ in range(count):
                cast.start(kind)
        for number in range(kills):
            time.sleep(chance.uniform(0, WAIT_SECONDS_MAX))
            victim = chance.choices([*CAST, "database"], [3, 5, 2, 2, 2 if crash else 0])[0]
            if victim == "database" and crash is not None:
                crash()
            else:
                cast.kill(victim)
            outcome.kills[victim] += 1
            if number % 50 == 49:
                say(f"{number + 1} kills")
    finally:
        cast.end()
    asyncio.run(_judge(cast.given("judge"), list(cast.journals()), outcome))
    return outcome


async def _judge(given: Given, journals: list[list[str]], outcome: Outcome) -> None:
    """Finishes what was begun, as officers do who start it again; then everyone is paid once and the books agree."""
    app = bank_app(given.bank, SoakClock(given.zero))
    async with hall_of(given, httpx2.ASGITransport(app=app)) as hall:
        async with hall.db.read() as session:
            agencies = sorted(set(await session.scalars(select(col(Instalment.agency)))))
        for agency in agencies:
            await _finish(hall, agency)
        async with hall.db.read() as session:
            runs = {run.id: run for run in await session.scalars(select(PaymentRun))}
            instalments = list(await session.scalars(select(Instalment)))
            breaks = list(await session.scalars(select(ReconciliationBreak)))
            unbalanced = await unbalanced_transactions(session)
            balances = {(one.agency, one.code): one.money.satang for one in await trial_balance(session)}
            unfinished = await session.scalar(text("SELECT count(*) FROM ledger_unfinished"))
            debits = (
                select(col(LedgerTransaction.key), col(LedgerPosting.satang))
                .join(LedgerPosting, col(LedgerPosting.transaction_id) == col(LedgerTransaction.id))
                .where(col(LedgerTransaction.key).like("soak:%"), col(LedgerPosting.line) == 1)
            )
            booked = list((await session.execute(debits)).tuples())
    entries = Books(given.bank).entries()
    faults = outcome.faults
    faults += [f"run {key.hex} is {run.status}" for key, run in runs.items() if run.status != "SETTLED"]
    faults += [f"instalment {one.id.hex} is {one.status}" for one in instalments if one.status != "SETTLED"]
    faults += [f"break {one.kind} of {one.end_to_end}" for one in breaks]
    faults += [f"{key} does not balance" for key in unbalanced]
    faults += ["the database has something unfinished"] if unfinished else []
    faults += of_the_bank(instalments, [(entry.end_to_end, entry.satang) for entry in entries])
    faults += of_the_ledger(instalments, balances, booked)
    faults += of_what_was_told(journals, set(runs), dict(booked))
    told = Counter(line[0] for line in journals)
    outcome.approved, outcome.booked, outcome.entries = told["approved"], told["booked"], len(entries)
    outcome.runs, outcome.instalments = len(runs), len(instalments)


async def _finish(hall: TownHall, agency: str) -> None:
    officer, other = Clerk(agency=agency), Clerk(agency=agency)
    while True:
        async with hall.db.read() as session:
            left = select(func.count()).select_from(Instalment).where(col(Instalment.agency) == agency)
            scheduled = await session.scalar(left.where(col(Instalment.status) == "SCHEDULED"))
            query = select(PaymentRun).where(col(PaymentRun.agency) == agency, col(PaymentRun.closed_at).is_(None))
            runs = list(await session.scalars(query))
        planned = next((run for run in runs if run.status == "PLANNED"), None)
        if scheduled and planned is None:
            planned = await hall.jobs.plan(officer, PERIOD)
        if planned is not None:
            await hall.jobs.approve(other, planned.id)
        elif not runs:
            return
        for run in [planned] if planned is not None else runs:
            await hall.jobs.send(other, run.id)
            await hall.jobs.reconcile(other, run.id)


def main() -> None:
    """The command. Exits with 1 when anybody was paid twice or never, or the books do not agree."""
    parser = argparse.ArgumentParser(prog="script/soak pay", description=__doc__)
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
