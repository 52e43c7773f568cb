"""Tables of the counters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from core.database import Instant, Json

TRIES_MAX = 5
CODES_MAX = 5


class CashSlip(SQLModel, table=True):
    """One payment that waits at the counters of an agency. It is paid out once, or comes back, never both."""

    __tablename__ = "cash_slip"
    __table_args__ = (
        CheckConstraint("satang > 0", name="positive"),
        CheckConstraint("paid_at IS NULL OR returned_at IS NULL", name="paid_or_returned"),
        CheckConstraint("(paid_at IS NULL) = (paid_by IS NULL)", name="paid_by_an_officer"),
        CheckConstraint("paid_by IS NULL OR paid_by <> person", name="not_to_oneself"),
        CheckConstraint("paid_by IS NULL OR code_by IS NULL OR paid_by <> code_by", name="four_eyes"),
        CheckConstraint("(code_hash IS NULL) = (codes = 0)", name="code"),
        CheckConstraint(f"tries BETWEEN 0 AND {TRIES_MAX} AND codes BETWEEN 0 AND {CODES_MAX}", name="bounded"),
        Index("ix_cash_slip_message", "message"),
        Index("ix_cash_slip_agency_paid_at", "agency", "paid_at"),
    )

    person: UUID = Field(primary_key=True)
    """The payee."""
    id: UUID = Field(primary_key=True, unique=True)
    """The instalment's, which is the end-to-end id."""
    number: str = Field(max_length=10, unique=True)
    """Printed on the slip, and asked for at the counter; says nothing by itself."""
    message: UUID
    """The order that it came in."""
    agency: str = Field(max_length=100)
    satang: int = Field(sa_type=BigInteger)
    payable_from: date
    expires_on: date
    """The last day on which it is paid out."""
    code_hash: bytes | None = None
    """Keyed hash of the slip's code; a new code takes the place of the last."""
    code_by: UUID | None = None
    """The officer who had the code printed; null where the payee asked for it."""
    codes: int = 0
    """How many codes there have been."""
    tries: int = 0
    """Of the code that counts, how often it was wrong, or the person was another."""
    paid_at: datetime | None = Field(default=None, sa_type=Instant)
    paid_by: UUID | None = None
    """The officer at the counter."""
    returned_at: datetime | None = Field(default=None, sa_type=Instant)
    """When nobody had come for it in time."""
    created_at: datetime = Field(sa_type=Instant)


class CashDay(SQLModel, table=True):
    """What an agency's counters say that they paid out on one day, beside what the books say."""

    __tablename__ = "cash_day"
    __table_args__ = (CheckConstraint("satang >= 0 AND told >= 0", name="not_negative"),)

    agency: str = Field(primary_key=True, max_length=100)
    day: date = Field(primary_key=True)
    slips: int
    satang: int = Field(sa_type=BigInteger)
    """By the books."""
    told: int = Field(sa_type=BigInteger)
    """By the desk's report, in satang."""
    differences: list[dict[str, Any]] = Field(sa_type=Json)
    """`{"kind", "number", "expected", "found"}`, satang; empty for a day that balances."""
    reported_by: UUID
    reported_at: datetime = Field(sa_type=Instant)
    balanced_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was found to balance; from then on it stays."""
