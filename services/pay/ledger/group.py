"""Booking single transactions durably while many wait: :class:`core.group_commit.GroupCommit` over this kind.

bookings = GroupCommit(DurableBookings(db))
await bookings.submit(Booking(...))   # True: booked; False: it was booked before, alike
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.database import Database
from core.database_faults import driver_told_as_unavailable
from core.group_commit import storable
from services.pay.ledger.bulk import MANY, NEW, Accounts, Booking, given, open_accounts, refuse_closed_months
from services.pay.ledger.errors import KeyReused, Unbalanced
from services.pay.ledger.models import LedgerPosting, LedgerTransaction
from services.pay.ledger.service import KEY_LENGTH_MAX

_SATANG_MAX: Final = 2**63 - 1
Posted = tuple[tuple[UUID, int, UUID, int], ...]

ONE: Final = """
WITH head AS (
    INSERT INTO ledger_transaction (id, key, booked_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO ledger_posting (transaction_id, line, account, satang)
SELECT head.id, line.number, line.account, line.satang
  FROM head, (VALUES (1, $4::uuid, $6::bigint), (2, $5::uuid, -$6::bigint)) AS line (number, account, satang)
"""
_THERE: Final = """
SELECT transaction_id, line, account, satang FROM ledger_posting WHERE transaction_id = ANY($1::uuid[]) ORDER BY line
"""


class DurableBookings:
    """A :class:`core.group_commit.Kind`. The outcome: whether it was new."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._accounts: Accounts = {}
        """Those that are open: accounts are never closed."""

    def check(self, request: Booking) -> None:
        """Raises :class:`Unbalanced`, and `BadInput` for a key that cannot be kept."""
        if not request.is_sound or request.satang > _SATANG_MAX or len(request.key) > KEY_LENGTH_MAX:
            raise Unbalanced
        storable(request.key)
        storable(request.agency)
        if request.at.utcoffset() is None:
            raise ValueError("a time without a zone cannot be stored")

    def order(self, request: Booking) -> int:
        """As PostgreSQL orders ids. Numbers compare much faster than :class:`UUID` does."""
        return request.id.int

    async def one(self, request: Booking) -> bool:
        """Raises :class:`KeyReused`, and `PeriodClosed`."""
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - who has no PostgreSQL need not load it

        try:
            (outcome,) = await self.many([request])
        except (asyncpg.CheckViolationError, IntegrityError):
            async with self._db.read() as session:
                await refuse_closed_months(session, [request])
            raise
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def many(self, requests: Sequence[Booking]) -> Sequence[bool | Exception]:
        distinct = {(one.agency, id(account)): account for one in requests for account in (one.debit, one.credit)}
        if not all((agency, account.code) in self._accounts for (agency, _), account in distinct.items()):
            async with self._db.write() as session:
                opened: Accounts = {}
                await open_accounts(session, requests, opened)
            self._accounts |= opened
        firsts: dict[str, int] = {}
        for at, one in enumerate(requests):
            firsts.setdefault(one.key, at)
        unique = [requests[at] for at in firsts.values()]
        new, there = await (self._lite(unique) if self._db.is_sqlite else self._postgres(unique))
        if len(new) == len(requests):
            return [True] * len(requests)
        return [
            True if at == firsts[one.key] and one.id in new else self._again(one, requests[firsts[one.key]], there)
            for at, one in enumerate(requests)
        ]

    def _again(self, one: Booking, first: Booking, there: dict[UUID, Posted]) -> bool | Exception:
        """The outcome of one that was booked before, or earlier in the same group as `first`."""
        posted = there.get(one.id)
        alike = one.moves == first.moves if posted is None else posted == one.lines(self._accounts)
        return False if alike else KeyReused(key=one.key)

    async def _postgres(self, bookings: Sequence[Booking]) -> tuple[set[UUID], dict[UUID, Posted]]:
        async with self._db.driver() as driver:
            with driver_told_as_unavailable():
                new = await (self._insert_one if len(bookings) == 1 else self._insert_many)(driver, bookings)
                # A second statement: the first's snapshot cannot see who was first.
                lost = [one.id for one in bookings if one.id not in new]
                return new, _by_transaction(await driver.fetch(_THERE, lost)) if lost else {}

    async def _insert_one(self, driver: Any, bookings: Sequence[Booking]) -> set[UUID]:
        (one,) = bookings
        debit, credit = self._sides(one)
        done: str = await driver.execute(ONE, one.id, one.key, one.at, debit, credit, one.satang)
        return set() if done == "INSERT 0 0" else {one.id}

    async def _insert_many(self, driver: Any, bookings: Sequence[Booking]) -> set[UUID]:
        import asyncpg  # noqa: PLC0415 - who has no PostgreSQL need not load it

        rows = given(bookings, self._accounts)
        try:
            await driver.execute(NEW, *rows)
        except asyncpg.UniqueViolationError:  # of one that was booked before: nothing was stored
            return {row[0] for row in await driver.fetch(MANY, *rows)}
        return {one.id for one in bookings}

    async def _lite(self, bookings: Sequence[Booking]) -> tuple[set[UUID], dict[UUID, Posted]]:
        """SQLite has one writer: who is there now is there for good."""

        def whole(connection: Connection) -> tuple[set[UUID], dict[UUID, Posted]]:
            query = select(
                col(LedgerPosting.transaction_id),
                col(LedgerPosting.line),
                col(LedgerPosting.account),
                col(LedgerPosting.satang),
            ).where(col(LedgerPosting.transaction_id).in_([one.id for one in bookings]))
            there = _by_transaction(connection.execute(query.order_by(col(LedgerPosting.line))).tuples())
            new = [one for one in bookings if one.id not in there]
            if new:
                names = ("transaction_id", "line", "account", "satang")
                lines = [dict(zip(names, row, strict=True)) for one in new for row in one.lines(self._accounts)]
                connection.execute(insert(LedgerPosting), lines)
                heads = [{"id": one.id, "key": one.key, "booked_at": one.at} for one in new]
                connection.execute(insert(LedgerTransaction), heads)
            return {one.id for one in new}, there

        return await self._db.transaction(whole)

    def _sides(self, one: Booking) -> tuple[UUID, UUID]:
        return self._accounts[one.agency, one.debit.code], self._accounts[one.agency, one.credit.code]


def _by_transaction(rows: Any) -> dict[UUID, Posted]:
    """In the order of the lines."""
    found: dict[UUID, list[tuple[UUID, int, UUID, int]]] = {}
    for key, line, account, satang in rows:
        found.setdefault(key, []).append((key, line, account, satang))
    return {key: tuple(lines) for key, lines in found.items()}
