"""What a citizen is told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class Message(SQLModel, table=True):
    """A message in a citizen's inbox, as it read on the day it was sent: a template that changes does not change it."""

    __tablename__ = "message"
    __table_args__ = (
        Index(
            "ix_message_unread",
            "person",
            postgresql_where=text("read_at IS NULL"),
            sqlite_where=text("read_at IS NULL"),
        ),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """Version 7, so that the order of ids is the order of sending."""
    template: str
    values: dict[str, Any] = Field(sa_type=Json)
    """What filled the template; no identifiers of people."""
    title_th: str
    title_en: str
    body_th: str
    body_en: str
    created_at: datetime = Field(sa_type=Instant)
    read_at: datetime | None = Field(default=None, sa_type=Instant)


class ChangeKind(StrEnum):
    """What changed; the graph's types of these names in capitals."""

    APPLICATION = "APPLICATION"
    PAYMENT = "PAYMENT"
    MESSAGE = "MESSAGE"
    DRAFT = "DRAFT"
    BILL = "BILL"
    RESYNC = "RESYNC"
    """Of no row: somebody cannot be told one by one what changed."""


class Change(SQLModel, table=True):
    """Something of a citizen's changed, written in the transaction of the change itself; whoever listens is told."""

    __tablename__ = "change"

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """Version 7."""
    kind: str
    subject: UUID
    """Key of the application, payment, message, draft or bill."""
    at: datetime = Field(sa_type=Instant)
