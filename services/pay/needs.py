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
from identity.inbox.service import MessageTemplate
from services.pay.accounts import CreditorAccount
from services.pay.rails.contract import Payer

PAYMENT_SETTLED: Final = MessageTemplate(
    id="pay.settled",
    title=Text(th="เงินเข้าแล้ว {amount} บาท", en="You have been paid {amount} baht"),
    body=Text(
        th="{title}: จ่าย {amount} บาท เข้าช่องทางรับเงินของคุณแล้ว กรุณายืนยันการรับเงิน",
        en="{title}: {amount} baht went to where you are paid. Please confirm that you received it.",
    ),
)
PAYMENT_RETURNED: Final = MessageTemplate(
    id="pay.returned",
    title=Text(th="โอนเงินไม่สำเร็จ {amount} บาท", en="A payment of {amount} baht did not reach you"),
    body=Text(
        th="{title}: ธนาคารโอนเงิน {amount} บาทให้คุณไม่ได้ {mend} เมื่อคุณแจ้งช่องทางรับเงินแล้ว จะจ่ายให้ใหม่ในรอบถัดไป",
        en="{title}: the bank could not transfer {amount} baht. {mend} Once you have said where you are paid, it is "
        "paid again with the next run.",
    ),
)
PAID_AGAIN: Final = MessageTemplate(
    id="pay.again",
    title=Text(th="จะจ่ายให้ใหม่ {amount} บาท", en="{amount} baht will be paid again"),
    body=Text(
        th="{title}: เงินที่ธนาคารโอนให้คุณไม่ได้ จะจ่ายให้ใหม่ {amount} บาท ในรอบถัดไป",
        en="{title}: of what the bank could not transfer to you, {amount} baht is paid again with the next run.",
    ),
)
GIVEN_ONCE: Final = MessageTemplate(
    id="pay.given-once",
    title=Text(th="จ่ายให้ได้ครั้งเดียว: {title}", en="Given once only: {title}"),
    body=Text(
        th="{title}: เงินที่ให้ครั้งเดียวได้จ่ายตามคำขอก่อนหน้าแล้ว จึงไม่จ่ายซ้ำ หากเป็นคนละกรณี กรุณาติดต่อหน่วยงานที่จ่าย",
        en="{title}: what is given once was paid for an earlier application, and is not paid again. If it is for "
        "something else, please ask the agency that pays.",
    ),
)


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
        """Called in the transaction that settles, once per instalment."""
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
