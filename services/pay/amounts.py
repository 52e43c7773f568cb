"""What the room that pays needs from whoever knows the rules."""

from __future__ import annotations

from datetime import date
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.money import Money


class AmountSource(Protocol):
    """Handed in by `api/app.py`: welfare replays the decision behind the award for a period."""

    async def amount(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        """What is due for the month that begins on `period` (its first day); None when nothing is.

        Only benefits that are paid out in cash count. Reads the stored decision; asks nobody outside.
        """
        ...

    def payday(self, subject: str, period: date) -> date:
        """The day on which the programme pays that month."""
        ...

    def payer(self, subject: str) -> str:
        """Slug of the agency whose officers pay it."""
        ...
