"""Breaks that are open, and how each is closed. One place for those who find them and those who decide."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.models import BreakResolution, PaymentRun, ReconciliationBreak
from services.pay.writing import insert_new


class BreakOutcome(StrEnum):
    """What a break came to. All but the first are decided by two officers."""

    BANK_MENDED = "BANK_MENDED"
    """The bank told it rightly later, and the payment is decided by that."""
    NO_MONEY_MOVED = "NO_MONEY_MOVED"
    """The bank told something that did not happen; the books stand."""
    CLAIMED = "CLAIMED"
    """Money moved that ought not to have: it is claimed from the bank, or owed to it."""
    OWED_AGAIN = "OWED_AGAIN"
    """The bank will never book it: the payment is owed again."""
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
