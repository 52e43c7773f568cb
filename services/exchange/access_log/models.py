"""Tables of the access log. Both are append-only: no row is ever changed or deleted by the program."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class AccessEntry(SQLModel, table=True):
    """A decision of the gate about one subject, committed before anything is read. Append-only.

    `subject` comes first in the key, so that the table partitions by citizen.
    """

    __tablename__ = "access_entry"

    subject: UUID = Field(primary_key=True)
    """Whom the facts are about."""
    id: UUID = Field(primary_key=True)
    """A UUID version 7: entries sort by it in the order of their making."""
    at: datetime = Field(sa_type=Instant)
    asker_kind: str
    asker_id: str
    """Never shown to a subject other than the asker."""
    asker_agency: str | None
    asker_label: dict[str, str] = Field(sa_type=Json)
    """`{"th": …, "en": …}`: the asker as the subject sees it."""
    request: UUID | None
    caused_by: UUID | None
    """The entry about another person that made this look necessary (a household's total). Never shown."""
    purpose: str
    basis: str
    consent: UUID | None
    """The consent it rests on, where that is the basis."""
    attributes: list[str] = Field(sa_type=Json)
    """Attribute ids, or one `<agency>:<operation>`; sorted."""
    decision: str
    reason: str | None
    """Why it was denied, a stable code."""
    salt: bytes
    """32 random bytes: the entry's commitment cannot be guessed from its contents."""


class AccessOutcome(SQLModel, table=True):
    """What followed a decision. Append-only.

    An entry of a citizen's own request may take several: the batches of one request share the entry. A batch that asks
    for more than the entry names first appends a row of `ASKED`, before it reads.
    """

    __tablename__ = "access_outcome"
    __table_args__ = (ForeignKeyConstraint(["subject", "entry"], ["access_entry.subject", "access_entry.id"]),)

    subject: UUID = Field(primary_key=True)
    entry: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant)
    purpose: str
    """Of this batch; a request that looks for two purposes has both here."""
    states: dict[str, Any] = Field(sa_type=Json)
    """By attribute: `ASKED`, or the state of the fact that was answered."""
    errors: dict[str, Any] = Field(sa_type=Json)
    """By attribute, a stable code of what went wrong; only those that went wrong."""
    salt: bytes
