"""Another is paid what came back: the old award ends, and nothing is owed by it any more.

Never while its money is on its way: all that was to pay it came back or was withdrawn, and nobody plans meanwhile. An
award ends so once, for it is held until the transaction that owes the new one is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.again import take_approval_back
from services.pay.breaks import paid_after_return
from services.pay.models import Award, Instalment
from services.pay.states import InstalmentStatus
from services.pay.turns import take_turn_to_plan

_OVER: Final = frozenset({InstalmentStatus.RETURNED.value, InstalmentStatus.CANCELLED.value})


async def hold(session: AsyncSession, agency: str, benefits: Iterable[UUID]) -> dict[UUID, Award]:
    """The awards that pay these benefits, held, and nobody plans for the agency until the transaction is over."""
    keys = sorted(set(benefits))
    if not keys:
        return {}
    await take_turn_to_plan(session, agency, alone=False)
    query = select(Award).where(col(Award.application).in_(keys), col(Award.agency) == agency)
    held = query.order_by(col(Award.id)).with_for_update().execution_options(populate_existing=True)
    return {one.application: one for one in await session.scalars(held)}


async def came_back(session: AsyncSession, award: Award) -> list[Instalment]:
    """What of a held award came back, where none of it is on its way or was paid; else nothing, as of one that was
    replaced."""
    query = select(Instalment).where(col(Instalment.person) == award.person, col(Instalment.award) == award.id)
    ordered = query.order_by(col(Instalment.id)).with_for_update().execution_options(populate_existing=True)
    paying = (await session.scalars(ordered)).all()
    was_replaced = award.ends_on is not None and award.ends_on <= award.starts_on
    if was_replaced or any(one.status not in _OVER for one in paying):
        return []
    in_doubt = await paid_after_return(session, award.agency)
    if any(one.id in in_doubt for one in paying):
        return []
    return [one for one in paying if one.status == InstalmentStatus.RETURNED.value]


async def end(session: AsyncSession, award: Award, returned: Iterable[Instalment], at: datetime) -> None:
    """Before its only month, so that nothing pays it again; what was approved of it is taken back."""
    award.ends_on = award.starts_on
    await session.flush()
    for one in returned:
        await take_approval_back(session, one, at)
