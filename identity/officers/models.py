"""Officers: people who act for an agency."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class Officer(SQLModel, table=True):
    """A person in the service of one agency, and what they may do there. A person serves one agency at a time."""

    __tablename__ = "officer"

    person: UUID = Field(primary_key=True)
    agency: str
    """Slug."""
    roles: list[str] = Field(sa_type=Json)
    name_th: str
    name_en: str
    active: bool
    updated_at: datetime = Field(sa_type=Instant)


class OfficerEvent(SQLModel, table=True):
    """What was decided about an officer, and by whom. Append-only: no row is ever changed or removed."""

    __tablename__ = "officer_event"

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str
    """ADDED, ROLES_CHANGED or ENDED."""
    agency: str
    roles: list[str] = Field(sa_type=Json)
    by: str
    """The officer who decided (32 hex digits), or `command line: <account>` for the bootstrap on the server itself."""
    at: datetime = Field(sa_type=Instant)


class OfficerAct(SQLModel, table=True):
    """What an officer did in the agency's name about people and clients. Append-only: no row is ever changed.

    What became of an officer is in :class:`OfficerEvent`; money has a ledger of its own.
    """

    __tablename__ = "officer_act"
    __table_args__ = (Index("ix_officer_act_by", "by", "id"),)

    agency: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """Version 7, so that the order of ids is the order of acts."""
    by: str
    """As in :class:`OfficerEvent`."""
    kind: str
    """One of :class:`identity.officers.trail.ActKind`."""
    subject: UUID | None = None
    """The proposal, or the person it was about."""
    note: str = ""
    """The officer's reason, or the client's id; never a national ID."""
    at: datetime = Field(sa_type=Instant)
