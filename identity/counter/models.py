"""Tables of counters."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class CounterCode(SQLModel, table=True):
    """A code that an officer hands to the person in front of them, who signs in with it once. Only its hash is kept."""

    __tablename__ = "counter_code"

    code_hash: bytes = Field(primary_key=True)
    person: UUID = Field(index=True)
    name_sealed: bytes = sealed("counter_code.name", by="code_hash")
    """The person's name as the officer read it from their document, JSON `{"th", "en"}`."""
    officer: UUID
    agency: str
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)
    """Ten minutes on, or when the person was handed another code."""
    used_at: datetime | None = Field(default=None, sa_type=Instant)
