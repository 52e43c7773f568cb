"""Tables of acts that need two officers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class Proposal(SQLModel, table=True):
    """An act that one officer proposes and another of the same agency approves: maker and checker."""

    __tablename__ = "proposal"
    __table_args__ = (CheckConstraint("checker IS NULL OR checker <> maker", name="two_officers"),)

    id: UUID = Field(primary_key=True)
    agency: str = Field(index=True)
    kind: str
    """One of :class:`identity.proposals.acts.ProposalKind`."""
    payload_sealed: bytes = sealed("proposal.payload", by="id")
    """What it would do, JSON, bound to this row: it may hold national IDs."""
    maker: UUID
    reason: str
    """In the maker's words; never with a national ID in them."""
    made_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    checker: UUID | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None
    """`APPROVED`, `REFUSED` or `WITHDRAWN`."""
