"""The table of what agencies' services awarded."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class Benefit(SQLModel, table=True):
    """What a plugin awarded to a citizen: one row for each reference of its own, and one instalment that pays it.

    `id` is made of plugin and reference, and is the `application` of its award: so it is paid once, whatever comes
    again (docs/adr/0044).
    """

    __tablename__ = "benefit"
    __table_args__ = (
        UniqueConstraint("plugin", "reference"),
        CheckConstraint("satang > 0", name="positive"),
        CheckConstraint("told IS NULL OR told IN ('PAID', 'RETURNED')", name="told"),
        Index("ix_benefit_told", "told", "told_at"),
    )

    person: UUID = Field(primary_key=True)
    """The payee."""
    id: UUID = Field(primary_key=True, unique=True)
    plugin: str = Field(max_length=40)
    reference: str = Field(max_length=100)
    """The plugin's own."""
    satang: int = Field(sa_type=BigInteger)
    law: dict[str, str] = Field(sa_type=Json)
    """`{"th", "en"}`: by which it is due."""
    law_since: date
    """From when on that law says so: the version by which the amount was found."""
    told: str | None = Field(default=None, max_length=10)
    """What the plugin was told last of the payment."""
    told_at: datetime | None = Field(default=None, sa_type=Instant)
    times_told: int = 0
    created_at: datetime = Field(sa_type=Instant)
