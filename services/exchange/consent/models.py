"""Table of consents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json

_OPEN = text("ended_at IS NULL")


class Consent(SQLModel, table=True):
    """A citizen's consent (PDPA s.19): that a requester may see these attributes for this purpose, until it ends.

    At most one per person, requester and purpose has no end. A consent is never changed but for its end.
    """

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "uq_consent_open",
            "person",
            "requester",
            "purpose",
            unique=True,
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    requester: str
    """Slug of the agency."""
    purpose: str
    attributes: list[str] = Field(sa_type=Json)
    """Sorted."""
    text_version: str
    """Of the words that the citizen agreed to; the catalogue's purposes hold them."""
    granted_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was withdrawn, replaced, or found expired by the next grant."""
