"""What was paid too little: recorded and told, until the program pays it by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.ids import new_id
from services.pay.messages import MESSAGES
from services.pay.models import Instalment
from services.pay.recovery.models import Underpayment
from services.pay.writing import insert_new

UNDERPAID: Final = MESSAGES["pay.underpaid"]


async def note_underpaid(
    session: AsyncSession, short: Sequence[tuple[Instalment, int]], cause: str, at: datetime
) -> int:
    """So many satang more were due than each payment was of, and no more: a row that says otherwise is annulled.

    Answers how much is noted newly. The caller holds the payments.
    """
    standing = await _standing(session, [one.id for one, _ in short])
    noted = 0
    for one, satang in short:
        before = standing.get(one.id)
        if before is not None and before.satang != satang:
            before.annulled_at = at
            await session.flush()
        if satang > 0 and (before is None or before.satang != satang):
            row = {
                "person": one.person,
                "id": new_id(),
                "instalment": one.id,
                "agency": one.agency,
                "period": one.period,
                "satang": satang,
                "cause": cause,
                "found_at": at,
            }
            noted += satang * await insert_new(session, Underpayment, [row])
    return noted


async def annul_underpaid(session: AsyncSession, instalment: UUID, at: datetime) -> None:
    """The payment was not made: what pays it again is of what is due by then."""
    await session.execute(
        update(Underpayment)
        .where(
            col(Underpayment.instalment) == instalment,
            col(Underpayment.entry).is_(None),
            col(Underpayment.annulled_at).is_(None),
        )
        .values(annulled_at=at)
        .execution_options(synchronize_session=False)
    )


async def _standing(session: AsyncSession, instalments: Sequence[UUID]) -> dict[UUID, Underpayment]:
    """Those that a decision found, by payment."""
    query = select(Underpayment).where(
        col(Underpayment.instalment).in_(instalments),
        col(Underpayment.entry).is_(None),
        col(Underpayment.annulled_at).is_(None),
        col(Underpayment.cause) != PAID_AFTER_RETURN,
    )
    return {one.instalment: one for one in await session.scalars(query)}


PAID_AFTER_RETURN: Final = "PAID_AFTER_RETURN"
