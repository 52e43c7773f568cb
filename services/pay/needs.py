"""What the room that pays needs from others, as protocols. `api/app.py` hands the implementations in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.money import Money
from core.text import Text
from identity.inbox.models import ChangeKind
from identity.inbox.templates import MessageTemplate
from services.pay.accounts import CreditorAccount
from services.pay.messages import MESSAGES
from services.pay.rails.contract import Payer

PAYMENT_SETTLED: Final = MESSAGES["pay.settled"]
PAYMENT_RETURNED: Final = MESSAGES["pay.returned"]
PAID_AGAIN: Final = MESSAGES["pay.again"]
GIVEN_ONCE: Final = MESSAGES["pay.given-once"]


class Officer(Protocol):
    """An officer who is signed in."""

    @property
    def person(self) -> UUID: ...

    @property
    def agency(self) -> str: ...

    @property
    def roles(self) -> Collection[str]:
        """Of :class:`Role`, and other rooms'."""
        ...


class Role(StrEnum):
    """What an officer of an agency may do in paying. Sending and reconciling take either: both are safe to repeat."""

    PLAN = "pay.plan"
    APPROVE = "pay.approve"


Due: TypeAlias = tuple[UUID, UUID | None]
"""A payee, and which of the destinations that they named counts; None for PromptPay on the national ID."""


class Payees(Protocol):
    """The payees' accounts, for the one moment in which the file is written."""

    async def reveal(self, due: Collection[Due], *, officer: Officer, run: UUID) -> Mapping[Due, CreditorAccount]:
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
        """Called in the transaction that settles, which holds the instalment: once, and again where it came back and
        was found paid after all."""
        ...


class Notices(Protocol):
    """The citizen's inbox, and word that something of theirs changed; `identity.inbox.service.Inbox` is one."""

    async def send(self, session: AsyncSession, person: UUID, template: MessageTemplate, **values: Any) -> object: ...

    async def announce(self, session: AsyncSession, person: UUID, kind: ChangeKind, subject: UUID) -> None: ...


class NoNotices:
    """Tells nobody: for programs without an inbox."""

    async def send(self, session: AsyncSession, person: UUID, template: MessageTemplate, **values: Any) -> object: ...

    async def announce(self, session: AsyncSession, person: UUID, kind: ChangeKind, subject: UUID) -> None: ...


class NoReceipts:
    """For programs that settle without receipts."""

    async def settled(self, session: AsyncSession, payment: SettledPayment) -> None:
        """Makes nothing."""
