"""Tables of consents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_OPEN = text("ended_at IS NULL")
_RECEIPT_DUE = text("receipt_due")


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
        Index("ix_consent_id", "id"),
        Index("ix_consent_expires", "expires_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_consent_receipt_due", "ended_at", postgresql_where=_RECEIPT_DUE, sqlite_where=_RECEIPT_DUE),
        Index("ix_consent_requester_ended", "requester", "ended_at"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    requester: str
    """Slug of the agency."""
    purpose: str
    attributes: list[str] = Field(sa_type=Json)
    """Sorted."""
    text_version: str
    """Of the words that the citizen agreed to; data/texts.yaml holds them."""
    granted_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    given_as: str = "SELF"
    """Of :class:`services.exchange.consent.terms.GivenAs`: by the citizen, or by whom the law lets consent for them."""
    given_by: UUID | None = None
    """Who agreed in the citizen's place; None: the citizen."""
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    withdrawn_by: UUID | None = None
    """As `given_by`."""
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was withdrawn or replaced, or its last moment when it expired."""
    receipt_due: bool = False
    """Whether the receipt of its end is still to be signed (services/exchange/consent/tasks.py)."""


class ConsentReceipt(SQLModel, table=True):
    """A signed receipt of what happened to a consent. Append-only: no row is ever changed or removed."""

    __tablename__ = "consent_receipt"
    __table_args__ = (Index("uq_consent_receipt_event", "person", "consent", "event", unique=True),)

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """Version 7."""
    consent: UUID
    event: str
    """Of :class:`services.exchange.consent.terms.ConsentEvent`."""
    at: datetime = Field(sa_type=Instant)
    token_sealed: bytes = sealed("consent_receipt.token", by=("person", "id"), subject="person")
    """The compact JWS as it was signed, under the person's own data key."""
