"""What the provider asks of delegation (identity/delegation): may this person act for that one, today?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Delegated:
    """A delegation that holds now."""

    person: UUID
    """Who is acted for."""
    scopes: frozenset[str]
    """What the delegate may do: `VIEW`, `APPLY`, `RECEIVE`, `CONSENT`."""
    ends_at: datetime
    """The first instant at which it holds no more: a midnight in Bangkok."""


class Delegations(Protocol):
    async def live(self, session: AsyncSession, delegation: UUID, delegate: UUID) -> Delegated | None:
        """The delegation, if it holds today for this delegate.

        `session` is a write session. The row stays locked against ending (FOR SHARE) until its transaction is over, or
        a token could be made in the very moment in which the delegation ends.
        """
        ...
