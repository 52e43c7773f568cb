"""Tables of delegation."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_HOLDS = text("accepted_at IS NOT NULL AND ended_at IS NULL")
_OPEN = text("accepted_at IS NULL AND ended_at IS NULL")


class Kind(StrEnum):
    """Why one person may act for another."""

    PARENT = "PARENT"
    """Of a minor child, as the civil register says (Civil and Commercial Code s.1566, s.1574)."""
    GUARDIAN = "GUARDIAN"
    """By order of a court, entered by two officers (s.1585, s.1598/3)."""
    CARER = "CARER"
    """Of an elder or of a person with a disability, who agreed to it."""


class Scope(StrEnum):
    """What a delegate may do. To apply or to receive one must also see."""

    VIEW = "VIEW"
    APPLY = "APPLY"
    RECEIVE = "RECEIVE"
    CONSENT = "CONSENT"
    """Agree to the use of data in their place, and withdraw it: for parental power or guardianship (PDPA s.20)."""


class EndReason(StrEnum):
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    """By who proposed it, before it was accepted."""
    REVOKED = "REVOKED"
    """By who is acted for."""
    RENOUNCED = "RENOUNCED"
    """By who acts."""
    OFFICER = "OFFICER"
    RENEWED = "RENEWED"
    """Another between the same two took its place."""
    EXPIRED = "EXPIRED"
    """Its last day passed, or nobody accepted it in time; written when another is proposed."""


class Step(StrEnum):
    PROPOSED = "PROPOSED"
    PROVED = "PROVED"
    """The register proved the tie, and the delegation holds."""
    ACCEPTED = "ACCEPTED"
    REGISTERED = "REGISTERED"
    """Two officers entered it."""
    ENDED = "ENDED"


class Delegation(SQLModel, table=True):
    """That one person may act for another: a parent for a minor, a carer for an elder or a disabled person."""

    __tablename__ = "delegation"
    __table_args__ = (
        CheckConstraint("person <> delegate", name="two_people"),
        CheckConstraint("starts_on < ends_on", name="lasts"),
        Index("ix_delegation_id", "id"),
        Index("ix_delegation_delegate", "delegate"),
        # One that holds, and beside it at most one proposal to renew it.
        Index(
            "uq_delegation_holds",
            "person",
            "delegate",
            "kind",
            unique=True,
            postgresql_where=_HOLDS,
            sqlite_where=_HOLDS,
        ),
        Index(
            "uq_delegation_open", "person", "delegate", "kind", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN
        ),
    )

    person: UUID = Field(primary_key=True)
    """Who is acted for."""
    id: UUID = Field(primary_key=True)
    delegate: UUID
    """Who acts."""
    kind: str
    """Of :class:`Kind`."""
    scopes: list[str] = Field(sa_type=Json)
    """Of :class:`Scope`."""
    names_sealed: bytes = sealed("delegation.names", by="id")
    """JSON `{"person": {"th", "en"}, "delegate": {"th", "en"}}`, each as it was on the day and only once that side has
    taken part: who proposes to a number does not learn whose it is."""
    starts_on: date
    ends_on: date
    """The first day (in Bangkok) on which it holds no more: for a minor, the 20th birthday at the latest (Civil and
    Commercial Code s.19)."""
    proposed_by: UUID
    proposed_at: datetime = Field(sa_type=Instant)
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the other side agreed, or the register of the state proved it; until then it gives no right."""
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_by: UUID | None = None
    end_reason: str | None = None
    """Of :class:`EndReason`."""


class DelegationEvent(SQLModel, table=True):
    """What happened to a delegation, and by whom. Append-only: no row is ever changed or removed."""

    __tablename__ = "delegation_event"

    person: UUID = Field(primary_key=True)
    delegation: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str
    """Of :class:`Step`."""
    by: UUID
    by_officer_of: str | None
    """The agency, when an officer did it."""
    at: datetime = Field(sa_type=Instant)
