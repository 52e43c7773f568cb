"""Breaks of money that comes in: those that are open, and how each may be closed.

| what the break is about | officers may close it as |
|---|---|
| money that is here and paid no bill | `REFUND`, `ASSIGN`, `KEEP` |
| anything else: the bank's word against what is booked | `NO_MONEY_MOVED`, `CLAIMED` |
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.money import Money
from services.pay.fees.models import FeeRefund, IncomingBreak, IncomingPayment, IncomingResolution
from services.pay.fees.states import RefundStatus, Verdict
from services.pay.ledger.service import Account, Line, book, times_booked, transfer
from services.pay.reconciliation import BreakKind
from services.pay.writing import insert_new


class IncomingOutcome(StrEnum):
    """What a break of money that comes in came to. All but the last two are decided by two officers."""

    REFUND = "REFUND"
    """It goes back by a file to the bank, to the account that whoever paid has named."""
    ASSIGN = "ASSIGN"
    """It pays the bill of a fee, whole, that it was meant for."""
    KEEP = "KEEP"
    """Nobody claims it."""
    NO_MONEY_MOVED = "NO_MONEY_MOVED"
    """The bank told something that did not happen; the books stand."""
    CLAIMED = "CLAIMED"
    """The bank's books and ours differ by so much: it is claimed from the bank, or owed to it."""
    BANK_MENDED = "BANK_MENDED"
    """The bank told it rightly later."""
    GONE_BACK = "GONE_BACK"
    """It went back at the bank, as two officers booked (`sitthi pay fees refund`)."""


OF_MONEY: Final = frozenset({IncomingOutcome.REFUND, IncomingOutcome.ASSIGN, IncomingOutcome.KEEP})
OF_WORDS: Final = frozenset({IncomingOutcome.NO_MONEY_MOVED, IncomingOutcome.CLAIMED})
BY_OFFICERS: Final = OF_MONEY | OF_WORDS
LISTED: Final = col(IncomingBreak.kind).in_([BreakKind.NOT_BOOKED.value, BreakKind.RETURN_NOT_EXPECTED.value])
"""What the bank mends by listing it after all."""
CONTRADICTS: Final = and_(
    col(IncomingBreak.kind).in_([BreakKind.WRONG_AMOUNT.value, BreakKind.UNKNOWN_REFERENCE.value]),
    col(IncomingBreak.expected).is_not(None),
)
"""What it mends by listing it as it had told it."""
OF_REFUNDS: Final = and_(
    col(IncomingBreak.kind).in_([BreakKind.WRONG_AMOUNT.value, BreakKind.UNKNOWN_REFERENCE.value]),
    col(IncomingBreak.reference) == "",
)
"""What it mends by telling the refund rightly."""
ABOUT_MONEY: Final = frozenset(
    {
        BreakKind.UNKNOWN_REFERENCE,
        BreakKind.WRONG_AMOUNT,
        BreakKind.BOOKED_TWICE,
        BreakKind.PAID_AFTER_RETURN,
    }
)


def is_about_money(found: IncomingBreak, paid: IncomingPayment | None) -> bool:
    """Whether the payment itself is what waits: it is here, whole, and paid no bill. A break that has something on our
    side is about the bank's contradicting itself."""
    return (
        paid is not None
        and BreakKind(found.kind) in ABOUT_MONEY
        and found.expected is None
        and paid.verdict != Verdict.PAID.value
    )


def is_here(paid: IncomingPayment) -> bool:
    """Whether it may still be decided what becomes of it."""
    return paid.verdict != Verdict.PAID.value and paid.refunded_at is None and paid.kept_at is None


def difference(found: IncomingBreak) -> int:
    """Satang that the bank's books have more than ours."""
    return (found.found or 0) - (found.expected or 0)


async def open_breaks(
    session: AsyncSession, agency: str, limit: int
) -> list[tuple[IncomingBreak, IncomingResolution | None]]:
    """The agency's, latest first, each with what is proposed for it."""
    query = _open().add_columns(IncomingResolution).where(col(IncomingBreak.agency) == agency)
    rows = await session.execute(query.order_by(col(IncomingBreak.id).desc()).limit(limit))
    return [(found, proposed) for found, proposed in rows.tuples()]


async def on_its_way(session: AsyncSession, incoming: UUID) -> FeeRefund | None:
    """The refund of that payment that is on its way, or has arrived."""
    query = select(FeeRefund).where(
        col(FeeRefund.incoming) == incoming, col(FeeRefund.status) != RefundStatus.RETURNED.value
    )
    return (await session.scalars(query.execution_options(populate_existing=True))).first()


