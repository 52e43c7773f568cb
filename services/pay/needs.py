"""What the room that pays needs from others, as protocols. `api/app.py` hands the implementations in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import NationalId
from core.money import Money
from core.text import Text
from services.pay.rails.contract import Payer

PAYMENT_SETTLED: Final = "payment-settled"
"""Message template; values: `title` (Text), `amount` (str, baht), `agency` (slug)."""
PAYMENT_RETURNED: Final = "payment-returned"
"""Message template; values: the same."""


class Officer(Protocol):
    """An officer who is signed in."""

    @property
    def person(self) -> UUID: ...

    @property
    def agency(self) -> str: ...


class Payees(Protocol):
    """The payees' national IDs, for the one moment in which the file is written."""

    async def reveal(self, people: Collection[UUID], *, officer: Officer, run: UUID) -> Mapping[UUID, NationalId]:
        """Every one of them, each reveal being in that citizen's access log before it answers. Raises `NotFound`.

        Called outside any transaction: the log keeps transactions of its own.
        """
        ...


class Payers(Protocol):
    def __call__(self, agency: str) -> Payer:
        """The account from which an agency pays."""
        ...


@dataclass(frozen=True, slots=True)
class SettledPayment:
    """An instalment that the bank has booked."""

    person: UUID
    instalment: UUID
    subject: str
    title: Text
    agency: str
    period: date
    money: Money
    settled_at: datetime


class OnSettled(Protocol):
    async def settled(self, session: AsyncSession, payment: SettledPayment) -> None:
        """Called in the transaction that settles, once per instalment."""
        ...


class Notices(Protocol):
    """The citizen's inbox, and the news that something of theirs changed; both in the transaction of the change."""

    async def send(self, session: AsyncSession, person: UUID, template: str, **values: Any) -> None: ...

    async def announce(self, session: AsyncSession, person: UUID, kind: str, id: UUID) -> None:  # noqa: A002 - the word
        """`kind` is the type's name in the graph."""
        ...


class NoNotices:
    """For programs without an inbox."""

    async def send(self, session: AsyncSession, person: UUID, template: str, **values: Any) -> None:
        """Tells nobody."""

    async def announce(self, session: AsyncSession, person: UUID, kind: str, id: UUID) -> None:  # noqa: A002 - the word
        """Tells nobody."""


class NoReceipts:
    """For programs that settle without receipts."""

    async def settled(self, session: AsyncSession, payment: SettledPayment) -> None:
        """Makes nothing."""
