"""Tables of what agencies sent of their own accord. Whom it was about, and what it said, is in none of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class IngestRequest(SQLModel, table=True):
    """One sending, by its idempotency key: how far the agency's plugin has it. Kept for `service.KEPT`."""

    __tablename__ = "ingest_request"
    __table_args__ = (
        UniqueConstraint("agency", "plugin", "operation", "key"),
        Index("ix_ingest_request_at", "at"),
    )

    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    agency: str = Field(max_length=40)
    plugin: str = Field(max_length=40)
    operation: str = Field(max_length=60)
    key: bytes
    """Keyed hash of the idempotency key: the agency may have put anything into it."""
    digest: bytes
    """Keyed hash of the body."""
    lines: int
    size: int
    """How many lines a call may hold; the same for every repeat, whatever a later version says."""
    settled: int
    """Up to this line everything is taken or rejected for good."""
    taken: int
    lease: UUID | None = None
    """Whose turn it is."""
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
    """When it came first."""


class IngestChunk(SQLModel, table=True):
    """What came of one call to the plugin."""

    __tablename__ = "ingest_chunk"
    __table_args__ = (ForeignKeyConstraint(["request"], ["ingest_request.id"], ondelete="CASCADE"),)

    request: UUID = Field(primary_key=True)
    first: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """Number of its first line, from 1."""
    rejected: list[list[Any]] = Field(sa_type=Json)
    """`[line, code, path, keyword, computed, other]` of each line that was not taken, null where there is none; steps
    of the path that the operation's schema does not name are `?`."""


class IngestNotice(SQLModel, table=True):
    """That a citizen was told of a record: which it was, and who was told, is not in it. Kept for good: records come
    again."""

    __tablename__ = "ingest_notice"

    key: bytes = Field(primary_key=True)
    """Keyed hash of plugin, notice and the plugin's reference."""
    at: datetime = Field(sa_type=Instant)
