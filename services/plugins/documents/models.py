"""Tables of what agencies issued. What a document is called and what it says is sealed under its person's data key."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed

_UNDER_WAY = text("status IN ('OWED', 'PAID')")


class IssuedDocument(SQLModel, table=True):
    """One document, without what it says. Kept until `expires_at`."""

    __tablename__ = "issued_document"
    __table_args__ = (Index("ix_issued_document_expires_at", "expires_at"),)

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    plugin: str = Field(max_length=40)
    operation: str = Field(max_length=60)
    assurance: str = Field(max_length=4)
    """The identity assurance level that the service asked for when it was issued: whoever opens it needs it too."""
    about_sealed: bytes = sealed("issued_document.about", by="id", subject="person")
    """JSON: `name`, `media_type`, and `title` with `th` and `en`."""
    size: int
    """In bytes, of what it says."""
    issued_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


class IssueWish(SQLModel, table=True):
    """What was asked for under an idempotency key, claimed before an agency is asked: whatever else comes under the key
    asks nobody. Kept for `service.WISH_KEPT`."""

    __tablename__ = "issue_wish"
    __table_args__ = (Index("ix_issue_wish_at", "at"),)

    person: UUID = Field(primary_key=True)
    key: bytes = Field(primary_key=True)
    """Keyed hash of the idempotency key and of whose it is."""
    digest: bytes
    """Keyed hash of what was asked for."""
    at: datetime = Field(sa_type=Instant)
    """When it was asked for first."""


class IssuedContent(SQLModel, table=True):
    """What a document says: in a table of its own, so that a list of documents reads none of them."""

    __tablename__ = "issued_content"
    __table_args__ = (
        ForeignKeyConstraint(["person", "id"], ["issued_document.person", "issued_document.id"], ondelete="CASCADE"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    content_sealed: bytes = sealed("issued_content.content", by="id", subject="person")


class DocumentOrder(SQLModel, table=True):
    """A document that costs something: asked for, to be paid, made once that is. `states.py` says how it goes."""

    __tablename__ = "document_order"
    __table_args__ = (
        UniqueConstraint("person", "plugin", "operation", "free_place"),
        Index("ix_document_order_due", "due_at", postgresql_where=_UNDER_WAY, sqlite_where=_UNDER_WAY),
        CheckConstraint("status IN ('OWED', 'PAID', 'MADE', 'REFUSED', 'EXPIRED')", name="status"),
        CheckConstraint("satang >= 0", name="not_negative"),
        CheckConstraint("(status = 'MADE') = (document IS NOT NULL)", name="made_whole"),
        CheckConstraint("(status = 'REFUSED') = (refusal IS NOT NULL)", name="refused_with_a_reason"),
        CheckConstraint("free_place IS NULL OR satang = 0", name="free_costs_nothing"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True, unique=True)
    """A UUID version 7; in the key of the call to the agency."""
    plugin: str = Field(max_length=40)
    operation: str = Field(max_length=60)
    acr: str = Field(max_length=20)
    """How sure it was who asked: the agency is asked in their name later."""
    client: str = Field(max_length=200)
    arguments_sealed: bytes = sealed("document_order.arguments", by="id", subject="person")
    """JSON, as the citizen gave it."""
    satang: int = Field(sa_type=BigInteger)
    """0 where it costs them nothing."""
    free_place: int | None = None
    """Which of the first that are free, from 1."""
    status: str = Field(max_length=10)
    ordered_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    """OWED: until when it may be paid. PAID: when the agency is asked next. Of others: since when."""
    paid_at: datetime | None = Field(default=None, sa_type=Instant)
    """When we heard that it was."""
    tries: int = 0
    """How often the agency was asked."""
    document: UUID | None = None
    refusal: str | None = Field(default=None, max_length=60)
    """The agency's code, or ours."""
