"""How much of an overpayment is left, and what falls due of a plan. All of it is derived from entries, never stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.models import Overpayment, PaymentRun
from services.pay.recovery.models import EntryKind, RecoveryClaim, RecoveryEntry, RecoveryPlan

_GIVEN_BACK = col(RecoveryEntry.kind) == EntryKind.GIVEN_BACK.value
_SIGNED = case((_GIVEN_BACK, -col(RecoveryEntry.satang)), else_=col(RecoveryEntry.satang))


async def came_back(session: AsyncSession, overpayments: Collection[UUID]) -> dict[UUID, int]:
    """Satang of each that were recovered or waived."""
    if not overpayments:
        return {}
    query = select(col(RecoveryEntry.overpayment), func.sum(_SIGNED)).group_by(col(RecoveryEntry.overpayment))
    rows = await session.execute(query.where(col(RecoveryEntry.overpayment).in_(sorted(overpayments))))
    return {key: int(satang) for key, satang in rows.tuples()}


async def outstanding(session: AsyncSession, overpayments: Sequence[Overpayment]) -> dict[UUID, int]:
    """Satang of each that are still owed to the agency; of a claim that fell, none."""
    back = await came_back(session, [one.id for one in overpayments])
    return {one.id: 0 if one.released_at is not None else one.satang - back.get(one.id, 0) for one in overpayments}


async def claims_of(session: AsyncSession, plan: RecoveryPlan, *, lock: bool = False) -> Sequence[Overpayment]:
    """Those the plan is about, the oldest month first, as they are now; with `lock`, so that none falls meanwhile."""
    query = (
        select(Overpayment)
        .join(
            RecoveryClaim,
            (col(RecoveryClaim.person) == col(Overpayment.person))
            & (col(RecoveryClaim.overpayment) == col(Overpayment.id)),
        )
        .where(col(RecoveryClaim.person) == plan.person, col(RecoveryClaim.plan) == plan.id)
        .order_by(col(Overpayment.period), col(Overpayment.id))
    )
    if lock:
        query = query.with_for_update(of=Overpayment)
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def withheld_in(session: AsyncSession, plan: RecoveryPlan, period: date) -> int:
    """Satang that the plan's agency has withheld by it, and not given back, in runs of that month."""
    runs = select(col(PaymentRun.id)).where(col(PaymentRun.agency) == plan.agency, col(PaymentRun.period) == period)
    query = select(func.coalesce(func.sum(_SIGNED), 0)).where(
        col(RecoveryEntry.person) == plan.person, col(RecoveryEntry.plan) == plan.id, col(RecoveryEntry.run).in_(runs)
    )
    return int(await session.scalar(query) or 0)


def part_of(plan: RecoveryPlan, number: int) -> int:
    """Satang of the part with that number, from 1; the last takes what does not divide."""
    even = plan.satang // plan.parts
    return even if number < plan.parts else plan.satang - even * (plan.parts - 1)


def fallen_due(plan: RecoveryPlan, month: date) -> int:
    """Satang that should have come back by the payday of that month."""
    passed = (month.year - plan.first_month.year) * 12 + month.month - plan.first_month.month + 1
    return sum(part_of(plan, number) for number in range(1, min(max(passed, 0), plan.parts) + 1))
