"""`script/soak pay`: kills what pays with SIGKILL, starts it again, and then asks who was paid twice, or never.

Planners grant, plan and approve paydays of several files; workers take them to the bank and reconcile, all of them on
the same paydays; bookers book single transactions by group commit. A seed picks one of them, the sandbox bank or
PostgreSQL, and the moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from tests.soak.frame import DATABASE, Cast, command
from tests.soak.paid import BOOKED_BY, of_the_bank, of_the_ledger, of_what_was_told

CAST: Final = {"planner": 2, "worker": 2, "booker": 1, "bank": 1}
PART_MAX: Final = 3
PEOPLE_MAX: Final = 8
LANES: Final = 16
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


def soak(
    url: str, folder: Path, *, kills: int, seed: int, crash: Callable[[], None] | None, say: Callable[[str], None]
) -> Outcome:
    """`crash` kills the database and brings it back; None for one that has no process of its own."""
    chance, outcome, zero = Random(seed), Outcome(), time.monotonic()
    migrations.upgrade(url, keys=lambda: KEYS)
    driven = Settings(database_url=url).sqlalchemy_url

    def part(kind: str, number: int, journal: Path) -> tuple[Callable[..., None], tuple[Any, ...]]:
        name = f"{kind[0]}{number}"
        return _TARGETS[kind], (Given(driven, folder, journal, zero, name, chance.randrange(1 << 30)),)

    cast = Cast(folder, chance, "tests.soak.paying", part)
    for kind, count in CAST.items():
        for _ in range(count):
            cast.start(kind)
    weights = dict(zip([*CAST, DATABASE], [3, 5, 2, 2, 2], strict=True))
    outcome.kills = cast.play(weights, kills=kills, wait_seconds_max=0.6, crash=crash, say=say)
    judge = Given(driven, folder, folder / "judge", zero, "judge", seed)
    asyncio.run(_judge(judge, list(cast.journals()), outcome))
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
    command(soak, "script/soak pay", __doc__)
