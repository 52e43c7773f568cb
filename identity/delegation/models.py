"""Tables of delegation."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class Delegation(SQLModel, table=True):
    """That one person may act for another: a parent for a minor, a carer for an elder or a disabled person."""

    __tablename__ = "delegation"
    __table_args__ = (
        Index("ix_delegation_id", "id"),
        Index("ix_delegation_delegate", "delegate"),
        Index(
            "uq_delegation_live",
            "person",
            "delegate",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    person: UUID = Field(primary_key=True)
    """Who is acted for."""
    id: UUID = Field(primary_key=True)
    delegate: UUID
    """Who acts."""
    kind: str
    """`PARENT`, `GUARDIAN` or `CARER`."""
    scopes: list[str] = Field(sa_type=Json)
    """`VIEW`, `APPLY`, `RECEIVE`."""
    names_sealed: bytes
    """Both names as they were when it was made, JSON `{"person": {"th", "en"}, "delegate": {"th", "en"}}`."""
    starts_on: date
    ends_on: date
    """The first day (in Bangkok) on which it holds no more: for a minor, the 20th birthday (Civil Code s.19)."""
    proposed_by: UUID
    proposed_at: datetime = Field(sa_type=Instant)
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the other side agreed, or the register of the state proved it; until then it gives no right."""
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_by: UUID | None = None
    end_reason: str | None = None
    """`DECLINED`, `REVOKED` by who is acted for, `RENOUNCED` by who acts, `OFFICER`, `TIE_GONE`."""


class DelegationEvent(SQLModel, table=True):
    """What happened to a delegation, and by whom. Append-only: no row is ever changed or removed."""

    __tablename__ = "delegation_event"

    person: UUID = Field(primary_key=True)
    delegation: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str
    """`PROPOSED`, `ACCEPTED`, `ENDED`."""
    by: UUID
    by_officer_of: str | None
    """The agency, when an officer did it."""
    at: datetime = Field(sa_type=Instant)
