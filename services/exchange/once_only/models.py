"""Table of the questions that applications asked and did not ask: sums, in which is no person and no application."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class QuestionSum(SQLModel, table=True):
    """Of the applications for one service in one (Bangkok) month; the sum is that of its shards."""

    __tablename__ = "question_sum"

    month: date = Field(primary_key=True)
    """Its first day."""
    service: str = Field(primary_key=True, max_length=100)
    """`programme:<slug>` or `service:<slug>`."""
    shard: int = Field(primary_key=True)
    """Applications made at the same time count in rows of their own, and none waits for another."""
    applications: int = Field(sa_type=BigInteger)
    filled: int = Field(sa_type=BigInteger)
    """Answers that the state gave by itself."""
    asked: int = Field(sa_type=BigInteger)
    """Answers that the applicant had to give."""
