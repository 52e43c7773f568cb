"""Table of the keys that attest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_CURRENT = text("ended_at IS NULL")


class AttestationKey(SQLModel, table=True):
    """A key pair for ES256 that signs what must be verifiable for ever. Its public half is never deleted.

    It signs from `signs_from`, included, until `ended_at`, excluded; then its private half is destroyed, so that nobody
    can sign with it for a day that has passed. At most one has no end.
    """

    __tablename__ = "attestation_key"
    __table_args__ = (
        Index("uq_attestation_key_current", "algorithm", unique=True, postgresql_where=_CURRENT, sqlite_where=_CURRENT),
    )

    id: str = Field(primary_key=True)
    """The key's thumbprint (RFC 7638), also its `kid`."""
    algorithm: str
    private_sealed: bytes | None = sealed("attestation_key.private", by="id", default=None)
    """Null once it signs no more."""
    public_jwk: dict[str, Any] = Field(sa_type=Json)
    signs_from: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    succession: str | None = None
    """The former key's word for this one: a JWS over its public half. Null for the first."""
