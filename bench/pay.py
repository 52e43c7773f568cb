"""`script/bench pay`: the ledger in bulk beside a bare COPY and the ORM, and single durable payments beside pgbench.

Both on one PostgreSQL with its own defaults for the disk. What is compared takes turns within one run; figures are
medians, ratios are of medians. Bulk: the same transactions (two postings and a head each) by
:func:`services.pay.ledger.bulk.book_all`, by COPY into tables without triggers and foreign keys, with the same keys and
indexes or with none, and by the session's `add_all`. COPY is told twice: of rows that the driver encodes, as one writes
it, and of finished bytes in its binary format, the most that the database can take. Singly: `pgbench -M prepared` runs
the single-row statement of :mod:`services.pay.ledger.group` on the same tables, with as many clients as wait at a time
here.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from statistics import median
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core import migrations
from core.clock import SystemClock
from core.database import Database, Instant
from core.group_commit import LANES, ROWS_MAX, GroupCommit
from core.ids import new_id
from core.settings import Settings
from services.pay.ledger.bulk import AT_ONCE, HEAD, POSTING, Booking, book_all
from services.pay.ledger.group import DurableBookings
from services.pay.ledger.packing import packed
from services.pay.ledger.service import Account, account_id
from tests.services.exchange.fakes import KEYS
from tests.support.postgres import USER, Postgres, wheel_folder

AGENCY: Final = "dla"
CLIENTS: Final = (1, 8, 64)
OURS: Final = "book_all"
Performed = Callable[[], Awaitable[None]]
Way = Callable[[list[Booking]], Performed]
"""What it makes ready is not timed; what that then does is."""
_BARE: Final = """
CREATE TABLE bare_posting (LIKE ledger_posting INCLUDING DEFAULTS);
CREATE TABLE bare_head (LIKE ledger_transaction INCLUDING DEFAULTS);
CREATE TABLE keyed_posting (LIKE ledger_posting INCLUDING ALL);
CREATE TABLE keyed_head (LIKE ledger_transaction INCLUDING ALL);
"""
PGBENCH: Final = """
WITH head AS (
    INSERT INTO ledger_transaction (id, key, booked_at)
    SELECT id, 'settle:' || id, now() FROM (SELECT gen_random_uuid() AS id) AS new ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO ledger_posting (transaction_id, line, account, satang)
SELECT head.id, line.number, line.account, line.satang
  FROM head, (VALUES (1, '{debit}'::uuid, 70000::bigint), (2, '{credit}'::uuid, -70000))
       AS line (number, account, satang);
"""


class _Base(DeclarativeBase):
    """Apart from the application's own."""


class _Posting(_Base):
    __tablename__ = "keyed_posting"
    transaction_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[UUID]
    satang: Mapped[int] = mapped_column(BigInteger)


class _Head(_Base):
    __tablename__ = "keyed_head"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str]
    booked_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class PaySize:
    rounds: int
    bulk: int
    """Transactions in bulk, in each round."""
    orm: int
    """By the ORM, which takes much longer."""
    seconds: int
    """Of each measure of single payments."""


async def bench(folder: Path, size: PaySize, *, say: Callable[[str], None]) -> None:
    """Measures and prints."""
    with Postgres.running(durable=True) as postgres:
        url = postgres.create("sitthi")
        await asyncio.to_thread(migrations.upgrade, url, keys=lambda: KEYS)
        db = Database(Settings(database_url=url).sqlalchemy_url)
        try:
            async with db.write() as session:
                await book_all(session, _bookings(1))
            async with db.driver() as driver:
                await driver.execute(_BARE)
            await _bulk(db, size, say)
            await _singly(db, postgres, folder, size, say)
        finally:
            await db.close()


def _bookings(count: int) -> list[Booking]:
    now = SystemClock().now()
    return [
        Booking(f"settle:{new_id().hex}", AGENCY, Account.PAYABLE, Account.IN_TRANSIT, 70_000, now)
        for _ in range(count)
    ]


