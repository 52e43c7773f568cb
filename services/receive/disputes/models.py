"""Tables of disputes."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed

_OPEN = text("closed_at IS NULL")


class Dispute(SQLModel, table=True):
    """A citizen says of one payment that it did not come, or not in full. At most one of a payment is not over."""

    __tablename__ = "dispute"
    __table_args__ = (
        Index("uq_dispute_open", "person", "instalment", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_dispute_agency", "agency", "id"),
        Index("ix_dispute_open_due", "due_on", postgresql_where=_OPEN, sqlite_where=_OPEN),
        CheckConstraint("(said IS NOT NULL) = (kind = 'WRONG_AMOUNT')", name="an_amount_if_that_is_wrong"),
        CheckConstraint("said IS NULL OR said >= 0", name="no_less_than_nothing"),
        CheckConstraint("(closed_at IS NOT NULL) = (status = 'CLOSED')", name="over_when_closed"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    instalment: UUID
    agency: str = Field(max_length=100)
    """Slug of the agency that paid, which answers."""
    kind: str = Field(max_length=20)
    """Of :class:`services.receive.disputes.states.DisputeKind`."""
    said: int | None = Field(default=None, sa_type=BigInteger)
    """Satang that came, as the citizen says; null where nothing did."""
    status: str = Field(max_length=20)
    """Of :class:`services.receive.disputes.states.DisputeStatus`."""
    finding: str | None = Field(default=None, max_length=20)
    """Of :class:`services.receive.disputes.states.Finding`: the last answer of the agency."""
    version: int = 1
    """Grows with each step: who names the version they saw decides on nothing else."""
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    due_on: date
    """The last day, in Bangkok, for whoever's turn it is."""
    closed_at: datetime | None = Field(default=None, sa_type=Instant)


class DisputeEvent(SQLModel, table=True):
    """A step of a dispute. Append-only: no row is ever changed or removed."""

    __tablename__ = "dispute_event"

    person: UUID = Field(primary_key=True)
    dispute: UUID = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    """The dispute's version after the step."""
    at: datetime = Field(sa_type=Instant)
    action: str = Field(max_length=20)
    status: str = Field(max_length=20)
    finding: str | None = Field(default=None, max_length=20)
    by: UUID | None = None
    """The officer; None: the citizen, or the job by which a dispute ends that nobody goes on with."""
    note_sealed: bytes | None = sealed(
        "dispute_event.note", by=("person", "dispute", "sequence"), subject="person", default=None
    )
    """What was said: the citizen's words, or the agency's reason. Under the citizen's own data key."""
