"""Tables of statements: of each day what the bank's said in sum, and what of it does not fit. Neither names anybody."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import Instant

_OPEN = text("closed_at IS NULL")


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
    """Something of a statement that does not fit. It is closed when the statement, taken in again, fits."""

    __tablename__ = "statement_break"
    __table_args__ = (
        UniqueConstraint("agency", "day", "kind", "bank_reference"),
        Index("ix_statement_break_open", "agency", "day", postgresql_where=_OPEN, sqlite_where=_OPEN),
        CheckConstraint(f"kind IN ({', '.join(repr(one.value) for one in StatementBreakKind)})", name="kind"),
    )

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    day: date
    kind: str = Field(max_length=20)
    bank_reference: str = Field(max_length=35)
    """Of the entry; of a break about the whole day, the day."""
    expected: int | None = Field(default=None, sa_type=BigInteger)
    found: int | None = Field(default=None, sa_type=BigInteger)
    """Satang, negative of what left; null where there is nothing on that side."""
    found_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