async def _bulk(db: Database, size: PaySize, say: Callable[[str], None]) -> None:
    ways: dict[str, tuple[int, Way]] = {
        OURS: (size.bulk, partial(_booked, db)),
        "COPY of rows, same keys": (size.bulk, partial(_copied, db, "keyed")),
        "COPY of rows, no keys": (size.bulk, partial(_copied, db, "bare")),
        "COPY of bytes, same keys": (size.bulk, partial(_sent, db, "keyed")),
        "COPY of bytes, no keys": (size.bulk, partial(_sent, db, "bare")),
        "add_all": (size.orm, partial(_added, db)),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(size.rounds):
        say(f"bulk, round {number + 1} of {size.rounds}")
        for name, (count, way) in ways.items():
            perform = way(_bookings(count))
            began = time.perf_counter()
            await perform()
            rates[name].append(count / (time.perf_counter() - began))
    ours = median(rates[OURS])
    print(f"\nbulk ledger, {size.bulk:,} transactions of two postings a round, {size.rounds} rounds, PostgreSQL:")
    for name, found in rates.items():
        ratio = "" if name == OURS else f"; {OURS} ×{ours / median(found):.2f}"
        print(f"  {name:<25}{median(found):>9,.0f} a second ({min(found):,.0f}–{max(found):,.0f}){ratio}", flush=True)


def _booked(db: Database, bookings: list[Booking]) -> Performed:
    async def perform() -> None:
        async with db.write() as session:
            assert await book_all(session, bookings) == len(bookings)

    return perform


def _copied(db: Database, kind: str, bookings: list[Booking]) -> Performed:
    """Ids and order are ready before."""
    debit, credit = account_id(AGENCY, Account.PAYABLE), account_id(AGENCY, Account.IN_TRANSIT)
    ordered = sorted(bookings, key=lambda one: one.id)

    async def perform() -> None:
        async with db.driver() as driver, driver.transaction():
            for start in range(0, len(ordered), AT_ONCE):
                some = ordered[start : start + AT_ONCE]
                rows = (
                    (one.id, line, account, satang)
                    for one in some
                    for line, account, satang in ((1, debit, one.satang), (2, credit, -one.satang))
                )
                await driver.copy_records_to_table(f"{kind}_posting", records=rows, columns=POSTING)
                heads = ((one.id, one.key, one.at) for one in some)
                await driver.copy_records_to_table(f"{kind}_head", records=heads, columns=HEAD)

    return perform


def _sent(db: Database, kind: str, bookings: list[Booking]) -> Performed:
    """Everything is ready before: what is left is the database's."""
    accounts = {(AGENCY, one.code): account_id(AGENCY, one) for one in (Account.PAYABLE, Account.IN_TRANSIT)}
    ready = [packed(bookings[start : start + AT_ONCE], accounts) for start in range(0, len(bookings), AT_ONCE)]

    async def perform() -> None:
        async with db.driver() as driver, driver.transaction():
            for some in ready:
                for table, columns, rows in (
                    (f"{kind}_posting", POSTING, some.of_postings()),
                    (f"{kind}_head", HEAD, some.of_heads()),
                ):
                    await driver.copy_to_table(table, source=rows, columns=columns, format="binary")

    return perform


def _added(db: Database, bookings: list[Booking]) -> Performed:
    """Into the tables without triggers: it sends a statement for each row, which the ledger's own refuse by half."""
    debit, credit = account_id(AGENCY, Account.PAYABLE), account_id(AGENCY, Account.IN_TRANSIT)

    async def perform() -> None:
        async with db.write() as session:
            session.add_all(
                _Posting(transaction_id=one.id, line=line, account=account, satang=satang)
                for one in bookings
                for line, account, satang in ((1, debit, one.satang), (2, credit, -one.satang))
            )
            session.add_all(_Head(id=one.id, key=one.key, booked_at=one.at) for one in bookings)

    return perform


async def _singly(db: Database, postgres: Postgres, folder: Path, size: PaySize, say: Callable[[str], None]) -> None:
    script = folder / "payment.sql"
    debit, credit = account_id(AGENCY, Account.PAYABLE), account_id(AGENCY, Account.IN_TRANSIT)
    script.write_text(PGBENCH.format(debit=debit, credit=credit).replace("\n", " ").strip() + "\n")
    ours: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    theirs: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    halves: list[float] = []
    for number in range(size.rounds):
        for clients in CLIENTS:
            say(f"single payments, {clients} waiting, round {number + 1} of {size.rounds}")
            ours[clients].append(await _grouped(db, clients, size.seconds))
            theirs[clients].append(await asyncio.to_thread(_pgbench, postgres, script, clients, size.seconds))
        halves.append(await _grouped(db, CLIENTS[-1], size.seconds, rows_max=CLIENTS[-1] // LANES))
    print(f"\nsingle durable payments (head and two postings each), {size.rounds} rounds of {size.seconds} s:")
    for clients in CLIENTS:
        mine, other = median(ours[clients]), median(theirs[clients])
        print(
            f"  {clients:>3} waiting: group commit {mine:>7,.0f} a second ({min(ours[clients]):,.0f}–"
            f"{max(ours[clients]):,.0f}), pgbench {other:>7,.0f} ({min(theirs[clients]):,.0f}–"
            f"{max(theirs[clients]):,.0f}): ×{mine / other:.2f}",
            flush=True,
        )
    found, other = median(halves), median(theirs[CLIENTS[-1]])
    print(f"  · in groups of {CLIENTS[-1] // LANES} at most {found:,.0f} a second, ×{found / other:.2f}", flush=True)


async def _grouped(db: Database, waiting: int, seconds: float, rows_max: int = ROWS_MAX) -> float:
    """A second, with so many that each wait for theirs and come again."""
    group = GroupCommit(DurableBookings(db), rows_max=rows_max)
    done, until = 0, time.perf_counter() + seconds
    at: datetime = SystemClock().now()

    async def one() -> None:
        nonlocal done
        while time.perf_counter() < until:
            # Random, as pgbench's are: ids that are ordered by time cost as much to make as all else here.
            assert await group.submit(
                Booking(f"settle:{token_hex(16)}", AGENCY, Account.PAYABLE, Account.IN_TRANSIT, 70_000, at)
            )
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(waiting)))
    await group.close()
    return done / (time.perf_counter() - began)


def _pgbench(postgres: Postgres, script: Path, clients: int, seconds: int) -> float:
    """Transactions a second; raises RuntimeError with its words where it does not say."""
    program = wheel_folder() / "pginstall" / "bin" / "pgbench"
    options: list[Any] = ["-n", "-M", "prepared", "-c", clients, "-j", 1, "-T", seconds, "-f", script]
    done = subprocess.run(
        [str(word) for word in (program, *options, "-h", postgres.folder, "-U", USER, "sitthi")],
        check=False,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench: {done.stderr.strip()}")
    return float(found[1])
