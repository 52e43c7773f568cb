"""Breaks that are open, and how each is closed. One place for those who find them and those who decide."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.money import Money
from services.pay.ledger.service import Account, Line, book, times_booked, transfer
from services.pay.models import BreakResolution, Instalment, PaymentRun, ReconciliationBreak
from services.pay.rails.contract import Entry, EntryKind
from services.pay.states import InstalmentStatus
from services.pay.writing import insert_new


class BreakKind(StrEnum):
    """All that can be wrong between the bank's word and ours, each divergence being one of them."""

    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    """Booked under an end-to-end id that is not in the run: garbled, or somebody else's."""
    WRONG_AMOUNT = "WRONG_AMOUNT"
    """Booked or returned with another amount, or in another currency."""
    BOOKED_TWICE = "BOOKED_TWICE"
    """A second entry, with a reference of its own, for what is settled."""
    PAID_AFTER_RETURN = "PAID_AFTER_RETURN"
    """Booked although it had been rejected or returned."""
    RETURN_NOT_EXPECTED = "RETURN_NOT_EXPECTED"
    """Returned although it was returned before, or taken back after it was settled without a reason that we know."""
    REFUSED_AS_DUPLICATE = "REFUSED_AS_DUPLICATE"
    """The bank refused one payment of a file as known to it."""
    NOT_BOOKED = "NOT_BOOKED"
    """Accepted, and not booked some bank days after the day that was asked for (:mod:`services.pay.overdue`)."""


class BreakOutcome(StrEnum):
    """What a break came to. All but the first are decided by two officers."""

    BANK_MENDED = "BANK_MENDED"
    """The bank told it rightly later, and the payment is decided by that."""
    NO_MONEY_MOVED = "NO_MONEY_MOVED"
    """The bank told something that did not happen; the books stand."""
    CLAIMED = "CLAIMED"
    """Money moved that ought not to have: it is claimed from the bank, or owed to it."""
    OWED_AGAIN = "OWED_AGAIN"
    """The bank will never book it, or took it back for good: the payment is owed again."""
    PAID = "PAID"
    """What had come back reached its payee after all."""


async def open_breaks(session: AsyncSession, run: UUID) -> list[ReconciliationBreak]:
    """Of one run, those that nobody has closed."""
    return list(await session.scalars(_open().where(col(ReconciliationBreak.run) == run)))


async def open_breaks_of(
    session: AsyncSession, agency: str
) -> list[tuple[ReconciliationBreak, BreakResolution | None]]:
    """Of one agency, oldest first, each with what is proposed for it."""
    query = _open().add_columns(BreakResolution).join(PaymentRun, col(PaymentRun.id) == col(ReconciliationBreak.run))
    query = query.where(col(PaymentRun.agency) == agency)
    ordered = query.order_by(col(ReconciliationBreak.found_at), col(ReconciliationBreak.id))
    return [(found, proposed) for found, proposed in (await session.execute(ordered)).tuples()]


Told = tuple[str, str]
"""An entry by its reference and end-to-end id."""

ONCE_FOR_ALL: Final = {
    "BOOKED_TWICE": EntryKind.PAID,
    "PAID_AFTER_RETURN": EntryKind.PAID,
    "RETURN_NOT_EXPECTED": EntryKind.RETURNED,
}
"""Kinds of :class:`services.pay.reconciliation.BreakKind` by which an entry is dealt with, whatever becomes of it."""


async def named_before(session: AsyncSession, run: UUID) -> set[tuple[EntryKind, str, str]]:
    """Kind, reference and end-to-end id of the run's entries that a break has dealt with, or waits to. One that came
    back for no reason that we know, and is open, may be mended by the bank's giving one."""
    query = (
        select(ReconciliationBreak)
        .outerjoin(BreakResolution, col(BreakResolution.break_id) == col(ReconciliationBreak.id))
        .where(
            col(ReconciliationBreak.run) == run,
            col(ReconciliationBreak.kind).in_(sorted(ONCE_FOR_ALL)),
            or_(
                col(BreakResolution.closed_at).is_not(None),
                col(ReconciliationBreak.kind) != "RETURN_NOT_EXPECTED",
            ),
        )
    )
    return {(ONCE_FOR_ALL[one.kind], one.bank_reference, one.end_to_end) for one in await session.scalars(query)}


def is_borne(instalment: Instalment, entry: Entry) -> bool:
    """Whether the payment bears the entry's reference already. A bank may take back what it had booked under the
    same reference: that is another entry."""
    if entry.reference != instalment.bank_reference or entry.reference == instalment.reversal_reference:
        return entry.reference == instalment.reversal_reference
    open_to_return = instalment.status in {InstalmentStatus.SUBMITTED.value, InstalmentStatus.SETTLED.value}
    return not (entry.kind is EntryKind.RETURNED and instalment.reversal_reference is None and open_to_return)


