"""The law that decisions were taken by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from core.database import Instant


class DecisionRule(SQLModel, table=True):
    """One version of a programme as it was decided by: its syntax trees, words, law and amounts. Append-only.

    Stored once, under its own hash, however many decisions name it. It is the law and says nothing of anybody.
    """

    __tablename__ = "decision_rule"

    id: str = Field(primary_key=True, max_length=64)
    """SHA-256 of `content` in UTF-8, in hex."""
    content: str = Field(sa_type=Text)
    """Canonical JSON (RFC 8785)."""
    created_at: datetime = Field(sa_type=Instant)
