"""Tables of what agencies issued. What a document is called and what it says is sealed under its person's data key."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


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
