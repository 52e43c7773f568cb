"""Tables of how much agencies asked. Sums alone: no row knows a person, an officer or a request."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class AgencyUsage(SQLModel, table=True):
    """What an agency asked for one purpose on one (Bangkok) day."""

    __tablename__ = "agency_usage"

    day: date = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    """Slug of who asked."""
    purpose: str = Field(primary_key=True)
    requests: int = Field(sa_type=BigInteger)
    people: int = Field(sa_type=BigInteger)
    """Who was asked about twice counts twice: nobody keeps who it was."""


class AgencyUsageFacts(SQLModel, table=True):
    """What came of it, by whose facts they were."""

    __tablename__ = "agency_usage_facts"

    day: date = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    steward: str = Field(primary_key=True)
    """Slug of the agency whose facts they are."""
    told: int = Field(sa_type=BigInteger)
    """Facts with a value, or with their steward's word that there is none; the last known ones too."""
    denied: int = Field(sa_type=BigInteger)
    unavailable: int = Field(sa_type=BigInteger)
