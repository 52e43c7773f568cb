"""Tables of juristic persons."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text, true
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_HOLDS = text("accepted_at IS NOT NULL AND ended_at IS NULL")


class JuristicKind(StrEnum):
    """What a juristic person is to the agency that registered it."""

    INSURER = "INSURER"
    BROKER = "BROKER"
    HOSPITAL = "HOSPITAL"
    GARAGE = "GARAGE"
    UNIVERSITY = "UNIVERSITY"
    OTHER = "OTHER"


class AppointmentEnd(StrEnum):
    DECLINED = "DECLINED"
    """Before it held: by a director, or by who was to be appointed."""
    REVOKED = "REVOKED"
    """By a director."""
    RENOUNCED = "RENOUNCED"
    """By who was appointed."""
    AGENCY = "AGENCY"
    """By an officer of the agency."""
    RENEWED = "RENEWED"
    """Another of the same person took its place."""
    STRUCK_OFF = "STRUCK_OFF"
    """With the juristic person."""


class JuristicStep(StrEnum):
    """What happened to a juristic person, or was done in its name."""

    REGISTERED = "REGISTERED"
    CHANGED = "CHANGED"
    STRUCK_OFF = "STRUCK_OFF"
    DIRECTOR_ENTERED = "DIRECTOR_ENTERED"
    DIRECTOR_ENDED = "DIRECTOR_ENDED"
    APPOINTMENT_PROPOSED = "APPOINTMENT_PROPOSED"
    APPOINTED = "APPOINTED"
    """By whoever may: a second director, one who signs alone, or two officers of the agency."""
    ACCEPTED = "ACCEPTED"
    """By who was appointed, from when it holds."""
    APPOINTMENT_ENDED = "APPOINTMENT_ENDED"
    CLIENT_ADDED = "CLIENT_ADDED"
    CLIENT_KEYS = "CLIENT_KEYS"
    CLIENT_ENDED = "CLIENT_ENDED"
    ACTED = "ACTED"


class JuristicPerson(SQLModel, table=True):
    """A juristic person in the register of one agency: before that agency, and no other, its officers act for it."""

    __tablename__ = "juristic_person"
    __table_args__ = (UniqueConstraint("agency", "number"),)

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=40)
    """Slug of the agency that registered it."""
    number: str = Field(max_length=13)
    title_th: str
    title_en: str
    kind: str
    """Of :class:`JuristicKind`."""
    active: bool
    updated_at: datetime = Field(sa_type=Instant)
    signatures: int = Field(default=2, sa_column_kwargs={"server_default": "2"})
    """How many directors sign together, as the register of companies says; two where it says nothing."""
    looked_at: datetime | None = Field(default=None, sa_type=Instant)
    """As of when the register of companies told its directors; None where it does not know it, and officers of the
    agency entered them."""


class JuristicDirector(SQLModel, table=True):
    """Who directs a juristic person, as the register of companies or the agency has it."""

    __tablename__ = "juristic_director"
    __table_args__ = (Index("ix_juristic_director_person", "person"),)

    juristic: UUID = Field(primary_key=True)
    person: UUID = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    signs: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    """Whether they are of those who sign for it: only these appoint."""
    name_sealed: bytes | None = sealed("juristic_director.name", by=("juristic", "person"), default=None)
    """JSON `{"th", "en"}`, as the public register of companies has it; None where officers entered it."""


class JuristicOfficer(SQLModel, table=True):
    """An appointment: that a person acts for a juristic person, with these powers, from one day to another."""

    __tablename__ = "juristic_officer"
    __table_args__ = (
        CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="two_directors"),
        CheckConstraint("approved_by IS NULL OR approved_by <> person", name="not_by_oneself"),
        CheckConstraint("starts_on < ends_on", name="lasts"),
        Index("ix_juristic_officer_person", "person"),
        # One at a time, so that it is never in doubt by which of two somebody acts.
        Index(
            "uq_juristic_officer_holds",
            "juristic",
            "person",
            unique=True,
            postgresql_where=_HOLDS,
            sqlite_where=_HOLDS,
        ),
    )

    juristic: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    person: UUID
    powers: list[str] = Field(sa_type=Json)
    name_sealed: bytes = sealed("juristic_officer.name", by="id")
    """JSON `{"th", "en"}`, as who proposed wrote it: the other directors have to know whom they approve."""
    starts_on: date
    ends_on: date
    """The first day (in Bangkok) on which it holds no more."""
    proposed_by: UUID
    """A director, or an officer of the agency."""
    proposed_at: datetime = Field(sa_type=Instant)
    approved_by: UUID | None = None
    """None, with an instant beside it: the register says that who proposed signs alone."""
    approved_at: datetime | None = Field(default=None, sa_type=Instant)
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)
    """When who is appointed said yes; it holds from then on."""
    ended_by: UUID | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    end_reason: str | None = None
    """Of :class:`AppointmentEnd`."""


class JuristicEvent(SQLModel, table=True):
    """What happened to a juristic person and in its name, and by whom. Append-only: no row is ever changed or removed.

    A citizen's own access log has none of it: what somebody did for their employer is no look at their own data.
    """

    __tablename__ = "juristic_event"

    juristic: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """Version 7, so that the order of ids is the order of events."""
    kind: str
    """Of :class:`JuristicStep`."""
    appointment: UUID | None = None
    person: UUID | None = None
    """The director or officer it is about."""
    by: str
    """32 hex digits: a director, an officer of theirs, or one of the agency; empty for an erasure."""
    by_officer_of: str | None = None
    """The agency, when an officer of it did it."""
    client: str | None = None
    """The machine by which it was done, or which it is about."""
    note: str = ""
    """What was done (`oic/policies`), or an officer's reason; never a national ID."""
    at: datetime = Field(sa_type=Instant)
