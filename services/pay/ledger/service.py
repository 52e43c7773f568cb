"""Booking and reading. A balance is never stored: it is the sum of the postings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha1
from typing import Final, Protocol
from uuid import UUID, uuid5

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import bangkok_day
from core.money import Money
from services.pay.ledger.errors import KeyReused, KeyTooLong, PeriodClosed, Unbalanced
from services.pay.ledger.models import AccountKind, LedgerAccount, LedgerPeriod, LedgerPosting, LedgerTransaction
from services.pay.writing import insert_new

_NAMESPACE: Final = UUID("5f7d0f0e-52a1-4d2b-9d8e-0c7c1b6f1a01")
"""Arbitrary and fixed for ever: ids of accounts and transactions follow from it."""
KEY_LENGTH_MAX: Final = 100
_DIGEST_LENGTH: Final = 32
"""Hexadecimal digits: 128 bits."""
_TRANSACTION: Final = _NAMESPACE.bytes + b"transaction\x00"
_VERSION_5: Final = 0x5 << 76 | 0x2 << 62
_NEITHER: Final = (1 << 128) - 1 & ~(0xF << 76 | 0x3 << 62)
"""All bits but version and variant (RFC 9562 §5.5)."""


class Account(Enum):
    """The accounts that each paying agency has: code and kind."""

    BENEFITS = ("BENEFITS", AccountKind.EXPENSE)
    """What has been granted and approved for payment."""
    PAYABLE = ("PAYABLE", AccountKind.LIABILITY)
    """Approved, owed to citizens."""
    IN_TRANSIT = ("IN_TRANSIT", AccountKind.LIABILITY)
    """Handed to the bank, not yet booked there."""
    BANK = ("BANK", AccountKind.ASSET)
    """The agency's account at the bank."""
    CASH = ("CASH", AccountKind.ASSET)
    """The till of the agency's counters, filled up from the bank by what it paid out."""
    BANK_CLAIM = ("BANK_CLAIM", AccountKind.ASSET)
    """Moved by the bank without our order: claimed from it, or owed to it."""
    RECEIVABLE = ("RECEIVABLE", AccountKind.ASSET)
    """Paid to citizens, or on its way to them, and not due: claimed back."""
    FEES = ("FEES", AccountKind.LIABILITY)
    """Taken in for services, owed to the Treasury as revenue of the state."""
    UNAPPLIED = ("UNAPPLIED", AccountKind.LIABILITY)
    """Came in and paid no bill: owed to whoever sent it."""
    UNCLAIMED = ("UNCLAIMED", AccountKind.LIABILITY)
    """The same, of which two officers found that nobody claims it."""
    WAIVED = ("WAIVED", AccountKind.EXPENSE)
    """Claimed back, and given up by two officers."""

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def kind(self) -> AccountKind:
        return self.value[1]


class Bookable(Protocol):
    """An account of an agency: one of :class:`Account`, or of a budget."""

    @property
    def code(self) -> str: ...

    @property
    def kind(self) -> AccountKind: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be: debit positive, credit negative."""

    account: Bookable
    money: Money


@dataclass(frozen=True, slots=True)
class Balance:
    agency: str
    code: str
    kind: AccountKind
    money: Money
    """Debits less credits."""


def account_id(agency: str, account: Bookable) -> UUID:
    return uuid5(_NAMESPACE, f"account\x00{agency}\x00{account.code}")


def transaction_id(key: str) -> UUID:
    return UUID(int=_transaction_number(key))


def transaction_bytes(key: str) -> bytes:
    """Those of `uuid5(_NAMESPACE, "transaction\\0" + key)`, in a third of the time: for rows by the million."""
    return _transaction_number(key).to_bytes(16)


def _transaction_number(key: str) -> int:
    hashed = int.from_bytes(sha1(_TRANSACTION + key.encode(), usedforsecurity=False).digest()[:16])
    return hashed & _NEITHER | _VERSION_5


def bounded(text: str, most: int) -> str:
    """The text, or of a longer one a beginning and a hash of the whole: as long as may be, and no other text's."""
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{text[: most - _DIGEST_LENGTH - 1]}~{digest}"


def transfer(debit: Account, credit: Account, money: Money) -> tuple[Line, Line]:
    """The two lines that move an amount: `debit` receives, `credit` gives."""
    return Line(debit, money), Line(credit, -money)


