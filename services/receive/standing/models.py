"""Tables of what agencies did with what they issued, and of the papers that were printed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class PrintedPaper(SQLModel, table=True):
    """A paper that an agency signed, by its hash, and whether it is good. Of nobody: it stays when its citizen leaves,
    or what was taken back would be believed again. Nothing of what it says is here."""

    __tablename__ = "printed_paper"
    __table_args__ = (CheckConstraint("status IN (0, 1, 2)", name="status"),)

    id: UUID = Field(primary_key=True)
    """A UUID version 7; it is also in the QR code on the page."""
    agency: str = Field(max_length=100)
    sha256: bytes = Field(unique=True)
    """Of the file."""
    printed_at: datetime = Field(sa_type=Instant)
    status: int = 0
    """As of credentials: 0 VALID, 1 INVALID, 2 SUSPENDED."""
    status_at: datetime | None = Field(default=None, sa_type=Instant)


class HeldPaper(SQLModel, table=True):
    """Whose a paper is: so that its agency finds it, and the citizen hears of what became of it."""

    __tablename__ = "held_paper"
    __table_args__ = (
        ForeignKeyConstraint(["paper"], ["printed_paper.id"]),
        Index("ix_held_paper_paper", "paper"),
        Index("ix_held_paper_kept_at", "kept_at"),
    )

    person: UUID = Field(primary_key=True)
    paper: UUID = Field(primary_key=True)
    document: UUID
    """The citizen's issued document, as long as it is kept."""
    kept_at: datetime = Field(sa_type=Instant)


class StandingAct(SQLModel, table=True):
    """What an agency did with something that it issued, and why; the citizen reads it."""

    __tablename__ = "standing_act"
    __table_args__ = (
        UniqueConstraint("agency", "key", name="uq_standing_act_agency_key"),
        Index("ix_standing_act_at", "at"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    agency: str = Field(max_length=100)
    kind: str = Field(max_length=12)
    issued: UUID
    """Of a credential the offer by which it was fetched; of a paper its id."""
    act: str = Field(max_length=12)
    reason_sealed: bytes = sealed("standing_act.reason", by="id", subject="person")
    """JSON: `th` and `en`, in the agency's words."""
    actor: str = Field(max_length=120)
    """An officer's key, or a system of the agency."""
    key: bytes
    """Keyed hash of the idempotency key of the agency's call, or the proposal that was approved."""
    digest: bytes
    """Keyed hash of what was asked for under it."""
    at: datetime = Field(sa_type=Instant)
