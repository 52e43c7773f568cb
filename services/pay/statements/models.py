"""Tables of statements: of each day what the bank's said in sum, what of it does not fit, and how two officers
explained that. None names anybody."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, false, text
from sqlmodel import Field, SQLModel

from core.database import Instant

_OPEN = text("closed_at IS NULL")
_ENTRY = ("agency", "day", "kind", "bank_reference", "end_to_end", "came_in")


class StatementBreakKind(StrEnum):
    """All that can be wrong with a statement."""

    NOT_TOLD = "NOT_TOLD"
    """Listed, and never told."""
    NOT_LISTED = "NOT_LISTED"
    """Told as booked on that day, and not listed."""
    OTHER_AMOUNT = "OTHER_AMOUNT"
    """Listed with another amount than it was told, or in the other direction."""
    LISTED_TWICE = "LISTED_TWICE"
    """One reference more than once, in one direction, of one end-to-end id."""
    DOES_NOT_ADD_UP = "DOES_NOT_ADD_UP"
    """The opening balance and the entries do not make the closing balance."""
    OPENS_OTHERWISE = "OPENS_OTHERWISE"
    """The opening balance is not what the day before closed with."""
    DAY_MISSING = "DAY_MISSING"
    """There is no statement of the day before, and there is one of an earlier day."""
    CHANGED = "CHANGED"
    """The bank's statement of that day says other things than it said before; what it said first stands."""


class BankStatement(SQLModel, table=True):
    """The statement of an agency's account for a Bangkok day, as it was first taken in."""

    __tablename__ = "bank_statement"

    agency: str = Field(primary_key=True, max_length=100)
    day: date = Field(primary_key=True)
    statement_id: str = Field(max_length=35)
    content_hash: bytes
    """SHA-256 of what it says, in whatever order."""
    opening: int = Field(sa_type=BigInteger)
    closing: int = Field(sa_type=BigInteger)
    entries: int
    taken_at: datetime = Field(sa_type=Instant)


class StatementBreak(SQLModel, table=True):
    """Something of a statement that does not fit. It is closed when the statement, taken in again, fits, or when two
    officers have explained it."""

    __tablename__ = "statement_break"
    __table_args__ = (
        Index("uq_statement_break_entry", *_ENTRY, unique=True),
        Index("ix_statement_break_open", "agency", "day", postgresql_where=_OPEN, sqlite_where=_OPEN),
        CheckConstraint(f"kind IN ({', '.join(repr(one.value) for one in StatementBreakKind)})", name="kind"),
    )

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    day: date
    kind: str = Field(max_length=20)
    bank_reference: str = Field(max_length=35)
    """Of the entry; of a break about the whole day, the day."""
    end_to_end: str = Field(default="", max_length=35, sa_column_kwargs={"server_default": ""})
    """Of the payment: one reference may stand for several. A keyed mark of one that is none of ours; empty where
    there is none, and of older rows."""
    came_in: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether the entry came in: a payment and its return may bear the same reference."""
    expected: int | None = Field(default=None, sa_type=BigInteger)
    found: int | None = Field(default=None, sa_type=BigInteger)
    """Satang, negative of what left; null where there is nothing on that side."""
    found_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)


class StatementResolution(SQLModel, table=True):
    """How an officer explains a break, and that another agrees. Nothing is booked by it. It holds while the break is of
    the same amounts."""

    __tablename__ = "statement_resolution"
    __table_args__ = (
        CheckConstraint("closed_by IS NULL OR closed_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name="closed_by_another"),
    )

    break_id: UUID = Field(primary_key=True, foreign_key="statement_break.id")
    reason: str = Field(max_length=500)
    """In the words of whoever proposed it; no personal data."""
    proposed_by: UUID
    proposed_at: datetime = Field(sa_type=Instant)
    expected: int | None = Field(default=None, sa_type=BigInteger)
    found: int | None = Field(default=None, sa_type=BigInteger)
    """What the break said then."""
    closed_by: UUID | None = None
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
