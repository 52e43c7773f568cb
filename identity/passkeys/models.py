"""Tables of passkeys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed


class Passkey(SQLModel, table=True):
    """A public-key credential of a person (WebAuthn Level 3 §4)."""

    __tablename__ = "passkey"

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    credential_id: bytes = Field(unique=True)
    public_key: bytes
    """COSE_Key (RFC 9052 §7)."""
    sign_count: int
    """As the authenticator last said; 0 from those that do not count."""
    label: str
    """What the person calls the device."""
    ial: str
    """How well the person's identity was proofed in the session it was enrolled in, `2.3` for instance."""
    name_sealed: bytes = sealed("passkey.name", by="id")
    """The person's name as that session held it, JSON `{"th", "en"}`: a passkey brings none of its own."""
    transports: list[str] = Field(sa_type=Json)
    synced: bool
    """Whether it may be on more than one device (backup eligible)."""
    created_at: datetime = Field(sa_type=Instant)
    strong_at: datetime = Field(sa_type=Instant)
    """From then on it is worth AAL 2.2; before, AAL 2.1. Later than its making where one officer's word made it."""
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    end_reason: str | None = None
    """`REMOVED` by its owner, `CLONED`: its counter ran backwards, `ID_CORRECTED`: they sign in anew, or `OFFICER`: a
    counter had vouched for somebody who became one."""
