"""What was paid too little, or was recovered and not owed: noted here, and paid by an instalment of its own
(:mod:`services.pay.supplements`)."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.ids import new_id
from services.pay.messages import MESSAGES
from services.pay.models import Instalment
from services.pay.recovery.models import Underpayment
from services.pay.writing import insert_new

UNDERPAID: Final = MESSAGES["pay.underpaid"]
PAID_AFTER_RETURN: Final = "PAID_AFTER_RETURN"
"""The cause of what was withheld from a payment, given back when it came back, and missing when it was paid after all.
Two officers have said that it was paid; nothing pays the rest by itself."""


async def note_underpaid(session: AsyncSession, one: Instalment, satang: int, cause: str, at: datetime) -> None:
    """So many satang more were due of its month than it and those before it paid. The caller holds the payments."""
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
    await insert_new(session, Underpayment, [row])


async def annul_given_back(session: AsyncSession, instalment: UUID, at: datetime) -> None:
    """The payment that had been made after all was not made: what pays it again is of all that is due."""
    await session.execute(
        update(Underpayment)
        .where(
            col(Underpayment.instalment) == instalment,
            col(Underpayment.cause) == PAID_AFTER_RETURN,
            col(Underpayment.annulled_at).is_(None),
        )
        .values(annulled_at=at)
        .execution_options(synchronize_session=False)
    )
