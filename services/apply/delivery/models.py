"""What the host owes an agency: an application to take there and to follow, and events to tell."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_OWED: Final = text("due_at IS NOT NULL")
_FAILED: Final = text("failed_at IS NOT NULL")


class ServiceCase(SQLModel, table=True):
    """An application to a service as it stands with the agency: what is owed next, and what the agency said last.

    One row per application, and one thing owed at a time: a worker leases the row, so that no two ask the agency about
    the same application at once.
    """

    __tablename__ = "service_case"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        Index("ix_service_case_due", "plugin", "due_at", postgresql_where=_OWED, sqlite_where=_OWED),
        Index("ix_service_case_failed", "plugin", postgresql_where=_FAILED, sqlite_where=_FAILED),
    )

    person: UUID = Field(primary_key=True)
    application: UUID = Field(primary_key=True)
    plugin: str = Field(max_length=40)
    """Slug of the service's plugin."""
    step: str = Field(max_length=10)
    """What is owed: a `Step`."""
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it is tried next; None where nothing is owed."""
    owed_since: datetime = Field(sa_type=Instant)
    """Since when this step is owed."""
    attempts: int = 0
    """Begun since the agency last answered."""
    lease: UUID | None = None
    """Whose turn it is; what comes from another is too late."""
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the first attempt to submit began: from then on the agency may have it."""
    cancel_wanted: bool = False
    """The citizen has withdrawn what the agency may have and has not numbered yet."""
    tried_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the last attempt at anything began."""
    trouble: str | None = Field(default=None, max_length=40)
    """Why the last attempt ended without an answer, or why none is made."""
    failed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was given up; until an operator has it tried again, nothing is due."""
    reference: str | None = Field(default=None, max_length=100)
    """The agency's own number."""
    state: str | None = Field(default=None, max_length=20)
    """As the agency last said: a `State`."""
    state_at: datetime | None = Field(default=None, sa_type=Instant)
    checked_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the agency last answered."""
    polls: int = 0
    """Answers since the state last changed: the more, the longer until the next question."""
    document_sealed: bytes | None = sealed("service_case.document", by="application", default=None)
    """The application as it is handed over, every time the same; gone once the agency has it."""
    rests_on: dict[str, list[str]] = Field(sa_type=Json)
    """Of its facts those that a consent opened: purpose → attributes."""
    told_sealed: bytes | None = sealed("service_case.told", by="application", default=None)
    """`{"note": {"th", "en"}, "payment": {"satang", "text", "time"}}` of the agency's last word; `time` from the second
    on that it asks for that amount."""
    paid: list[int] = Field(default_factory=list, sa_type=Json, sa_column_kwargs={"server_default": text("'[]'")})
    """Amounts of the fees that were paid while the agency had it, in satang."""
    pay_by: datetime | None = Field(default=None, sa_type=Instant, index=True)
    """Of what the agency approved and whose fee is not paid: until then it may be, and not at it."""
    remind_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the citizen is reminded of that; None once they were."""


class AgencyEvent(SQLModel, table=True):
    """Something that a plugin wants to hear of a citizen. The row goes when it was told, or after a month."""

    __tablename__ = "agency_event"
    __table_args__ = (Index("ix_agency_event_due", "plugin", "due_at"),)

    id: UUID = Field(primary_key=True)
    """Made of plugin, kind and what it is about, so that the same event is one row however often it is noted."""
    plugin: str = Field(max_length=40)
    kind: str = Field(max_length=40)
    at: datetime = Field(sa_type=Instant)
    reference: str | None = Field(default=None, max_length=100)
    application: str | None = Field(default=None, max_length=32)
    """Whose id the agency knows it by, as 32 hex digits; of an event that is about one."""
    satang: int | None = Field(default=None, sa_type=BigInteger)
    """Of a fee that was paid."""
    national_id_sealed: bytes = sealed("agency_event.national_id", by="id")
    """Of whom it is about. Nothing else in the row leads to them: their own rows may be erased by then."""
    due_at: datetime = Field(sa_type=Instant)
    attempts: int = 0
    lease: UUID | None = None
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    trouble: str | None = Field(default=None, max_length=40)


class DeliveryAttempt(SQLModel, table=True):
    """How one attempt to reach an agency ended. Append-only. A look that brought nothing new leaves none."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index("ix_delivery_attempt_owed", "owed"),)

    id: UUID = Field(primary_key=True)
    owed: str = Field(max_length=32)
    """The application or the event, as 32 hex digits."""
    plugin: str = Field(max_length=40)
    step: str = Field(max_length=10)
    """A `Step`, or NOTIFY."""
    at: datetime = Field(sa_type=Instant)
    outcome: str = Field(max_length=40)
    """WELL, DECLINED, LATE, or the trouble (docs/exchange.md)."""
    milliseconds: int
