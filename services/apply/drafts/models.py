"""Drafts of applications."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed


class Draft(SQLModel, table=True):
    """What a citizen has answered so far: one draft a subject and beneficiary. No fact is in it."""

    __tablename__ = "draft"
    __table_args__ = (
        Index("uq_draft_subject", "person", "subject", "beneficiary", unique=True),
        Index("ix_draft_saved_at", "saved_at"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7; one that is begun anew has another."""
    subject: str = Field(max_length=100)
    """`programme:<slug>` or `service:<slug>`."""
    beneficiary: UUID
    title: dict[str, str] = Field(sa_type=Json)
    """`{"th", "en"}`, as it was when it was saved."""
    revision: int
    """From 1, one more each time that it is saved."""
    form_version: str = Field(max_length=32)
    """Of the form that it was saved against."""
    answers_sealed: bytes = sealed("draft.answers", by="id", subject="person")
    saved_at: datetime = Field(sa_type=Instant)
    saved_by: UUID | None = None
    """Who acted for the citizen, the last time."""
    warned_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the citizen was told that it will be deleted."""