async def close_without_officers(
    session: AsyncSession,
    agency: str,
    bank_reference: str,
    kinds: frozenset[BreakKind],
    outcome: IncomingOutcome,
    at: datetime,
) -> None:
    """Closes what is open about that entry of the bank. What an officer had proposed falls."""
    about = _about(agency, bank_reference, col(IncomingBreak.kind).in_(sorted(kinds)))
    await _close(session, about, outcome, at)


async def told_rightly(
    session: AsyncSession,
    agency: str,
    bank_reference: str,
    about: ColumnElement[bool],
    at: datetime,
) -> None:
    """The bank tells by now, under that reference, what it had told wrongly or left out. What is open `about` it is
    closed; what two officers had claimed of it moved once, and is not claimed: unless two officers have reversed it."""
    told = _about(agency, bank_reference, about)
    await _close(session, told, IncomingOutcome.BANK_MENDED, at)
    claimed = select(IncomingBreak).join(IncomingResolution, col(IncomingResolution.break_id) == col(IncomingBreak.id))
    claimed = claimed.where(
        *told,
        col(IncomingResolution.outcome) == IncomingOutcome.CLAIMED.value,
        col(IncomingResolution.closed_at).is_not(None),
    )
    for found in (await session.scalars(claimed.order_by(col(IncomingBreak.id)))).all():
        key = claim_key(found)
        if not await times_booked(session, f"reverse:{key}"):
            lines = [Line(line.account, -line.money) for line in claimed_of(found)]
            await book(session, key=f"{key}:mended", agency=agency, lines=lines, at=at)


async def open_again(session: AsyncSession, row: Mapping[str, Any], about: ColumnElement[bool]) -> int:
    """The bank has taken back the word that mended it, and says what the `row` of a break says. How many were closed
    by that word; what officers decided stands."""
    agency, bank_reference, kind = str(row["agency"]), str(row["bank_reference"]), str(row["kind"])
    what = and_(col(IncomingBreak.kind) == kind, about)
    told = select(col(IncomingBreak.id)).where(*_about(agency, bank_reference, what))
    mended = delete(IncomingResolution).where(
        col(IncomingResolution.break_id).in_(told),
        col(IncomingResolution.outcome) == IncomingOutcome.BANK_MENDED.value,
    )
    opened = list(await session.scalars(mended.returning(col(IncomingResolution.break_id))))
    said = {name: row[name] for name in ("expected", "found")}
    await session.execute(update(IncomingBreak).where(col(IncomingBreak.id).in_(opened)).values(said))
    return len(opened)


def claim_key(found: IncomingBreak) -> str:
    """The ledger's, of what :attr:`IncomingOutcome.CLAIMED` books."""
    return f"incoming-break:{found.id.hex}"


def claimed_of(found: IncomingBreak) -> tuple[Line, Line]:
    more = difference(found)
    debit, credit = (Account.BANK, Account.BANK_CLAIM) if more > 0 else (Account.BANK_CLAIM, Account.BANK)
    return transfer(debit, credit, Money(abs(more)))


def _about(agency: str, bank_reference: str, about: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    return col(IncomingBreak.agency) == agency, col(IncomingBreak.bank_reference) == bank_reference, about


async def _close(
    session: AsyncSession, about: tuple[ColumnElement[bool], ...], outcome: IncomingOutcome, at: datetime
) -> None:
    for found in (await session.scalars(_open().where(*about))).all():
        row = {
            "break_id": found.id,
            "outcome": outcome.value,
            "reason": "",
            "proposed_by": None,
            "proposed_at": at,
            "closed_by": None,
            "closed_at": at,
        }
        if await insert_new(session, IncomingResolution, [row]):
            continue
        proposed = await session.get(IncomingResolution, found.id, populate_existing=True, with_for_update=True)
        if proposed is not None and proposed.closed_at is None:
            proposed.outcome, proposed.reason, proposed.proposed_by = outcome.value, "", None
            proposed.bill, proposed.account_sealed = None, None
            proposed.proposed_at = proposed.closed_at = at
            await session.flush()


def _open() -> Select[tuple[IncomingBreak]]:
    joined = select(IncomingBreak).outerjoin(
        IncomingResolution, col(IncomingResolution.break_id) == col(IncomingBreak.id)
    )
    return joined.where(col(IncomingResolution.closed_at).is_(None)).execution_options(populate_existing=True)
