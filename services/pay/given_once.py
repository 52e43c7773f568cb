"""What is given once: which awards have given it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.pay.models import Award, Instalment
from services.pay.states import InstalmentStatus

_OVER = (InstalmentStatus.SETTLED.value, InstalmentStatus.CANCELLED.value)


async def paid_for_good(session: AsyncSession, subjects: Collection[str]) -> Sequence[tuple[UUID, UUID]]:
    """Payee and application of the subjects' running awards that were paid, and of which nothing is on its way; what
    came back counts once something that pays it again is paid."""
    again = aliased(Instalment)
    is_repeated = exists(select(1).where(again.repeats == col(Instalment.id)))  # type: ignore[arg-type] # a column
    of_award = (col(Instalment.person) == col(Award.person)) & (col(Instalment.award) == col(Award.id))
    is_open = exists(select(1).where(of_award, col(Instalment.status).not_in(_OVER), ~is_repeated))
    is_paid = exists(select(1).where(of_award, col(Instalment.status) == InstalmentStatus.SETTLED.value))
    query = (
        select(col(Award.person), col(Award.application))
        .where(col(Award.subject).in_(sorted(subjects)), col(Award.ends_on).is_(None), is_paid, ~is_open)
        .order_by(col(Award.id))
    )
    return (await session.execute(query)).tuples().all()
