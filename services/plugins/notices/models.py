"""Tables of what changed in the graph, of what is deprecated in it now, and of who still uses it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from core.database import Instant


class GraphChange(SQLModel, table=True):
    """What a publication or an end changed in the graph, for everybody to read. Append-only."""

    __tablename__ = "graph_change"
    __table_args__ = (Index("ix_graph_change_service_number", "service", "number"),)

    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    """In the order in which they took effect, from 1 on without a gap."""
    service: str
    agency: str
    version: str
    kind: str
    """One of `history.Kind`."""
    coordinate: str | None
    at: datetime = Field(sa_type=Instant)
    since: datetime | None = Field(sa_type=Instant)
    sunset: date | None
    reason_th: str | None
    reason_en: str | None
    more: int
    """How many further changes of this kind the publication made, which are not listed."""


class GraphDeprecation(SQLModel, table=True):
    """A name that is deprecated in what is published now, stamped when it first was."""

    __tablename__ = "graph_deprecation"

    service: str = Field(primary_key=True)
    coordinate: str = Field(primary_key=True)
    version: str
    """In which it first was."""
    since: datetime = Field(sa_type=Instant)
    sunset: date
    reason_th: str | None
    reason_en: str


class DeprecatedUse(SQLModel, table=True):
    """How many operations of a client used a deprecated name on one (Bangkok) day: sums, of no person."""

    __tablename__ = "deprecated_use"
    __table_args__ = (Index("ix_deprecated_use_service_day", "service", "day"),)

    client: str = Field(primary_key=True)
    """Its client_id; empty for all who asked without a token."""
    coordinate: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    service: str
    uses: int = Field(sa_type=BigInteger)
