"""Table of correction cases."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed

_OPEN = text("status = 'OPEN'")


class Correction(SQLModel, table=True):
    """A citizen says that a fact is wrong; the agency that owns it is asked to put it right (PDPA s.36).

    At most one open case per person and attribute.
    """

    __tablename__ = "correction"
    __table_args__ = (
        Index("uq_correction_open", "person", "attribute", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    attribute: str
    steward: str
    """Slug of the agency, as the catalogue named it when the case was opened."""
    statement_sealed: bytes = sealed("correction.statement", by="id")
    """What the citizen says; sealed, bound to the row."""
    status: str
    created_at: datetime = Field(sa_type=Instant)
