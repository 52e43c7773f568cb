"""Of a beneficiary's month, at most one is paid of the programmes that the law lets nobody have together.

Whoever withdraws one and is granted the other in the same month had that month's money: what was paid first stands, and
the other begins with the next month. The same holds of what is given once, whichever award comes to it first.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.models import Instalment
from services.pay.states import InstalmentStatus


class Beside(Protocol):
    def __call__(self, subject: str) -> Collection[str]:
        """Subjects that the law lets nobody have beside this one."""
        ...


def nothing_beside(subject: str) -> Collection[str]:  # noqa: ARG001 - a protocol's parameter goes by its name
    """For programs without such laws."""
    return ()


async def is_paid_beside(session: AsyncSession, beneficiary: UUID, subjects: Collection[str], period: date) -> bool:
    """Whether one of the subjects pays, or paid, the beneficiary's month. The caller has the beneficiary's turn."""
    query = select(col(Instalment.id)).where(
        col(Instalment.beneficiary) == beneficiary,
        col(Instalment.subject).in_(sorted(subjects)),
        col(Instalment.period) == period,
        col(Instalment.status).not_in([InstalmentStatus.CANCELLED.value, InstalmentStatus.RETURNED.value]),
    )
    return await session.scalar(query.limit(1)) is not None
