"""Table of the requests of agencies' systems: each is answered once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from core.database import Instant


class AgencyRequest(SQLModel, table=True):
    """A request for facts, entered before anything is asked of the gate and concluded before anything is answered.

    It says who asked, when and for what, and nothing of whom it was about: that is in the access log, sealed. Kept for
    90 days, as traffic logs are.
    """

    __tablename__ = "agency_request"

    agency: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """The agency's own `requestId`."""
    client: str
    agent_kind: str
    agent: str
    """The officer or the system that the agency named."""
    purpose: str
    people: int
    body_hash: bytes
    """A keyed hash of what was asked: there are few enough national IDs to try them all against any other."""
    at: datetime = Field(sa_type=Instant, index=True)
    concluded_at: datetime | None = Field(default=None, sa_type=Instant)
    """Null: it was never answered. The process died over it, or the database was away."""
