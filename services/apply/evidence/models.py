"""Tables of evidence. A file lies in pieces, each sealed under its person's data key and bound to its place."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class Evidence(SQLModel, table=True):
    """One file that a citizen sent, without what it holds. Written in one transaction with all its pieces."""

    __tablename__ = "evidence"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        Index("uq_evidence_claim", "person", "claim", unique=True),
        Index("ix_evidence_application", "application"),
        Index("ix_evidence_uploaded_at", "uploaded_at"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    claim: bytes
    """Keyed hash of the idempotency key."""
    digest: bytes
    """Keyed hash of what the file holds."""
    media_type: str = Field(max_length=20)
    """What we found it to be, never what was said."""
    size: int
    """In bytes."""
    uploaded_at: datetime = Field(sa_type=Instant)
    scanner: str | None = Field(default=None, max_length=40)
    """Which scanner found nothing in it. Null: nobody has looked, and no officer is shown it."""
    application: UUID | None = None
    """The application that named it; null until one does."""
    submitted_at: datetime | None = Field(default=None, sa_type=Instant)


class EvidencePiece(SQLModel, table=True):
    """So many bytes of a file (`service.PIECE_BYTES`; the last has the rest)."""

    __tablename__ = "evidence_piece"
    __table_args__ = (
        ForeignKeyConstraint(["person", "evidence"], ["evidence.person", "evidence.id"], ondelete="CASCADE"),
    )

    person: UUID = Field(primary_key=True)
    evidence: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    """From 0."""
    content_sealed: bytes = sealed("evidence_piece.content", by=("evidence", "position"), subject="person")
