"""Tables of announced maintenance."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class ServiceMaintenance(SQLModel, table=True):
    """A maintenance window that an agency announced, of any of its services: registered, packaged or our own code."""

    __tablename__ = "service_maintenance"
    __table_args__ = (
        CheckConstraint("begins_at < ends_at", name="begins_first"),
        Index("ix_service_maintenance_slug_ends_at", "slug", "ends_at"),
        Index("ix_service_maintenance_ends_at", "ends_at"),
    )

    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    agency: str
    slug: str
    begins_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    text_th: str
    text_en: str
    operations: list[str] = Field(sa_type=Json)
    """In order; none of them: all."""
    announced_by: str
    """An officer's key (32 hex digits), or the agency's own name for a system of its."""
    client: str
    announced_at: datetime = Field(sa_type=Instant)
    cancelled_at: datetime | None = Field(sa_type=Instant)
    cancelled_by: str | None
