"""Tables of agreements between agencies."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class Agreement(SQLModel, table=True):
    """One version of an agreement. Its terms never change: other terms are another version, accepted anew."""

    __tablename__ = "agreement"
    __table_args__ = (
        CheckConstraint("state IN ('PROPOSED', 'IN_FORCE', 'SUSPENDED', 'ENDED')", name="state_known"),
        CheckConstraint("steward <> requester", name="two_parties"),
        CheckConstraint("per_day > 0 AND per_minute > 0", name="quota_positive"),
        CheckConstraint("valid_from <= valid_until", name="valid_sometime"),
        Index(
            "uq_agreement_one_proposed",
            "agreement",
            unique=True,
            sqlite_where=text("state = 'PROPOSED'"),
            postgresql_where=text("state = 'PROPOSED'"),
        ),
        Index(
            "uq_agreement_one_in_force",
            "agreement",
            unique=True,
            sqlite_where=text("state IN ('IN_FORCE', 'SUSPENDED')"),
            postgresql_where=text("state IN ('IN_FORCE', 'SUSPENDED')"),
        ),
        Index("ix_agreement_requester_state", "requester", "state"),
        Index("ix_agreement_steward_state", "steward", "state"),
    )

    agreement: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    """From 1."""
    steward: str
    requester: str
    purposes: list[str] = Field(sa_type=Json)
    attributes: list[str] = Field(sa_type=Json)
    per_day: int
    per_minute: int
    valid_from: date = Field(sa_type=Date)
    """Days in Bangkok, the last one included."""
    valid_until: date = Field(sa_type=Date)
    law: str
    confidentiality_th: str
    confidentiality_en: str
    digest: bytes
    """SHA-256 of the canonical terms: what both officers agreed to."""
    state: str
    proposed_by: UUID
    """The officer who made it, of `proposed_for`."""
    proposed_for: str
    proposed_at: datetime = Field(sa_type=Instant)
    accepted_by: UUID | None
    """The officer of the other agency who checked it."""
    accepted_at: datetime | None = Field(sa_type=Instant)
    suspended_by: str | None
    """The agency that suspended it, while it is suspended: only that one resumes it."""
    ended_at: datetime | None = Field(sa_type=Instant)


class AgreementEvent(SQLModel, table=True):
    """What was done to an agreement, by whom. Append-only."""

    __tablename__ = "agreement_event"
    __table_args__ = (ForeignKeyConstraint(["agreement", "version"], ["agreement.agreement", "agreement.version"]),)

    agreement: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7: events sort by it."""
    version: int
    kind: str
    """Proposed, accepted and so on: a state of agreements/states.py's table, or `SUPERSEDED`."""
    at: datetime = Field(sa_type=Instant)
    agency: str
    by: UUID
    """The officer."""
    reason: str
    digest: bytes
    """Of the version's terms."""
