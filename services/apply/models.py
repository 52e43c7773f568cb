"""Applications, the decisions on them, and all that happened to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed
from services.apply.states import ACTIVE, GRANTED, TIMERS, Status

_ACTIVE: Final = text(f"status IN ({', '.join(repr(status.value) for status in sorted(ACTIVE))})")
_WAITING: Final = text(f"status = '{Status.SUBMITTED.value}'")
_TIMED: Final = text(f"status IN ({', '.join(repr(status.value) for status in sorted(TIMERS))})")
_GRANTED: Final = text(f"status IN ({', '.join(repr(status.value) for status in sorted(GRANTED))})")
_OWED: Final = text("done_at IS NULL")
_UNDECIDED: Final = text("decide_at IS NOT NULL")


class Application(SQLModel, table=True):
    """One application by a person for a beneficiary (themself, or a child of theirs)."""

    __tablename__ = "application"
    __table_args__ = (
        Index(
            "uq_application_active", "unit_key", "subject", unique=True, postgresql_where=_ACTIVE, sqlite_where=_ACTIVE
        ),
        Index("ix_application_id", "id"),
        Index("ix_application_waiting", "id", postgresql_where=_WAITING, sqlite_where=_WAITING),
        Index("ix_application_due_on", "due_on", postgresql_where=_TIMED, sqlite_where=_TIMED),
        Index("ix_application_changes_on", "changes_on", postgresql_where=_GRANTED, sqlite_where=_GRANTED),
        Index("ix_application_watched_on", "watched_on", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
        Index("ix_application_decide_at", "decide_at", postgresql_where=_UNDECIDED, sqlite_where=_UNDECIDED),
    )

    person: UUID = Field(primary_key=True)
    """The applicant."""
    id: UUID = Field(primary_key=True)
    beneficiary: UUID
    unit_key: str = Field(max_length=100)
    """Whose one active application it is: `person:<hex>`, or the key of a household."""
    subject: str = Field(max_length=100)
    """`programme:<slug>` or `service:<slug>`."""
    title: dict[str, str] = Field(sa_type=Json)
    """`{"th", "en"}`."""
    status: str = Field(max_length=20)
    version: int
    """Grows by one with each change, so that a decision made on an older state is not written over a newer one."""
    answers_sealed: bytes = sealed("application.answers", by="id")
    missing: list[dict[str, Any]] = Field(sa_type=Json)
    """What nobody has said yet: `{"attribute", "th", "en", "held_by", "agency", "why"}`; names, never values."""
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    turn_since: datetime | None = Field(default=None, sa_type=Instant)
    """When the turn began that it is; null of applications from before turns were timed, whose last change counts."""
    due_on: date | None = None
    """The last day of the turn; null where it is nobody's, and while nobody knows that year's holidays."""
    agency_days: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Working days that the agency's earlier turns took."""
    overdue_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the agency's supervisors and the citizen were told that its time ran out; anew with each turn."""
    reminded_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the citizen was told that their turn ends soon; anew with each turn."""
    reopen_until: date | None = None
    """Of what lapsed: the last day on which the citizen may open it again."""
    law_from: str | None = Field(default=None, max_length=40)
    """Which version of the law it was last decided by, as the decider names it; another is a reason to look again."""
    changes_on: date | None = None
    """The first day on which that decision would be another although no fact changes."""
    review_since: date | None = None
    """While it is under review, until that is decided: from which day what is found counts. It outlives what closes it
    meanwhile, and an agency that does not answer after the citizen has."""
    watched_on: date | None = None
    """When the civil register was last asked whether those it is about are alive."""
    decide_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it is to be decided, where it was accepted first (services/apply/acceptance); null of all others."""


class Reassessment(SQLModel, table=True):
    """Something happened after which a grant is to be looked at again: once per application, cause and reference."""

    __tablename__ = "reassessment"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        Index("uq_reassessment_cause", "application", "cause", "reference", unique=True),
        Index("ix_reassessment_due_at", "due_at", postgresql_where=_OWED, sqlite_where=_OWED),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    application: UUID
    cause: str = Field(max_length=30)
    """Of :class:`services.apply.reassessing.Cause`."""
    reference: str = Field(max_length=64)
    """Which correction, version, day or officer's act; never a value of a fact."""
    since: date
    """From which day what is found counts: what was paid for months that begin on it or later may be too much."""
    officer: UUID | None = None
    """Who asked for it."""
    owed_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    """When it is tried next."""
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = Field(default=None, max_length=20)
    """CONFIRMED, ENDED, ASKED or NOT_NEEDED."""


class HouseholdLook(SQLModel, table=True):
    """Of a corrected fact that goes into a household's total: those who live with the person were looked for, once.
    Deleted when the correction is too old to be followed."""

    __tablename__ = "household_look"

    person: UUID = Field(primary_key=True)
    correction: UUID = Field(primary_key=True)
    looked_at: datetime = Field(sa_type=Instant)


class Decision(SQLModel, table=True):
    """A decision as it was taken. Append-only: a later one is a row of its own."""

    __tablename__ = "decision"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        Index("uq_decision_sequence", "application", "sequence", unique=True),
        Index("ix_decision_id", "id"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    application: UUID
    sequence: int
    """The how-manieth decision on the application, from 1."""
    at: datetime = Field(sa_type=Instant)
    outcome: str = Field(max_length=20)
    record_sealed: bytes = sealed("decision.record", by="id", subject="person")
    """The frozen rule and the facts, by which it is replayed; under the applicant's data key, bound to this row."""
    reasons: list[dict[str, Any]] = Field(sa_type=Json)
    """`{"condition", "th", "en", "outcome", "law": {"th", "en"}, "facts"}` each; names of facts, no values."""
    rule: str | None = Field(default=None, max_length=64)
    """The law it was taken by, in `decision_rule`. Null where an agency decided, and of decisions before that table."""
    token: str | None = Field(default=None, sa_type=Text)
    """What is signed of it (services/apply/decisions/proof.py). Null of decisions before they were signed."""


class ApplicationEvent(SQLModel, table=True):
    """One step in the life of an application. Append-only."""

    __tablename__ = "application_event"
    __table_args__ = (ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),)

    person: UUID = Field(primary_key=True)
    application: UUID = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    """From 1."""
    at: datetime = Field(sa_type=Instant)
    action: str = Field(max_length=20)
    status: str = Field(max_length=20)
    """The status it led to."""
    acted_by: UUID | None = None
    """Who did it in the citizen's name, under a delegation."""
    officer: UUID | None = None
    """The officer who did it, or who asked for it to be decided again."""
    cause: str | None = Field(default=None, max_length=30)
    """Why it was decided again, of :class:`services.apply.reassessing.Cause`."""


class Appeal(SQLModel, table=True):
    """The citizen's objection to a rejection. `grounds_sealed` is in their own words."""

    __tablename__ = "appeal"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        ForeignKeyConstraint(["person", "decision"], ["decision.person", "decision.id"]),
        Index(
            "uq_appeal_open",
            "person",
            "application",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    application: UUID
    decision: UUID
    """The rejection it is against."""
    grounds_sealed: bytes = sealed("appeal.grounds", by="id")
    opened_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = Field(default=None, max_length=20)
    """GRANTED, REFUSED or WITHDRAWN once it is closed."""
