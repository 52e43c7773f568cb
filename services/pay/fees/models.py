"""Tables of fees: bills, what the bank says came in, and where the bank's list of a day differs from ours."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json

_FEE = text("kind = 'FEE' AND status IN ('OPEN', 'PAID')")
_REPAYMENT = text("kind = 'REPAYMENT' AND status = 'OPEN'")
_OPEN = text("status = 'OPEN'")
_TO_GO_BACK = text("verdict <> 'PAID' AND refunded_at IS NULL")


class Bill(SQLModel, table=True):
    """What a citizen is asked to pay to an agency. Of one fee at most one bill is open or paid."""

    __tablename__ = "bill"
    __table_args__ = (
        UniqueConstraint("biller", "reference"),
        Index("uq_bill_fee", "charge", unique=True, postgresql_where=_FEE, sqlite_where=_FEE),
        Index("uq_bill_repayment", "charge", unique=True, postgresql_where=_REPAYMENT, sqlite_where=_REPAYMENT),
        Index("ix_bill_charge", "charge"),
        Index("ix_bill_open", "due_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
        CheckConstraint("satang > 0", name="positive"),
        CheckConstraint("kind IN ('FEE', 'REPAYMENT')", name="kind"),
        CheckConstraint("status IN ('OPEN', 'PAID', 'EXPIRED', 'CANCELLED')", name="status"),
        CheckConstraint(
            "(status = 'PAID') = (paid_at IS NOT NULL) AND (status = 'PAID') = (receipt_number IS NOT NULL)",
            name="paid_whole",
        ),
    )

    person: UUID = Field(primary_key=True)
    """Whose bill it is; whoever has the code may pay it."""
    id: UUID = Field(primary_key=True, unique=True)
    agency: str = Field(max_length=100)
    kind: str = Field(max_length=10)
    charge: str = Field(max_length=80)
    """What it is for: `application:<id>:fee`, `application:<id>:<satang>` (its agency asked), `recovery:<plan>`."""
    title: dict[str, Any] = Field(sa_type=Json)
    biller: str = Field(max_length=15)
    reference: str = Field(max_length=20)
    second_reference: str = Field(max_length=20)
    satang: int = Field(sa_type=BigInteger)
    status: str = Field(max_length=10)
    created_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    """Good until then, and not at it."""
    asked_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the bank was last asked whether it is paid."""
    paid_at: datetime | None = Field(default=None, sa_type=Instant)
    """By the bank's clock."""
    receipt_number: str | None = Field(default=None, max_length=30, unique=True)


class IncomingPayment(SQLModel, table=True):
    """One payment that the bank says came in. Its transaction id is the idempotency key."""

    __tablename__ = "incoming_payment"
    __table_args__ = (
        UniqueConstraint("biller", "bank_transaction"),
        Index("ix_incoming_payment_agency", "agency", "paid_at"),
        Index("ix_incoming_payment_back", "agency", postgresql_where=_TO_GO_BACK, sqlite_where=_TO_GO_BACK),
        CheckConstraint("satang > 0", name="positive"),
        CheckConstraint(
            "verdict IN ('PAID', 'UNKNOWN_REFERENCE', 'WRONG_AMOUNT', 'LATE', 'PAID_ALREADY', 'NOT_DUE')",
            name="verdict",
        ),
        CheckConstraint(
            "(refunded_at IS NULL) = (refund_reference IS NULL) AND (refunded_at IS NULL OR verdict <> 'PAID')",
            name="refunded_whole",
        ),
    )

    id: UUID = Field(primary_key=True)
    biller: str = Field(max_length=15)
    bank_transaction: str = Field(max_length=35)
    agency: str = Field(max_length=100)
    person: UUID | None = Field(default=None, index=True)
    """Whose bill it was for; null where no bill was found."""
    bill: UUID | None = Field(default=None, index=True)
    reference: str = Field(max_length=20)
    second_reference: str = Field(max_length=20)
    satang: int = Field(sa_type=BigInteger)
    paid_at: datetime = Field(sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    verdict: str = Field(max_length=20)
    refunded_at: datetime | None = Field(default=None, sa_type=Instant)
    refund_reference: str | None = Field(default=None, max_length=35)
    """The bank's, of the entry by which it went back."""


class IncomingBreak(SQLModel, table=True):
    """Where the bank's list of a day differs from what we hold. It waits for a person; nothing is guessed."""

    __tablename__ = "incoming_break"
    __table_args__ = (UniqueConstraint("agency", "kind", "bank_reference"),)

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    day: date
    kind: str = Field(max_length=30)
    """Of :class:`services.pay.reconciliation.BreakKind`."""
    bank_reference: str = Field(max_length=35)
    reference: str = Field(max_length=20)
    """The bill's, as the bank wrote it."""
    expected: int | None = Field(default=None, sa_type=BigInteger)
    found: int | None = Field(default=None, sa_type=BigInteger)
    """Satang; null where there is nothing on that side."""
    found_at: datetime = Field(sa_type=Instant)
