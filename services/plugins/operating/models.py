"""Tables of announced maintenance, and of how well services answer."""

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


class ServiceHour(SQLModel, table=True):
    """How an operation answered in one hour, in all workers: sums, of no person."""

    __tablename__ = "service_hour"
    __table_args__ = (Index("ix_service_hour_hour", "hour"),)

    slug: str = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    hour: datetime = Field(sa_type=Instant, primary_key=True)
    """Its beginning."""
    answered: int
    """Well, or by an error that the manifest declares."""
    failed: int
    kept: int
    """Answered without asking the agency."""
    step_0: int
    step_1: int
    step_2: int
    step_3: int
    step_4: int
    step_5: int
    step_6: int
    step_7: int
    step_8: int
    step_9: int
    step_10: int
    step_11: int
    step_12: int
    """How many answers came within each of `STEPS_SECONDS`; the last, how many took longer."""
