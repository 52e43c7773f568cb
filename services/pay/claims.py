"""What was overpaid, on the ledger: the agency's claim on the payee, from when it is found to when it falls."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.money import Money
from services.pay.ledger.models import LedgerTransaction
from services.pay.ledger.service import Account, book, transaction_id, transfer
from services.pay.models import Overpayment


async def claim(session: AsyncSession, overpayment: UUID, *, agency: str, satang: int, at: datetime) -> None:
    """What was not due is no expense any more, but owed to the agency. Once per overpayment."""
    await book(
        session,
        key=_key(overpayment),
        agency=agency,
        lines=transfer(Account.RECEIVABLE, Account.BENEFITS, Money(satang)),
        at=at,
    )


async def release(session: AsyncSession, overpayment: Overpayment, at: datetime) -> None:
    """By counter-entry, once: it turned out to be due, or came back from the bank. Nothing without a claim."""
    if await session.get(LedgerTransaction, transaction_id(_key(overpayment.id))) is None:
        return
    await book(
        session,
        key=f"release:{overpayment.id.hex}",
        agency=overpayment.agency,
        lines=transfer(Account.BENEFITS, Account.RECEIVABLE, Money(overpayment.satang)),
        at=at,
    )


def _key(overpayment: UUID) -> str:
    return f"claim:{overpayment.hex}"
