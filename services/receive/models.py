"""Tables of the room that receives."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

COMMENT_LENGTH_MAX = 1_000


class Receipt(SQLModel, table=True):
    """Proof that an instalment was paid. Says by itself what it says in public: no name, no national ID."""

    __tablename__ = "receipt"
    __table_args__ = (CheckConstraint("satang > 0", name="positive"),)

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    instalment: UUID = Field(unique=True)
    number: str = Field(max_length=20, unique=True)
    """`2569-7K3M9PQ2XA`: Buddhist year of settlement and ten characters that tell nothing else."""
    code: str = Field(max_length=43, unique=True)
    """What whoever holds the receipt can verify it by: 192 random bits, base64url."""
    subject: str = Field(max_length=100)
    title: dict[str, str] = Field(sa_type=Json)
    """`{"th", "en"}`."""
    agency: str = Field(max_length=100)
    """Slug of the agency that paid."""
    period: date
    satang: int = Field(sa_type=BigInteger)
    settled_at: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the citizen said that the money came."""
    rated_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was rated; stays when the rating is erased, so that nobody counts twice."""


class Rating(SQLModel, table=True):
    """The citizen's satisfaction with one payment."""

    __tablename__ = "rating"
    __table_args__ = (
        CheckConstraint("score BETWEEN 1 AND 5", name="one_to_five"),
        ForeignKeyConstraint(["person", "receipt"], ["receipt.person", "receipt.id"]),
    )

    person: UUID = Field(primary_key=True)
    receipt: UUID = Field(primary_key=True)
    score: int
    comment_sealed: bytes | None = sealed("rating.comment", by="receipt", default=None)
    """What the citizen wrote, sealed: people write about themselves. Bound to the receipt."""
    rated_at: datetime = Field(sa_type=Instant)
