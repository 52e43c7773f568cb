"""Tables of bulk runs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_CHANGED: Final = text("changed <> ''")


class BulkRun(SQLModel, table=True):
    """One decision to read some attributes of a whole population."""

    __tablename__ = "bulk_run"
    __table_args__ = (
        CheckConstraint("state IN ('DECLARED', 'READ', 'DELETED')", name="state_known"),
        Index("ix_bulk_run_delete_at", "delete_at"),
    )

    id: UUID = Field(primary_key=True)
    purpose: str
    asker_id: str
    agency: str
    label_th: str
    label_en: str
    attributes: list[str] = Field(sa_type=Json)
    """Of each child who is not of age with `child.` before the name."""
    predicate: str
    """Who is in the population, as the asker declared it; no person is named in it."""
    people: int
    population: bytes
    """SHA-256 over the keys of the people in their order (16 bytes each): who was in it, told to nobody."""
    state: str
    declared_at: datetime = Field(sa_type=Instant)
    delete_at: datetime = Field(sa_type=Instant)
    """When the snapshot is deleted."""
    held_until: datetime | None = Field(sa_type=Instant)
    """Until then a worker that is at it has it for itself."""
    ended_at: datetime | None = Field(sa_type=Instant)


class BulkTie(SQLModel, table=True):
    """Of whom else something was read for a person in a run: found again when that one's fact is corrected, and each
    child counted once whoever its parents are. Keys alone. Deleted with the snapshot."""

    __tablename__ = "bulk_tie"
    __table_args__ = (
        CheckConstraint("kind IN ('HOUSE', 'CHILD', 'CHILDREN_UNKNOWN')", name="kind_known"),
        Index("ix_bulk_tie_run_other", "run", "other", "kind"),
    )

    person: UUID = Field(primary_key=True)
    run: UUID = Field(foreign_key="bulk_run.id", primary_key=True)
    other: UUID = Field(primary_key=True)
    """Somebody in the house, or a child who is not of age; the person, where nobody could say whom they have."""
    kind: str = Field(primary_key=True)


class BulkMember(SQLModel, table=True):
    """One person in a run; once read, with what was read of them. Deleted with the snapshot."""

    __tablename__ = "bulk_member"
    __table_args__ = (
        Index("ix_bulk_member_run_waiting", "run", "read_at", "person"),
        Index("ix_bulk_member_run_used_on", "run", "used_on", "person"),
        Index("ix_bulk_member_run_changed", "run", "person", postgresql_where=_CHANGED, sqlite_where=_CHANGED),
    )

    person: UUID = Field(primary_key=True)
    run: UUID = Field(foreign_key="bulk_run.id", primary_key=True)
    snapshot_sealed: bytes | None = sealed("bulk_member.snapshot", by=("run", "person"), default=None)
    read_at: datetime | None = Field(sa_type=Instant)
    """When it was concluded in the access log; None while the person waits to be read."""
    changed: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Attributes whose value or state is another than when they were last made use of, with a space between; names,
    never values. After the first reading, all of them."""
    used_on: date | None = None
    """As of which day they were last made use of."""
