"""People that Sitthi knows: those who signed in, and those they act for or live with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class Person(SQLModel, table=True):
    """A person by key. The national ID is sealed, bound to this row, and found by its blind index alone."""

    __tablename__ = "person"

    id: UUID = Field(primary_key=True)
    national_id_index: bytes = Field(unique=True)
    national_id_sealed: bytes = sealed("person.national_id", by="id")
    created_at: datetime = Field(sa_type=Instant)


class FormerNationalId(SQLModel, table=True):
    """A number that a person was once known by, and that was wrong. It leads to nobody: there is no index of it.

    Kept so that what was decided under it can be explained. It may belong to somebody else, who has an account of
    their own.
    """

    __tablename__ = "former_national_id"

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    national_id_sealed: bytes = sealed("former_national_id.national_id", by="id")
    corrected_by: str
    """The officers' decision: `proposal: <32 hex digits>`."""
    corrected_at: datetime = Field(sa_type=Instant)
