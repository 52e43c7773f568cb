"""Tables that belong to no domain."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed


class IdempotencyRecord(SQLModel, table=True):
    """A mutation that took effect, written in the same transaction as the effect; kept for 30 days.

    `kept` holds references from which the answer is built again, never personal data.
    """

    __tablename__ = "idempotency_record"

    citizen: UUID = Field(primary_key=True)
    client: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=128)
    input_hash: bytes
    kept: dict[str, Any] = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant, index=True)


class SubjectKey(SQLModel, table=True):
    """The data key of a person, under which append-only rows about them are sealed (core/envelope.py)."""

    __tablename__ = "subject_key"

    person: UUID = Field(primary_key=True)
    key_sealed: bytes = sealed("subject_key.key", by="person")
    """32 bytes, bound to this row. When the row is gone, nobody can read what was sealed under it."""
