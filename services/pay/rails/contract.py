"""What the room that pays asks of a rail.

A rail writes a file, takes it, and says later what was booked. It may be asked anything any number of times: the same
file again is the same file, and the same end-to-end id is never paid twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from core.money import Money
from core.text import Text
from services.pay.accounts import CreditorAccount


@dataclass(frozen=True, slots=True)
class Payer:
    """The account that pays."""

    agency: str
    name: str
    account: str
    """At most 34 characters."""
    bank: str
    """The bank's code, at most 35 characters."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment to one person."""

    end_to_end: UUID
    payee: CreditorAccount = field(repr=False)
    money: Money
    pay_on: date
    remittance: str
    """What the payee's statement says, at most 140 characters; no personal data."""


@dataclass(frozen=True, slots=True)
class Order:
    """All that goes into one file."""

    message: UUID
    created_at: datetime
    payer: Payer
    transfers: tuple[Transfer, ...]

    @property
    def total(self) -> Money:
        return Money(sum(transfer.money.satang for transfer in self.transfers))


class Verdict(StrEnum):
    ACCEPTED = "ACCEPTED"
    PARTLY = "PARTLY"
    REJECTED = "REJECTED"
    DUPLICATE = "DUPLICATE"
    """The rail says it has had the file, or one of the order's, without saying what became of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rail says on taking a file."""

    message: UUID
    verdict: Verdict
    reason: str = ""
    """A code, for a file that is rejected whole."""
    rejected: Mapping[UUID, str] = field(default_factory=dict)
    """End-to-end id → reason code, of those that will not be paid. With DUPLICATE, of the order's other files."""


class EntryKind(StrEnum):
    PAID = "PAID"
    RETURNED = "RETURNED"


class PaidFrom(StrEnum):
    """Where the money was, before it went."""

    BANK = "BANK"
    CASH = "CASH"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the rail's books."""

    kind: EntryKind
    reference: str
    """The rail's own, unique; the same entry told twice bears the same."""
    end_to_end: str
    """As the rail writes it; ours is 32 hexadecimal digits."""
    money: Money
    currency: str
    booked_at: datetime
    reason: str = ""
    """A code, of a return."""
    paid_from: PaidFrom = PaidFrom.BANK


class Rail(Protocol):
    def write(self, order: Order) -> bytes:
        """The file. The same order makes the same bytes."""
        ...

    async def submit(self, order: UUID, file: bytes) -> Answer:
        """Hands the file over. Raises `ServiceUnavailable` when it is not known what became of it: send it again.

        Raises `BankFileRefused` when the answer cannot be used, which means the same.
        """
        ...

    async def booked(self, order: UUID) -> tuple[Entry, ...]:
        """Everything booked so far for that message, in no certain order, perhaps repeated. Raises the same."""
        ...


UNKNOWN_PAYMENT: Final = Text(th="ปฏิเสธรายการที่ไม่ได้อยู่ในไฟล์", en="it rejects a payment that was not in the file")
