"""The ledger balances, only grows, and books each key once; the database holds to that by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.ids import new_id
from core.money import Money
from services.pay.ledger.errors import KeyReused, Unbalanced
from services.pay.ledger.models import LedgerPosting, LedgerTransaction
from services.pay.ledger.service import Account, Line, account_id, book, transaction_id, transfer, trial_balance

NOW = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)
LINES = transfer(Account.BENEFITS, Account.PAYABLE, Money.baht(700))


async def booked(db: Database, clock: FixedClock, key: str, lines: Sequence[Line] = LINES, agency: str = "dla") -> bool:
    async with db.write() as session:
        return await book(session, key=key, agency=agency, lines=lines, at=clock.now())


async def count(db: Database, table: str) -> int:
    async with db.read() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - a name of ours


async def test_a_balance_is_the_sum_of_the_postings(database: Database, clock: FixedClock) -> None:
    await booked(database, clock, "one")
    await booked(database, clock, "two")
    await booked(database, clock, "three", agency="dcy")
    async with database.read() as session:
        balances = {(b.agency, b.code): b.money for b in await trial_balance(session)}
    assert balances == {
        ("dcy", "BENEFITS"): Money.baht(700),
        ("dcy", "PAYABLE"): Money.baht(-700),
        ("dla", "BENEFITS"): Money.baht(1400),
        ("dla", "PAYABLE"): Money.baht(-1400),
    }


async def test_the_same_key_is_booked_once(database: Database, clock: FixedClock) -> None:
    assert await booked(database, clock, "key")
    assert not await booked(database, clock, "key")
    assert await count(database, "ledger_posting") == 2


async def test_thirty_bookings_of_one_key_at_once_make_one_transaction(database: Database, clock: FixedClock) -> None:
    results = await asyncio.gather(*(booked(database, clock, "key") for _ in range(30)))
    assert sorted(results) == [False] * 29 + [True]
    assert await count(database, "ledger_posting") == 2


@pytest.mark.parametrize(
    "other",
    [
        transfer(Account.BENEFITS, Account.PAYABLE, Money.baht(701)),
        transfer(Account.BENEFITS, Account.BANK, Money.baht(700)),
        (*LINES, *LINES),
    ],
)
async def test_a_key_that_stands_for_other_postings_is_refused(
    database: Database, clock: FixedClock, other: Sequence[Line]
) -> None:
    await booked(database, clock, "key")
    with pytest.raises(KeyReused):
        await booked(database, clock, "key", other)
    assert await count(database, "ledger_posting") == 2


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (Line(Account.BANK, Money(0)), Line(Account.PAYABLE, Money(0))),
        (Line(Account.BANK, Money(1)),),
        (Line(Account.BANK, Money(1)), Line(Account.PAYABLE, Money(-2))),
    ],
)
async def test_what_does_not_balance_is_refused(database: Database, clock: FixedClock, lines: Sequence[Line]) -> None:
    with pytest.raises(Unbalanced):
        await booked(database, clock, "key", lines)
    assert await count(database, "ledger_transaction") == 0


async def insert_posting(db: Database, key: str, line: int, satang: int, *, head: bool = False) -> None:
    """Past the program, as a careless hand would."""
    async with db.write() as session:
        account = account_id("dla", Account.BENEFITS)
        posting = {"transaction_id": transaction_id(key), "line": line, "account": account, "satang": satang}
        await session.execute(insert(LedgerPosting).values(posting))
        if head:
            await session.execute(insert(LedgerTransaction).values(id=transaction_id(key), key=key, booked_at=NOW))


async def test_the_database_refuses_a_transaction_that_does_not_balance(database: Database, clock: FixedClock) -> None:
    await booked(database, clock, "first")
    with pytest.raises(DBAPIError, match="must balance"):
        await insert_posting(database, "lone", 1, 5, head=True)


async def test_the_database_refuses_a_posting_without_its_transaction(database: Database, clock: FixedClock) -> None:
    await booked(database, clock, "first")
    account = account_id("dla", Account.BENEFITS)
    rows = [
        {"transaction_id": transaction_id("headless"), "line": line, "account": account, "satang": satang}
        for line, satang in ((1, 5), (2, -5))
    ]

    async def store() -> None:
        async with database.write() as session:
            await session.execute(insert(LedgerPosting).values(rows))

    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        await store()


async def test_the_database_refuses_a_posting_that_comes_late(database: Database, clock: FixedClock) -> None:
    await booked(database, clock, "first")
    with pytest.raises(DBAPIError, match="is closed"):
        await insert_posting(database, "first", 3, 5)


@pytest.mark.parametrize("table", ["ledger_account", "ledger_transaction", "ledger_posting"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {}"])
async def test_the_database_refuses_to_change_the_ledger(
    database: Database, clock: FixedClock, table: str, change: str
) -> None:
    await booked(database, clock, "first")
    column = {"ledger_account": "code = code", "ledger_transaction": "key = key"}.get(table, "line = line")
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.write() as session:
            await session.execute(text(change.format(table, column)))


@pytest.mark.postgres_only
async def test_postgresql_refuses_to_empty_the_ledger(database: Database, clock: FixedClock) -> None:
    await booked(database, clock, "first")
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.write() as session:
            await session.execute(text("TRUNCATE ledger_posting"))


async def test_a_transaction_that_rolls_back_leaves_nothing(database: Database, clock: FixedClock) -> None:
    async def fail_after_booking() -> None:
        async with database.write() as session:
            await book(session, key=new_id().hex, agency="dla", lines=LINES, at=clock.now())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_booking()
    assert await count(database, "ledger_posting") == await count(database, "ledger_account") == 0