def mends(entry: Entry, one: ReconciliationBreak) -> bool:
    """Whether the bank tells by that entry, of which a payment was decided, what it had told wrongly or not at all.

    One reference may stand for several payments: of what it told of a payment, only an entry of that payment does.
    """
    if one.kind in {"REFUSED_AS_DUPLICATE", "NOT_BOOKED"}:
        return entry.end_to_end == one.end_to_end
    if entry.reference != one.bank_reference:
        return False
    if one.kind in {"WRONG_AMOUNT", "RETURN_NOT_EXPECTED"}:
        return entry.end_to_end == one.end_to_end
    return one.kind == "UNKNOWN_REFERENCE"


def claimed_of(one: ReconciliationBreak) -> tuple[Line, Line]:
    """What :attr:`BreakOutcome.CLAIMED` books: what left without our order is claimed, what came in owed."""
    came_in = one.entry_kind == EntryKind.RETURNED.value or one.kind == "RETURN_NOT_EXPECTED"
    debit, credit = (Account.BANK, Account.BANK_CLAIM) if came_in else (Account.BANK_CLAIM, Account.BANK)
    return transfer(debit, credit, Money(one.found))


async def take_claims_back(
    session: AsyncSession, run: PaymentRun, entry: Entry, at: datetime, *, still_told: Collection[Told]
) -> None:
    """The bank tells rightly, under the same reference, an entry that officers had claimed as it was told before: it
    left, or came in, once. Unless two officers have reversed that already, or the bank tells the other one as well."""
    query = (
        select(ReconciliationBreak)
        .join(BreakResolution, col(BreakResolution.break_id) == col(ReconciliationBreak.id))
        .where(
            col(ReconciliationBreak.run) == run.id,
            col(ReconciliationBreak.kind).in_(["UNKNOWN_REFERENCE", "WRONG_AMOUNT"]),
            col(ReconciliationBreak.bank_reference) == entry.reference,
            col(ReconciliationBreak.entry_kind) == entry.kind.value,
            or_(
                col(ReconciliationBreak.kind) == "UNKNOWN_REFERENCE",
                col(ReconciliationBreak.end_to_end) == entry.end_to_end,
            ),
            col(BreakResolution.outcome) == BreakOutcome.CLAIMED.value,
            col(BreakResolution.closed_at).is_not(None),
        )
    )
    for one in await session.scalars(query):
        key = f"break:{one.id.hex}"
        if (one.bank_reference, one.end_to_end) not in still_told and not await times_booked(session, f"reverse:{key}"):
            lines = [Line(line.account, -line.money) for line in claimed_of(one)]
            await book(session, key=f"{key}:mended", agency=run.agency, lines=lines, at=at)


async def paid_after_return(session: AsyncSession, agency: str) -> frozenset[UUID]:
    """Payments that the bank says it booked although they had come back, and of which two officers have not said yet
    whether they were paid. Of what they found paid, the payment's own state says so."""
    query = (
        _open()
        .join(PaymentRun, col(PaymentRun.id) == col(ReconciliationBreak.run))
        .where(col(PaymentRun.agency) == agency, col(ReconciliationBreak.kind) == "PAID_AFTER_RETURN")
    )
    return frozenset(UUID(hex=one.end_to_end) for one in await session.scalars(query))


async def close_by_bank(session: AsyncSession, one: ReconciliationBreak, at: datetime) -> None:
    """The bank has told it rightly. What an officer had proposed falls."""
    proposed = await session.get(BreakResolution, one.id)
    if proposed is not None:
        proposed.outcome, proposed.reason, proposed.proposed_by = BreakOutcome.BANK_MENDED.value, "", None
        proposed.proposed_at = proposed.closed_at = at
        await session.flush()
        return
    row = {
        "break_id": one.id,
        "outcome": BreakOutcome.BANK_MENDED.value,
        "reason": "",
        "proposed_by": None,
        "proposed_at": at,
        "closed_by": None,
        "closed_at": at,
    }
    await insert_new(session, BreakResolution, [row])


def _open() -> Select[tuple[ReconciliationBreak]]:
    joined = select(ReconciliationBreak).outerjoin(
        BreakResolution, col(BreakResolution.break_id) == col(ReconciliationBreak.id)
    )
    return joined.where(col(BreakResolution.closed_at).is_(None)).execution_options(populate_existing=True)
