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

    async def needed(self, session: AsyncSession, application: UUID, period: date) -> tuple[str, ...]:
        """Facts that the law of that month reads and the decision did not: why nobody can say what is due.

        Empty where :meth:`amount` is known, and where nothing is due.
        """
        ...

    async def once(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        """The part of :meth:`amount` that is given once and not month by month; None where there is none."""
        ...

    async def occasion(self, session: AsyncSession, application: UUID) -> str:
        """For what the part that is given once was granted (a birth), as far as it can be given again for another;
        empty where it is given once and never again."""
        ...

    def ran_out(self, subject: str, period: date) -> bool:
        """Whether the subject pays month by month, and its law is over by that month with none after it: then nobody
        can say what is due, and nothing ends by that alone."""
        ...

    def payday(self, subject: str, period: date) -> date:
        """The day on which the programme pays that month, whether or not banks are open on it."""
        ...

    def payer(self, subject: str) -> str:
        """Slug of the agency whose officers pay it."""
        ...
