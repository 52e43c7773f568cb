"""Tables of recovery: agreed plans, what they claim, and every satang that came back or was given up."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant


class PlanStatus(StrEnum):
    PROPOSED = "PROPOSED"
    """Waits for the citizen. Nothing is withheld."""
    AGREED = "AGREED"
    DECLINED = "DECLINED"
    ENDED = "ENDED"
    """Another one took its place when nothing was left of it, or the agency took it back."""


class EntryKind(StrEnum):
    WITHHELD = "WITHHELD"
    GIVEN_BACK = "GIVEN_BACK"
    """The payment from which it was withheld was not made."""
    PAID_BACK = "PAID_BACK"
    WAIVED = "WAIVED"


_OPEN = text("status IN ('PROPOSED', 'AGREED')")
_RECOVERED = text("annulled_at IS NULL AND entry IS NOT NULL")
_FOUND = text("annulled_at IS NULL AND entry IS NULL")


class RecoveryPlan(SQLModel, table=True):
    """What an agency proposes to a citizen: so much, in so many months, and never below a floor."""

    __tablename__ = "recovery_plan"
    __table_args__ = (
        Index("uq_recovery_plan_open", "person", "agency", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_recovery_plan_agency", "agency", "id"),
        CheckConstraint("satang > 0 AND parts BETWEEN 1 AND 120 AND parts <= satang", name="parts"),
        CheckConstraint("floor > 0", name="floor"),
        CheckConstraint("status IN ('PROPOSED', 'AGREED', 'DECLINED', 'ENDED')", name="status"),
        CheckConstraint("status <> 'AGREED' OR answered_at IS NOT NULL", name="agreed_by_the_citizen"),
    )

    person: UUID = Field(primary_key=True)
    """Who owes it."""
    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    satang: int = Field(sa_type=BigInteger)
    parts: int
    """How many months it is spread over."""
    first_month: date
    """First day of the month of the first part."""
    floor: int = Field(sa_type=BigInteger)
    """Satang that each payment leaves the citizen at least."""
    from_children: bool
    """Whether payments for a child may be reduced, too: only if the citizen agreed to that."""
    status: str = Field(max_length=10)
    reason: str = Field(max_length=500)
    proposed_by: UUID
    proposed_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the citizen agreed or declined."""


class RecoveryClaim(SQLModel, table=True):
    """An overpayment that a plan is about."""

    __tablename__ = "recovery_claim"
    __table_args__ = (
        ForeignKeyConstraint(["person", "plan"], ["recovery_plan.person", "recovery_plan.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["person", "overpayment"], ["overpayment.person", "overpayment.id"], ondelete="CASCADE"),
    )

    person: UUID = Field(primary_key=True)
    plan: UUID = Field(primary_key=True)
    overpayment: UUID = Field(primary_key=True)


class RecoveryEntry(SQLModel, table=True):
    """So much of an overpayment came back, was given back, or was given up. Nothing in it is ever changed."""

    __tablename__ = "recovery_entry"
    __table_args__ = (
        ForeignKeyConstraint(["person", "overpayment"], ["overpayment.person", "overpayment.id"], ondelete="CASCADE"),
        # Of one payment in one run, once; and given back once.
        Index("uq_recovery_entry_payment", "overpayment", "instalment", "run", "kind", unique=True),
        Index("ix_recovery_entry_instalment", "instalment"),
        CheckConstraint("satang > 0", name="positive"),
        CheckConstraint("kind IN ('WITHHELD', 'GIVEN_BACK', 'PAID_BACK', 'WAIVED')", name="kind"),
        CheckConstraint("(instalment IS NULL) = (kind IN ('PAID_BACK', 'WAIVED'))", name="of_a_payment"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    overpayment: UUID
    plan: UUID | None = None
    instalment: UUID | None = None
    """The payment that was reduced."""
    run: UUID | None = None
    """The run in which it was."""
    kind: str = Field(max_length=10)
    satang: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)


class Underpayment(SQLModel, table=True):
    """Less went out than was due, or more was recovered: the agency owes it. What supplements it pays it."""

    __tablename__ = "underpayment"
    __table_args__ = (
        ForeignKeyConstraint(["person", "instalment"], ["instalment.person", "instalment.id"]),
        Index("uq_underpayment_entry", "entry", unique=True, postgresql_where=_RECOVERED, sqlite_where=_RECOVERED),
        Index(
            "uq_underpayment_cause", "instalment", "cause", unique=True, postgresql_where=_FOUND, sqlite_where=_FOUND
        ),
        Index("ix_underpayment_agency", "agency", "id"),
        CheckConstraint("satang > 0", name="positive"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    instalment: UUID
    """The payment that was too small, or of which too much was recovered."""
    entry: UUID | None = None
    """The recovery that turned out not to be due."""
    agency: str = Field(max_length=100)
    period: date
    satang: int = Field(sa_type=BigInteger)
    cause: str = Field(max_length=30)
    found_at: datetime = Field(sa_type=Instant)
    annulled_at: datetime | None = Field(default=None, sa_type=Instant)
