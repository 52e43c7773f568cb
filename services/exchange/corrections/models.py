"""Tables of correction cases."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed

_OPEN = text("closed_at IS NULL")


class Correction(SQLModel, table=True):
    """A citizen says that a fact is wrong; the agency that owns it is asked to put it right (PDPA s.36).

    At most one open case per person and attribute.
    """

    __tablename__ = "correction"
    __table_args__ = (
        Index("uq_correction_open", "person", "attribute", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_correction_steward", "steward", "id"),
        Index("ix_correction_closed_at", "closed_at"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    attribute: str
    steward: str
    """Slug of the agency, as the catalogue named it when the case was opened."""
    statement_sealed: bytes = sealed("correction.statement", by="id")
    """What the citizen said first; sealed, bound to the row. What came later is in the events."""
    status: str
    """Of :class:`services.exchange.corrections.states.CorrectionStatus`."""
    version: int = 1
    """Grows with each step: who names the version they saw decides on nothing else."""
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    due_on: date
    """The last day, in Bangkok, for whoever's turn it is."""
    days_left: int
    """Of the agency's days, while it waits for the citizen; else those it had when its turn began."""
    handler: str | None = None
    """Who has it at the agency: an officer (32 hex digits), or `<client>:<agent>` of the agency's system."""
    closed_at: datetime | None = Field(default=None, sa_type=Instant)


class CorrectionEvent(SQLModel, table=True):
    """A step of a correction. Append-only: no row is ever changed or removed."""

    __tablename__ = "correction_event"

    person: UUID = Field(primary_key=True)
    correction: UUID = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    """The correction's version after the step."""
    at: datetime = Field(sa_type=Instant)
    action: str
    status: str
    by: str | None
    """As :attr:`Correction.handler`; None: the citizen."""
    note_sealed: bytes | None = sealed(
        "correction_event.note", by=("person", "correction", "sequence"), subject="person", default=None
    )
    """What was said: evidence of the citizen, a question or a reason of the agency. Under the person's own data key."""
