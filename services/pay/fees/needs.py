"""What the room of fees needs from others; `api/fees.py` hands it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.money import Money
from core.text import Text
from services.pay.fees.models import Bill
from services.pay.fees.states import BillKind


@dataclass(frozen=True, slots=True)
class Charge:
    """Something that a citizen owes an agency now."""

    key: str
    """The same for the same debt, whoever asks; its word before the colon names the :class:`Charges`."""
    kind: BillKind
    agency: str
    money: Money
    title: Text
    until: datetime | None = None
    """When it is owed no more, if not paid by then; its bills are good no longer than that."""


class Charges(Protocol):
    """One source of what citizens owe: fees of applications, or what was overpaid."""

    async def ready(self) -> None:
        """Comes before each transaction in which something may be settled, and outside it."""
        ...

    async def charge(self, session: AsyncSession, person: UUID, about: UUID) -> Charge | None:
        """What the person owes for it at this moment; None for nothing, and for what is not theirs."""
        ...

    async def hold(self, session: AsyncSession, bill: Bill) -> None:
        """Locks what the bill is about, before the bills are: whoever withdraws it takes them in that order."""
        ...

    async def settle(self, session: AsyncSession, bill: Bill, transaction: str) -> bool:
        """The bill is being paid, in this transaction. False where it is not owed any more: then nothing was changed.

        What was overpaid is booked by whoever claims it; a fee is booked by this room.
        """
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """The bank's word that somebody paid."""

    transaction: str
    biller: str
    reference: str
    second: str
    money: Money
    paid_at: datetime


class Billers(Protocol):
    """Under which number agencies are known to the bank, 15 digits (tax id and suffix)."""

    def biller(self, agency: str) -> str: ...

    def agency(self, biller: str) -> str | None: ...


class BillingBank(Protocol):
    """The bank, when we ask it. Raises `ServiceUnavailable`, and `NoticeMalformed` for an answer that does not hold."""

    async def paid(self, biller: str, reference: str) -> Sequence[Notice]:
        """All payments for one bill."""
        ...

    async def of_day(self, biller: str, day: date) -> Sequence[Notice]:
        """The bank's own list of a Bangkok day, whole: its count and sum hold."""
        ...
