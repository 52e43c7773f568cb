"""Tables that belong to no domain."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from core.database import Instant, Json


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
