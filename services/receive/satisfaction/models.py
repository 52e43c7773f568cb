"""Table of how satisfied people are. Sums alone: no row knows a person, a payment or a rating."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel


class Satisfaction(SQLModel, table=True):
    """How many were satisfied with payments of one kind, in one province and month. It only grows."""

    __tablename__ = "satisfaction"
    __table_args__ = (CheckConstraint("satisfied >= 0 AND others >= 0", name="counts"),)

    month: date = Field(primary_key=True)
    """First day of the (Bangkok) month in which they said so."""
    subject: str = Field(primary_key=True, max_length=100)
    """`programme:<slug>` or `service:<slug>`."""
    province: str = Field(primary_key=True, max_length=2)
    """Two digits as DOPA writes them; empty where the citizen did not say."""
    satisfied: int = Field(sa_type=BigInteger)
    """Scores of 4 and 5."""
    others: int = Field(sa_type=BigInteger)
    """Scores of 1 to 3."""
    draw: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """Random, from the first rating on, and told to nobody: in which order sums are hidden together with small ones."""
