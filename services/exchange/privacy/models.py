"""Tables of people's requests about their own data, of legal holds, and of what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed
from services.exchange.privacy.states import OPEN

NOBODY: Final = UUID(int=0)
"""Stands in :class:`PrivacyEvent` where what was done was about no single person."""
_OPEN: Final = text(f"status IN ({', '.join(repr(status.value) for status in sorted(OPEN))})")


class PrivacyRequest(SQLModel, table=True):
    """What one person asked for under the PDPA, and what became of it.

    At most one open request of a kind per person (of restrictions and objections: per purpose).
    """

    __tablename__ = "privacy_request"
    __table_args__ = (
        Index(
            "uq_privacy_request_open",
            "person",
            "kind",
            "purpose",
            unique=True,
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index("ix_privacy_request_status_due_at", "status", "due_at"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str = Field(max_length=20)
    """Of :class:`services.exchange.privacy.states.Kind`."""
    status: str = Field(max_length=20)
    """Of :class:`services.exchange.privacy.states.Status`."""
    stores: list[str] = Field(sa_type=Json)
    """Of ERASURE: which stores; of EXIT: empty, for all."""
    end_benefits: bool = False
    """Of EXIT: whether the person gives up what they are being paid."""
    purpose: str = Field(default="", max_length=60)
    """Of RESTRICTION and OBJECTION: the registered purpose; empty for every one that can be stopped."""
    ground: str | None = Field(default=None, max_length=40)
    """Of RESTRICTION and OBJECTION: of :class:`services.exchange.privacy.states.Ground`."""
    statement_sealed: bytes | None = sealed("privacy_request.statement", by="id", default=None)
    """In the person's own words."""
    acr: str | None = Field(default=None, max_length=20)
    """Of ACCESS and PORTABILITY: the levels of the sign-in it was made under (core/assurance.py). The gate is asked
    under the same when the copy is prepared, so that what is sensitive is in it too."""
    made_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    """By when the law wants it answered: 30 days (s.30)."""
    proceeds_at: datetime | None = Field(default=None, sa_type=Instant)
    """Of an erasure: until then the person may take it back."""
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    """A worker is at it until then; after, another may begin anew."""
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    """Of an export: when its files go."""
    stays: list[dict[str, Any]] = Field(sa_type=Json)
    """What the law keeps: `{"store", "hold", "until"}` each; nothing of the person."""
    failure: str | None = Field(default=None, max_length=60)
    """The code of what went wrong at the last attempt; it will be tried again."""


class PrivacyExport(SQLModel, table=True):
    """A piece of a prepared export. Sealed; goes with the request's `expires_at`."""

    __tablename__ = "privacy_export"
    __table_args__ = (ForeignKeyConstraint(["person", "request"], ["privacy_request.person", "privacy_request.id"]),)

    person: UUID = Field(primary_key=True)
    request: UUID = Field(primary_key=True)
    format: str = Field(primary_key=True, max_length=4)
    """`json`, `pdf` or `jws`."""
    number: int = Field(primary_key=True)
    """From 0."""
    content_sealed: bytes = sealed("privacy_export.content", by=("request", "format", "number"))
    made_at: datetime = Field(sa_type=Instant, index=True)


class LegalHold(SQLModel, table=True):
    """That data must be kept although somebody asked for their erasure, or their time is over: by law, until a day."""

    __tablename__ = "legal_hold"

    id: UUID = Field(primary_key=True)
    person: UUID | None = Field(default=None, index=True)
    """None for everybody."""
    store: str = Field(max_length=40)
    """A store's name, or `*` for all."""
    law: str = Field(max_length=200)
    reason_sealed: bytes = sealed("legal_hold.reason", by="id")
    """Never told to the person: it may be about an investigation."""
    until: datetime = Field(sa_type=Instant)
    officer: str
    """As in `identity.officers.models.OfficerEvent.by`."""
    placed_at: datetime = Field(sa_type=Instant)
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    released_by: str | None = None


class PrivacyEvent(SQLModel, table=True):
    """What was done with a request or a hold, and by whom. Append-only: no row is ever changed or removed."""

    __tablename__ = "privacy_event"

    person: UUID = Field(primary_key=True)
    """:data:`NOBODY` where it is about no single person."""
    id: UUID = Field(primary_key=True)
    """Version 7, so that the order of ids is the order of events."""
    subject: UUID | None = None
    """The request or the hold."""
    kind: str = Field(max_length=30)
    """Of :class:`services.exchange.privacy.states.Step`."""
    detail: dict[str, Any] = Field(sa_type=Json)
    """Names of stores, numbers of rows, codes; nothing of the person."""
    by: str
    """`citizen`, `job`, an officer (32 hex digits) or `command line: <account>`."""
    at: datetime = Field(sa_type=Instant)
