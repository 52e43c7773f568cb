"""Tables of the services that agencies register."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json

_STATES = ("DRAFT", "CHECKING", "CHECKED", "IN_REVIEW", "PUBLISHED", "SUSPENDED", "SUPERSEDED", "RETIRED")
_CURRENT = "state IN ('PUBLISHED', 'SUSPENDED', 'RETIRED')"


class Service(SQLModel, table=True):
    """A service of an agency. Once it is published its slug is that agency's for ever; before, others may try it."""

    __tablename__ = "service"
    __table_args__ = (
        Index(
            "uq_service_slug_published",
            "slug",
            unique=True,
            sqlite_where=text("current IS NOT NULL"),
            postgresql_where=text("current IS NOT NULL"),
        ),
    )

    agency: str = Field(primary_key=True)
    slug: str = Field(primary_key=True)
    current: str | None
    """The version that is published, suspended or retired; None before the first publication."""
    prefix: str | None
    """What the current version claims for itself: of the graph, and of the facts."""
    namespace: str | None
    provides: list[str] = Field(sa_type=Json)
    held: bool
    """Whether it is the reviewers who suspended it."""
    skipped: str | None
    """Why a worker could not put the current version into the graph; for operators."""
    skipped_at: datetime | None = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    row_version: int
    """Grows with every act."""


class ServiceVersion(SQLModel, table=True):
    """One version of a service. From its submission on its files never change."""

    __tablename__ = "service_version"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(map(repr, _STATES))})", name="state_known"),
        ForeignKeyConstraint(["agency", "slug"], ["service.agency", "service.slug"]),
        Index(
            "uq_service_version_one_current",
            "agency",
            "slug",
            unique=True,
            sqlite_where=text(_CURRENT),
            postgresql_where=text(_CURRENT),
        ),
        Index(
            "ix_service_version_checking",
            "lease_until",
            sqlite_where=text("state = 'CHECKING'"),
            postgresql_where=text("state = 'CHECKING'"),
        ),
    )

    agency: str = Field(primary_key=True)
    slug: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    state: str
    files: dict[str, Any] = Field(sa_type=Json)
    """File name → text, as they were sent: faults name their lines."""
    digest: bytes
    """SHA-256 of the files in canonical form."""
    sent_by: str
    """In whose name: an officer's key (32 hex digits), or the agency's own name for a system of its."""
    sent_client: str
    sent_at: datetime = Field(sa_type=Instant)
    submitted_by: str | None
    """Who wants it published; while it is checked, it goes on by itself in their name when the check is passed."""
    submitted_client: str | None
    lease: UUID | None
    """Of the process that checks it."""
    lease_until: datetime | None = Field(sa_type=Instant)
    """A check whose process is gone by then is taken up again."""
    attempts: int
    """How often the check that waits, or was the last, was begun."""
    published_at: datetime | None = Field(sa_type=Instant)
    """First."""
    retired_at: datetime | None = Field(sa_type=Instant)


class ServiceEvent(SQLModel, table=True):
    """What was done to a service, by whom. Append-only."""

    __tablename__ = "service_event"
    __table_args__ = (
        ForeignKeyConstraint(["agency", "slug"], ["service.agency", "service.slug"]),
        Index("ix_service_event_agency_at", "agency", "at"),
    )

    agency: str = Field(primary_key=True)
    slug: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7: events sort by it."""
    version: str
    kind: str
    """An act of registry/states.py."""
    state: str
    """Of the version, afterwards."""
    at: datetime = Field(sa_type=Instant)
    acting: str
    """The agency whose act it was; empty for what the house does by itself."""
    by: str
    """An officer's key (32 hex digits), the agency's own name for a system of its, or empty."""
    client: str
    """Of a system; empty for an officer at our own desk."""
    reason: str
    digest: bytes
    """Of the version's files."""


class ServiceReview(SQLModel, table=True):
    """A version that was submitted, and what the reviewers said."""

    __tablename__ = "service_review"
    __table_args__ = (
        ForeignKeyConstraint(["agency", "slug"], ["service.agency", "service.slug"]),
        Index(
            "uq_service_review_one_open",
            "agency",
            "slug",
            "version",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    agency: str = Field(primary_key=True)
    slug: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    version: str
    digest: bytes
    parts: list[dict[str, Any]] = Field(sa_type=Json)
    """What makes it need a review: part, place, why."""
    asked_by: str
    asked_client: str
    asked_at: datetime = Field(sa_type=Instant)
    outcome: str | None
    """APPROVED, REFUSED or WITHDRAWN."""
    decided_by: str | None
    decided_at: datetime | None = Field(sa_type=Instant)
    reason: str
    place: str
    """`manifest.json:12`, say."""
    remedy: str


class ServiceReport(SQLModel, table=True):
    """What came of a run of the conformance suite, signed. Append-only."""

    __tablename__ = "service_report"
    __table_args__ = (ForeignKeyConstraint(["agency", "slug"], ["service.agency", "service.slug"]),)

    agency: str = Field(primary_key=True)
    slug: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    version: str
    digest: bytes
    """Of the files that were checked."""
    passed: bool
    report: dict[str, Any] = Field(sa_type=Json)
    attestation: str
    """A JWS of type `sitthi-conformance+jwt` over the report."""
    at: datetime = Field(sa_type=Instant)


class ServiceGeneration(SQLModel, table=True):
    """One row, whose number grows whenever what is published changes: workers look at it all the time."""

    __tablename__ = "service_generation"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    generation: int = Field(sa_type=BigInteger)
