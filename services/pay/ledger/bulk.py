"""Booking very many transactions of two lines at once: by COPY on PostgreSQL, by `executemany` on SQLite.

The database's proofs are the same as for :func:`services.pay.ledger.service.book` (migrations 0002 and 0028), and so is
the promise: once per key, and a key that stands for something else is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import bangkok_day
from core.database_faults import driver_told_as_unavailable
from services.pay.ledger.errors import KeyReused
from services.pay.ledger.models import LedgerAccount, LedgerPosting, LedgerTransaction
from services.pay.ledger.packing import Packed, once_each, packed
from services.pay.ledger.service import Bookable, account_id, refuse_closed, transaction_id
from services.pay.writing import insert_new

AT_ONCE: Final = 10_000
"""Transactions that are held in memory and copied together."""
_ASKED_AT_ONCE: Final = 500
HEAD: Final = ("id", "key", "booked_at")
POSTING: Final = ("transaction_id", "line", "account", "satang")


MANY: Final = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::bigint[])
                  AS given (id, key, booked_at, debit, credit, satang)
), head AS (
    INSERT INTO ledger_transaction (id, key, booked_at) SELECT id, key, booked_at FROM given
    ON CONFLICT DO NOTHING RETURNING id
), posted AS (
    INSERT INTO ledger_posting (transaction_id, line, account, satang)
    SELECT head.id, line.number, line.account, line.satang
      FROM head JOIN given ON given.id = head.id,
           LATERAL (VALUES (1, given.debit, given.satang), (2, given.credit, -given.satang))
                   AS line (number, account, satang)
    RETURNING transaction_id, line
)
SELECT transaction_id FROM posted WHERE line = 1
"""
"""Answers the ids of those that nobody had booked; see :func:`given`."""
NEW: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::bigint[])
                  AS given (id, key, booked_at, debit, credit, satang)
), posted AS (
    INSERT INTO ledger_posting (transaction_id, line, account, satang)
    SELECT given.id, line.number, line.account, line.satang
      FROM given, LATERAL (VALUES (1, given.debit, given.satang), (2, given.credit, -given.satang))
                   AS line (number, account, satang)
)
INSERT INTO ledger_transaction (id, key, booked_at) SELECT id, key, booked_at FROM given
"""
"""The same where all of them are new, for a fifth less: what else is refused as a unique violation. The heads come
first, in the order that they are given in: of two that book the same, one waits for the other at the first."""


@dataclass(frozen=True)
class Booking:
    """One transaction of two lines: `debit` receives the amount, `credit` gives it, on the agency's accounts.

    `key` is the business key, at most 100 characters; `satang` is positive.
    """

    key: str
    agency: str
    debit: Bookable
    credit: Bookable
    satang: int
    at: datetime

    @cached_property
    def id(self) -> UUID:
        return transaction_id(self.key)

    @property
    def is_sound(self) -> bool:
        return self.satang > 0

    @property
    def moves(self) -> tuple[str, str, str, int]:
        """Who, from where, to where and how much, whenever that was."""
        return self.agency, self.debit.code, self.credit.code, self.satang

    def lines(self, accounts: Accounts) -> tuple[tuple[UUID, int, UUID, int], tuple[UUID, int, UUID, int]]:
        """The rows of its postings."""
        return (
            (self.id, 1, accounts[self.agency, self.debit.code], self.satang),
            (self.id, 2, accounts[self.agency, self.credit.code], -self.satang),
        )


Accounts = dict[tuple[str, str], UUID]
"""Ids by agency and code."""


async def book_all(session: AsyncSession, bookings: Iterable[Booking]) -> int:
    """Books them in the session's transaction and answers how many those were; the others were booked before, alike.

    `bookings` may be endless: twice :data:`AT_ONCE` of them are in memory at a time.
    Raises :class:`Unbalanced` for an amount that is not positive, :class:`KeyReused`, and `PeriodClosed`.
    """
    if session.get_bind().dialect.name == "sqlite":
        return await _book_all_lite(session, bookings)
    waiting, booked, accounts = iter(bookings), 0, Accounts()
    ready: Packed | None = None
    while True:
        some = list(islice(waiting, AT_ONCE))
        await open_accounts(session, some, accounts)
        # The next are packed by a thread while the database takes those that are ready.
        packing = asyncio.create_task(asyncio.to_thread(packed, some, accounts))
        try:
            if ready is not None:
                booked += await _book(session, ready, accounts)
        except BaseException:
            await asyncio.wait([packing])
            packing.exception()
            raise
        ready = await packing
        if not some:
            return booked


async def _book_all_lite(session: AsyncSession, bookings: Iterable[Booking]) -> int:
    waiting, booked, accounts = iter(bookings), 0, Accounts()
    while some := list(islice(waiting, AT_ONCE)):
        unique = list(once_each(some).values())
        await open_accounts(session, unique, accounts)
        new = await _unbooked(session, unique, accounts)
        await refuse_closed_months(session, new)
        await _insert(session, new, accounts)
        booked += len(new)
    return booked


async def open_accounts(session: AsyncSession, bookings: Iterable[Booking], accounts: Accounts) -> None:
    """Puts into `accounts` those that they name, opened where nobody has."""
    # By what they are: an enumeration's members take longer to hash than all else here.
    distinct = {(one.agency, id(account)): account for one in bookings for account in (one.debit, one.credit)}
    named = {(agency, account.code): account for (agency, _), account in distinct.items()}
    new = {key: account for key, account in sorted(named.items()) if key not in accounts}
    rows = [
        {"id": account_id(agency, account), "agency": agency, "code": code, "kind": account.kind.value}
        for (agency, code), account in new.items()
    ]
    await insert_new(session, LedgerAccount, rows)
    accounts.update({(agency, code): account_id(agency, account) for (agency, code), account in new.items()})


async def _book(session: AsyncSession, ready: Packed, accounts: Accounts) -> int:
    if await _copy(session, ready):
        return len(ready.bookings)
    new = await _unbooked(session, ready.bookings, accounts)
    await refuse_closed_months(session, new)
    with driver_told_as_unavailable():
        won = {row[0] for row in await (await _driver(session)).fetch(MANY, *given(new, accounts))}
    await _unbooked(session, [one for one in new if one.id not in won], accounts)  # only alike, that is
    return len(won)


async def refuse_closed_months(session: AsyncSession, bookings: Iterable[Booking]) -> None:
    """Raises `PeriodClosed` where the month of one of them is closed for its agency."""
    moments = {(one.agency, one.at) for one in bookings}
    months = {(agency, bangkok_day(at).replace(day=1)): at for agency, at in moments}
    for (agency, _), at in sorted(months.items()):
        await refuse_closed(session, agency, at)


def given(bookings: Sequence[Booking], accounts: Accounts) -> tuple[list[Any], ...]:
    """The arrays of :data:`MANY` and :data:`NEW`. Raises KeyError where an account is not among `accounts`."""
    # What most have in common is looked up once for all of them.
    agency: str | None = None
    debit: Bookable | None = None
    credit: Bookable | None = None
    receives: list[UUID] = []
    gives: list[UUID] = []
    for one in bookings:
        if one.debit is debit and one.credit is credit and one.agency == agency:
            receives.append(receives[-1])
            gives.append(gives[-1])
            continue
        agency, debit, credit = one.agency, one.debit, one.credit
        receives.append(accounts[agency, debit.code])
        gives.append(accounts[agency, credit.code])
    return (
        [one.id for one in bookings],
        [one.key for one in bookings],
        [one.at for one in bookings],
        receives,
        gives,
        [one.satang for one in bookings],
    )


async def _driver(session: AsyncSession) -> Any:
    """asyncpg's own connection, in the session's transaction."""
    driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver.is_in_transaction(), "opening the accounts began it"
    return driver


async def _unbooked(session: AsyncSession, bookings: Sequence[Booking], accounts: Accounts) -> list[Booking]:
    """Those that nobody has booked. Raises :class:`KeyReused` where one was booked otherwise."""
    there: dict[UUID, list[tuple[UUID, int, UUID, int]]] = {}
    for some in _batches(bookings):
        query = select(
            col(LedgerPosting.transaction_id),
            col(LedgerPosting.line),
            col(LedgerPosting.account),
            col(LedgerPosting.satang),
        ).where(col(LedgerPosting.transaction_id).in_([one.id for one in some]))
        for row in (await session.execute(query)).tuples():
            there.setdefault(row[0], []).append(row)
    for one in bookings:
        if one.id in there and sorted(there[one.id], key=lambda row: row[1]) != list(one.lines(accounts)):
            raise KeyReused(key=one.key)
    return [one for one in bookings if one.id not in there]


def _batches(bookings: Sequence[Booking]) -> Iterator[Sequence[Booking]]:
    for start in range(0, len(bookings), _ASKED_AT_ONCE):
        yield bookings[start : start + _ASKED_AT_ONCE]


async def _insert(session: AsyncSession, bookings: Sequence[Booking], accounts: Accounts) -> None:
    """Postings first, the heads last: their triggers then see the whole."""
    if not bookings:
        return
    postings = [dict(zip(POSTING, row, strict=True)) for one in bookings for row in one.lines(accounts)]
    await session.execute(insert(LedgerPosting), postings)
    await session.execute(
        insert(LedgerTransaction), [{"id": one.id, "key": one.key, "booked_at": one.at} for one in bookings]
    )


async def _copy(session: AsyncSession, ready: Packed) -> bool:
    """False, and nothing is copied, where one of them is booked already."""
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - who has no PostgreSQL need not load it

    driver = await _driver(session)
    with driver_told_as_unavailable():
        try:
            async with driver.transaction():  # a savepoint
                for table, columns, rows in (
                    ("ledger_posting", POSTING, ready.of_postings()),
                    ("ledger_transaction", HEAD, ready.of_heads()),
                ):
                    await driver.copy_to_table(table, source=rows, columns=columns, format="binary")
        except asyncpg.UniqueViolationError:
            return False
        except asyncpg.CheckViolationError:
            await refuse_closed_months(session, ready.bookings)
            raise
    return True
