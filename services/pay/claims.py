"""What was overpaid, on the ledger: the agency's claim on the payee, from when it is found to when it falls."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from core.ids import new_id
from core.money import Money
from services.pay.ledger.models import LedgerTransaction
from services.pay.ledger.service import Account, book, transaction_id, transfer
from services.pay.models import Overpayment
from services.pay.recovery.models import EntryKind, RecoveryEntry, Underpayment
from services.pay.recovery.sums import came_back
from services.pay.writing import insert_new


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
    """By counter-entry, once: it turned out to be due, or came back from the bank. Nothing without a claim.

    What was recovered of it by then is owed to the citizen: each such entry is an underpayment of its own.
    """
    if await session.get(LedgerTransaction, transaction_id(_key(overpayment.id))) is None:
        return
    held = select(Overpayment).where(
        col(Overpayment.person) == overpayment.person, col(Overpayment.id) == overpayment.id
    )
    await session.execute(held.with_for_update().execution_options(populate_existing=True))
    if overpayment.released_at is not None:
        return
    left = overpayment.satang - (await came_back(session, [overpayment.id])).get(overpayment.id, 0)
    overpayment.released_at = at
    await session.flush()
    if left > 0:
        await book(
            session,
            key=f"release:{overpayment.id.hex}",
            agency=overpayment.agency,
            lines=transfer(Account.BENEFITS, Account.RECEIVABLE, Money(left)),
            at=at,
        )
    rows = [_owed_back(overpayment, entry, at) for entry in await _recovered(session, overpayment)]
    await insert_new(session, Underpayment, rows)


async def claim_anew(session: AsyncSession, overpayment: Overpayment, at: datetime) -> None:
    """The payment had come back, and was made after all: what was not due of it is claimed by a row of its own."""
    if overpayment.released_at is None:
        return
    overpayment.annulled_at = at
    await session.flush()
    row = {**overpayment.model_dump(), "id": new_id(), "found_at": at, "annulled_at": None, "released_at": None}
    if await insert_new(session, Overpayment, [row]):
        await claim(session, row["id"], agency=overpayment.agency, satang=overpayment.satang, at=at)


async def _recovered(session: AsyncSession, overpayment: Overpayment) -> list[RecoveryEntry]:
    """What was withheld and not given back, or paid back."""
    back = aliased(RecoveryEntry)
    given = exists(
        select(1).where(
            col(back.overpayment) == col(RecoveryEntry.overpayment),
            col(back.instalment) == col(RecoveryEntry.instalment),
            col(back.run) == col(RecoveryEntry.run),
            col(back.kind) == EntryKind.GIVEN_BACK.value,
        )
    )
    query = select(RecoveryEntry).where(
        col(RecoveryEntry.person) == overpayment.person,
        col(RecoveryEntry.overpayment) == overpayment.id,
        col(RecoveryEntry.kind).in_([EntryKind.WITHHELD.value, EntryKind.PAID_BACK.value]),
        ~given,
    )
    return list(await session.scalars(query.order_by(col(RecoveryEntry.id))))


def _owed_back(overpayment: Overpayment, entry: RecoveryEntry, at: datetime) -> dict[str, object]:
    return {
        "person": overpayment.person,
        "id": new_id(),
        "instalment": overpayment.instalment,
        "entry": entry.id,
        "agency": overpayment.agency,
        "period": overpayment.period,
        "satang": entry.satang,
        "cause": "RECOVERED_TOO_MUCH",
        "found_at": at,
    }


def _key(overpayment: UUID) -> str:
    return f"claim:{overpayment.hex}"
