"""Tables of fees: bills, what the bank says came in, where its list differs from ours, and what becomes of that."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_FEE = text("kind = 'FEE' AND status IN ('OPEN', 'PAID')")
_REPAYMENT = text("kind = 'REPAYMENT' AND status = 'OPEN'")
_OPEN = text("status = 'OPEN'")
_ON_ITS_WAY = text("status <> 'RETURNED'")
_MONEY, _WORDS = text("expected IS NULL"), text("expected IS NOT NULL")
_OF_ENTRY = ("agency", "kind", "bank_reference")
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
    """What it is for: `application:<id>:fee`, `application:<id>:<satang>` (its agency asked; `:<time>` after it from
    the second time on), `order:<id>:fee`, `recovery:<plan>`."""
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
    kept_at: datetime | None = Field(default=None, sa_type=Instant)
    """When two officers found that nobody claims it. Who does so after all gets it back."""


class IncomingBreak(SQLModel, table=True):
    """Where the bank's list of a day differs from what we hold. It waits for a person; nothing is guessed. Of one entry
    one of a kind is about the money that it brought, and one about the bank's word on it."""

    __tablename__ = "incoming_break"
    __table_args__ = (
        Index("uq_incoming_break_money", *_OF_ENTRY, unique=True, postgresql_where=_MONEY, sqlite_where=_MONEY),
        Index("uq_incoming_break_words", *_OF_ENTRY, unique=True, postgresql_where=_WORDS, sqlite_where=_WORDS),
    )

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
    """Satang; null where there is nothing on that side, negative of what went out."""
    found_at: datetime = Field(sa_type=Instant)


class IncomingResolution(SQLModel, table=True):
    """What becomes of a break: two officers decide, one after the other; or it was mended without them."""

    __tablename__ = "incoming_resolution"
    __table_args__ = (
        CheckConstraint("closed_by IS NULL OR closed_by <> proposed_by", name="four_eyes"),
        CheckConstraint(
            "(proposed_by IS NULL) = (outcome IN ('BANK_MENDED', 'GONE_BACK'))", name="proposed_by_an_officer"
        ),
        CheckConstraint(
            "(closed_by IS NULL) = (closed_at IS NULL OR outcome IN ('BANK_MENDED', 'GONE_BACK'))",
            name="closed_by_another",
        ),
        CheckConstraint(
            "outcome IN ('REFUND', 'ASSIGN', 'KEEP', 'NO_MONEY_MOVED', 'CLAIMED', 'BANK_MENDED', 'GONE_BACK')",
            name="outcome",
        ),
    )

    break_id: UUID = Field(primary_key=True, foreign_key="incoming_break.id")
    outcome: str = Field(max_length=20)
    """Of :class:`services.pay.fees.resolving.IncomingOutcome`."""
    reason: str = Field(max_length=500)
    """In the words of whoever proposed it; no personal data."""
    bill: str | None = Field(default=None, max_length=20)
    """Of ASSIGN: the first reference of the bill that it pays."""
    account_sealed: bytes | None = sealed("incoming_resolution.account", by="break_id", default=None)
    """Of REFUND: where it goes. Gone once the bank has decided."""
    proposed_by: UUID | None = None
    proposed_at: datetime = Field(sa_type=Instant)
    closed_by: UUID | None = None
    closed_at: datetime | None = Field(default=None, sa_type=Instant)


class FeeRefund(SQLModel, table=True):
    """Money that goes back by a file of its own. Of one payment at most one is on its way or has arrived. One that came
    back keeps what was decided of it: its break is open again."""

    __tablename__ = "fee_refund"
    __table_args__ = (
        Index(
            "uq_fee_refund_incoming", "incoming", unique=True, postgresql_where=_ON_ITS_WAY, sqlite_where=_ON_ITS_WAY
        ),
        Index("ix_fee_refund_agency", "agency", "status"),
        CheckConstraint("satang > 0", name="positive"),
        CheckConstraint("status IN ('APPROVED', 'SUBMITTED', 'SETTLED', 'RETURNED')", name="status"),
    )

    id: UUID = Field(primary_key=True)
    """Message id and end-to-end id of its file."""
    agency: str = Field(max_length=100)
    incoming: UUID
    """The payment; its row goes with the person whose bill it was for, ten years after."""
    break_id: UUID = Field(foreign_key="incoming_break.id")
    satang: int = Field(sa_type=BigInteger)
    status: str = Field(max_length=10)
    """Of :class:`services.pay.fees.states.RefundStatus`."""
    approved_at: datetime = Field(sa_type=Instant)
    file_sealed: bytes | None = sealed("fee_refund.file", by="id", default=None)
    """What is sent, the same bytes however often; gone once the bank has decided."""
    submitted_at: datetime | None = Field(default=None, sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    bank_reference: str | None = Field(default=None, max_length=35)
    reason: str | None = Field(default=None, max_length=35)
    """Why it came back: an ISO 20022 external reason code."""
    why: str | None = Field(default=None, max_length=500)
    """Of one that came back, in the words of whoever proposed it; no personal data."""
    proposed_by: UUID | None = None
    proposed_at: datetime | None = Field(default=None, sa_type=Instant)
    agreed_by: UUID | None = None
    agreed_at: datetime | None = Field(default=None, sa_type=Instant)
