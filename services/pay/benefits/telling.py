"""Tells the services what became of what they awarded: it was paid, or came back.

It looks at what the instalments say, so whatever settles them need not know of benefits. A payment that is settled and
returned and settled again between two looks is told as it stands then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from services.pay.benefits.models import Benefit
from services.pay.models import Award, Instalment
from services.pay.states import InstalmentStatus

AT_ONCE: Final = 500


class Said(StrEnum):
    PAID = "PAID"
    """A bank booked it."""
    RETURNED = "RETURNED"
    """It came back, and is owed still."""


class Tells(Protocol):
    """Handed in by `api`."""

    async def there(self, session: AsyncSession, people: Collection[UUID]) -> Collection[UUID]:
        """Those who did not leave: of somebody whose number is not here any more nobody is told."""
        ...

    async def tell(
        self, session: AsyncSession, plugin: str, said: Said, about: UUID, person: UUID, *, reference: str, satang: int
    ) -> None:
        """In the caller's transaction; `about` is new each time."""
        ...


class BenefitNews:
    def __init__(self, db: Database, clock: Clock, tells: Tells) -> None:
        self._db, self._clock, self._tells = db, clock, tells

    async def run(self) -> int:
        """How many services' awards had news."""
        count = 0
        while True:
            async with self._db.write() as session:
                told = 0
                for said in Said:
                    for one in await _news(session, said, limit=AT_ONCE):
                        await self._tell(session, one, said)
                        told += 1
            count += told
            if told < AT_ONCE:
                return count

    async def _tell(self, session: AsyncSession, one: Benefit, said: Said) -> None:
        now: datetime = self._clock.now()
        one.told, one.told_at, one.times_told = said.value, now, one.times_told + 1
        await session.flush()
        if one.person not in await self._tells.there(session, [one.person]):
            return
        about = uuid5(one.id, str(one.times_told))
        await self._tells.tell(session, one.plugin, said, about, one.person, reference=one.reference, satang=one.satang)


async def _news(session: AsyncSession, said: Said, *, limit: int) -> Sequence[Benefit]:
    """What stands so, and was not told so; held, and nobody else's to tell."""
    settled, returned = _is(InstalmentStatus.SETTLED), _is(InstalmentStatus.RETURNED)
    stands = settled if said is Said.PAID else and_(returned, ~settled)
    told = or_(col(Benefit.told).is_(None), col(Benefit.told) != said.value)
    query = select(Benefit).where(told, stands).order_by(col(Benefit.id)).limit(limit)
    held: Any = query.with_for_update(skip_locked=True)
    found: Sequence[Benefit] = (await session.scalars(held)).all()
    return found


def _is(status: InstalmentStatus) -> ColumnElement[bool]:
    of_award = and_(col(Instalment.person) == col(Award.person), col(Instalment.award) == col(Award.id))
    return exists(
        select(1)
        .select_from(Award)
        .join(Instalment, of_award)
        .where(col(Award.application) == col(Benefit.id), col(Instalment.status) == status.value)
    )
