"""Tables of the officers' desk. What is said about a person is sealed under that person's own data key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed


class DeskCase(SQLModel, table=True):
    """In whose hands an application is. It has no row until an officer first takes it."""

    __tablename__ = "desk_case"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        Index("ix_desk_case_handler", "handler"),
    )

    person: UUID = Field(primary_key=True)
    application: UUID = Field(primary_key=True)
    handler: UUID | None = None
    """The officer who has taken it; null once it is back in the queue."""
    claimed_at: datetime | None = Field(default=None, sa_type=Instant)
    claimed_until: datetime | None = Field(default=None, sa_type=Instant)
    """From then on another officer may take it. Each act of the handler puts it off."""
    kept: bool = False
    """Whether an officer asked or proposed something: from then on an officer decides it, and no job of ours does."""


class DeskQuestion(SQLModel, table=True):
    """What an officer asked the citizen for, and why. Answered by the next supplement."""

    __tablename__ = "desk_question"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        Index("ix_desk_question_application", "application"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    application: UUID
    wanted: list[dict[str, Any]] = Field(sa_type=Json)
    """`{"attribute", "th", "en"}` each: names of facts, never values."""
    why_sealed: bytes = sealed("desk_question.why", by="id", subject="person")
    """JSON: for each of `wanted` a text `{"th", "en"}`."""
    officer: UUID
    asked_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)


class DeskNote(SQLModel, table=True):
    """An officer's note for colleagues. Append-only. The citizen finds it in the copy of their data (docs/adr/0037)."""

    __tablename__ = "desk_note"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        Index("ix_desk_note_application", "application"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """Version 7, so that the order of ids is the order of notes."""
    application: UUID
    officer: UUID
    at: datetime = Field(sa_type=Instant)
    text_sealed: bytes = sealed("desk_note.text", by="id", subject="person")


class DeskDecision(SQLModel, table=True):
    """What an officer decided, or proposes to a second one: maker and checker are two people, by the table as well."""

    __tablename__ = "desk_decision"
    __table_args__ = (
        ForeignKeyConstraint(["person", "application"], ["application.person", "application.id"]),
        CheckConstraint("checker IS NULL OR checker <> maker", name="maker_is_not_checker"),
        CheckConstraint(
            "result IS NULL OR result <> 'DONE' OR outcome <> 'GRANTED' OR NOT pays OR checker IS NOT NULL",
            name="two_where_it_pays",
        ),
        Index(
            "uq_desk_decision_open",
            "application",
            unique=True,
            postgresql_where=text("result IS NULL"),
            sqlite_where=text("result IS NULL"),
        ),
        Index("ix_desk_decision_application", "application"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    application: UUID
    version: int
    """Of the application, as the maker saw it."""
    outcome: str = Field(max_length=20)
    """GRANTED or REFUSED."""
    pays: bool
    words_sealed: bytes = sealed("desk_decision.words", by="id", subject="person")
    """JSON: `reason` and `law` for the citizen, `{"th", "en"}` each; `findings` by attribute; `gives`, what comes of
    it."""
    maker: UUID
    made_at: datetime = Field(sa_type=Instant)
    checker: UUID | None = None
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    result: str | None = Field(default=None, max_length=20)
    """DONE, GIVEN_BACK by the checker, or OUTDATED because the case moved on; null while it waits for a checker."""
    decision: UUID | None = None
    """The decision that it became."""