async def book(session: AsyncSession, *, key: str, agency: str, lines: Sequence[Line], at: datetime) -> bool:
    """Books one transaction on the agency's accounts, once per `key`. False: it was booked before, and alike.

    Raises :class:`Unbalanced`, :class:`KeyReused` when the key stands for other postings, :class:`KeyTooLong`, and
    :class:`PeriodClosed`. Of two processes that book the same key at once, the second waits for the first's commit and
    then finds it booked.
    """
    if len(key) > KEY_LENGTH_MAX:
        raise KeyTooLong
    if len(lines) < 2 or any(line.money.satang == 0 for line in lines) or sum(line.money.satang for line in lines) != 0:
        raise Unbalanced
    wanted = [(number, account_id(agency, line.account), line.money.satang) for number, line in enumerate(lines, 1)]
    if not await was_booked(session, key):
        await refuse_closed(session, agency, at)
        await _open_accounts(session, agency, {line.account for line in lines})
        if await _insert(session, key, wanted, at):
            return True
    if await _postings(session, key) != wanted:
        raise KeyReused(key=key)
    return False


async def was_booked(session: AsyncSession, key: str) -> bool:
    return await session.get(LedgerTransaction, transaction_id(key)) is not None


async def times_booked(session: AsyncSession, stem: str) -> int:
    """How often something was booked that may happen again: under `stem`, `stem:2` and so on. See :func:`nth`."""
    number = 1
    while await was_booked(session, nth(stem, number)):
        number += 1
    return number - 1


def nth(stem: str, number: int) -> str:
    """The key of the first, second … time."""
    return stem if number == 1 else f"{stem}:{number}"


async def refuse_closed(session: AsyncSession, agency: str, at: datetime) -> None:
    """Raises :class:`PeriodClosed` when the Bangkok month of `at` is closed for the agency, or a later one is.

    The database refuses it as well; this says so in words.
    """
    month = bangkok_day(at).replace(day=1)
    query = select(col(LedgerPeriod.month)).where(col(LedgerPeriod.agency) == agency, col(LedgerPeriod.month) >= month)
    if await session.scalar(query.limit(1)) is not None:
        raise PeriodClosed(period=f"{month:%Y-%m}")


async def trial_balance(session: AsyncSession, agency: str | None = None) -> list[Balance]:
    """The balance of every account, of one agency or of all; together they sum to zero."""
    total = func.coalesce(func.sum(col(LedgerPosting.satang)), 0)
    query = (
        select(col(LedgerAccount.agency), col(LedgerAccount.code), col(LedgerAccount.kind), total)
        .outerjoin(LedgerPosting, col(LedgerPosting.account) == col(LedgerAccount.id))
        .group_by(col(LedgerAccount.agency), col(LedgerAccount.code), col(LedgerAccount.kind))
        .order_by(col(LedgerAccount.agency), col(LedgerAccount.code))
    )
    if agency is not None:
        query = query.where(col(LedgerAccount.agency) == agency)
    rows = await session.execute(query)
    return [Balance(of, code, AccountKind(kind), Money(int(satang))) for of, code, kind, satang in rows.tuples()]


async def unbalanced_transactions(session: AsyncSession) -> list[str]:
    """Keys of transactions that do not sum to zero. Always empty, for the database refuses them; this checks it."""
    rows = await session.scalars(
        select(col(LedgerTransaction.key))
        .outerjoin(LedgerPosting, col(LedgerPosting.transaction_id) == col(LedgerTransaction.id))
        .group_by(col(LedgerTransaction.key))
        .having(func.coalesce(func.sum(col(LedgerPosting.satang)), 1) != 0)
        .order_by(col(LedgerTransaction.key))
    )
    return list(rows)


async def _open_accounts(session: AsyncSession, agency: str, accounts: set[Bookable]) -> None:
    rows = [
        {"id": account_id(agency, account), "agency": agency, "code": account.code, "kind": account.kind.value}
        for account in sorted(accounts, key=lambda account: account.code)
    ]
    await insert_new(session, LedgerAccount, rows)


async def _insert(session: AsyncSession, key: str, wanted: Sequence[tuple[int, UUID, int]], at: datetime) -> bool:
    """Postings first, the head last: the head's trigger then sees the whole transaction."""
    rows = [
        {"transaction_id": transaction_id(key), "line": number, "account": account, "satang": satang}
        for number, account, satang in wanted
    ]
    lines = await insert_new(session, LedgerPosting, rows)
    if lines == 0:
        return False
    if lines != len(rows):
        raise KeyReused(key=key)
    await session.execute(insert(LedgerTransaction).values(id=transaction_id(key), key=key, booked_at=at))
    return True


async def _postings(session: AsyncSession, key: str) -> list[tuple[int, UUID, int]]:
    rows = await session.execute(
        select(col(LedgerPosting.line), col(LedgerPosting.account), col(LedgerPosting.satang))
        .where(col(LedgerPosting.transaction_id) == transaction_id(key))
        .order_by(col(LedgerPosting.line))
    )
    return [(line, account, satang) for line, account, satang in rows.tuples()]
