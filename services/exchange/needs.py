"""What the gate needs of other rooms; api/house.py hands it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from identity.delegation.service import Holding
from services.exchange.facts import Purpose


class Delegations(Protocol):
    async def still(self, session: AsyncSession, delegation: UUID, delegate: UUID) -> Holding | None:
        """The delegation if it holds at this moment for this delegate."""
        ...


class Bars(Protocol):
    """What citizens have had stopped: a restriction (PDPA s.34), an objection (s.32)."""

    async def barred(self, session: AsyncSession, subjects: Collection[UUID], purpose: Purpose) -> Mapping[UUID, str]:
        """Of those subjects whose facts may not be told for this purpose now: the reason, one of
        :data:`services.exchange.policy.BARS`."""
        ...
