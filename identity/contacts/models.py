"""Tables of contact data."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class Contact(SQLModel, table=True):
    """How a person can be reached. The value is sealed, bound to this row, and found by its blind index alone."""

    __tablename__ = "contact"

    person: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    """`MOBILE` (E.164) or `EMAIL`."""
    value_index: bytes = Field(index=True)
    value_sealed: bytes = sealed("contact.value", by=("person", "kind"))
    updated_at: datetime = Field(sa_type=Instant)
