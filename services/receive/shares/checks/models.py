"""Tables of checks that juristic persons ask for: what they sent, and of whom each line was found to be.

What a juristic person claims of somebody lies sealed under the ring: the line is theirs, and stays when the person
leaves. Whose line it is, and what they let be answered, is the person's own row.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed

_NEW = text("NOT people_asked")


class CheckRequest(SQLModel, table=True):
    """One list that a juristic person sent."""

    __tablename__ = "check_request"
    __table_args__ = (
        UniqueConstraint("juristic", "reference"),
        Index("ix_check_request_until", "until"),
        Index("ix_check_request_new", "id", postgresql_where=_NEW, sqlite_where=_NEW),
        Index("ix_check_request_day", "juristic", "asked_at"),
    )

    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    juristic: UUID
    appointment: UUID
    """In whose name it was asked: of the officer whom the system named."""
    agency: str = Field(max_length=40)
    """Whose register the juristic person stands in, and whose records are compared."""
    number: str = Field(max_length=13)
    """Of the juristic person, and its title, as they were then."""
    title_th: str
    title_en: str
    reference: str = Field(max_length=64)
    """The juristic person's own name for the list."""
    digest: bytes
    """Keyed hash of what was sent: the same reference with other content is refused."""
    purpose_sealed: bytes = sealed("check_request.purpose", by="id")
    """JSON: `th` and `en`, as every candidate reads it."""
    lines: int
    """How many were taken."""
    asked_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    """From when on nobody answers any more."""
    people_asked: bool = False
    """Whether the job has looked whose lines they are: how long a list takes to be taken tells nobody who is known."""


class CheckLine(SQLModel, table=True):
    """One candidate, as the juristic person names them."""

    __tablename__ = "check_line"
    __table_args__ = (ForeignKeyConstraint(["request"], ["check_request.id"], ondelete="CASCADE"),)

    request: UUID = Field(primary_key=True)
    line: int = Field(primary_key=True)
    """From 1, as it was sent: those that were refused have no row."""
    claim_sealed: bytes = sealed("check_line.claim", by=("request", "line"))
    """JSON: `reference`, the juristic person's own name for the candidate, and `claim`; until its candidate is looked
    for, `nationalId` too."""


class CheckAsked(SQLModel, table=True):
    """Whose line it is: somebody who was in the register of people when the list came."""

    __tablename__ = "check_asked"
    __table_args__ = (
        UniqueConstraint("request", "line"),
        Index("ix_check_asked_id", "id"),
        ForeignKeyConstraint(["request", "line"], ["check_line.request", "check_line.line"], ondelete="CASCADE"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    request: UUID
    line: int
    asked_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    answer: str | None = Field(default=None, max_length=10)
    """Of :class:`services.receive.shares.checks.states.Answer`."""
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    told_sealed: bytes | None = sealed("check_asked.told", by="id", subject="person", default=None)
    """JSON: what the juristic person is told, and since which day; null unless the person agrees."""
    receipts_sealed: bytes | None = sealed("check_asked.receipts", by="id", subject="person", default=None)
    """JSON: the signed receipts of agreeing and of taking it back."""
