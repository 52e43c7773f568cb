"""Tables of the OpenID provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json


class Client(SQLModel, table=True):
    """A program that may send people here to sign in (RFC 6749 §2). All so far are public: they hold no secret."""

    __tablename__ = "client"

    id: str = Field(primary_key=True, max_length=64)
    name_th: str
    name_en: str
    redirect_uris: list[str] = Field(sa_type=Json)
    """Compared exactly. `{issuer}` stands for ours."""
    loopback: bool
    """Whether it may also be called back on this machine, on any port (RFC 8252 §7.3)."""
    scopes: list[str] = Field(sa_type=Json)
    audience: str
    """The resource its access tokens are for: a path below the issuer."""
    token_seconds: int
    """How long an access token lives."""
    updated_at: datetime = Field(sa_type=Instant)


class SigningKey(SQLModel, table=True):
    """A key pair for ES256. The private half is sealed, bound to this row; the public half is a JWK (RFC 7517)."""

    __tablename__ = "signing_key"
    __table_args__ = (
        Index(
            "uq_signing_key_current",
            "algorithm",
            unique=True,
            postgresql_where=text("retired_at IS NULL"),
            sqlite_where=text("retired_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    """The key's thumbprint (RFC 7638), also its `kid`."""
    algorithm: str
    private_sealed: bytes
    public_jwk: dict[str, Any] = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant)
    retired_at: datetime | None = Field(default=None, sa_type=Instant)
    """Signs no more since then; its tokens are verified until they expire."""


class SignInSession(SQLModel, table=True):
    """A browser in which a person is signed in. The cookie holds a secret of which only the hash is kept."""

    __tablename__ = "sign_in_session"

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(unique=True)
    acr: str
    """Identity assurance that the upstream vouched for, `ial2.3` for instance."""
    name_sealed: bytes
    """The person's name as ThaID said it at sign-in, JSON `{"th", "en"}`, bound to this row."""
    for_request: bytes
    """Hash of the place the person signed in to reach: going on to there needs no further question. Empty once done."""
    signed_in_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class AuthorizationCode(SQLModel, table=True):
    """A code that a client redeems once, within a minute, for tokens (RFC 6749 §4.1). Only its hash is kept.

    A row stays after its use, so that a second use can be told from a code that never was.
    """

    __tablename__ = "authorization_code"

    code_hash: bytes = Field(primary_key=True)
    person: UUID = Field(index=True)
    session: UUID
    client: str = Field(foreign_key="client.id")
    redirect_uri: str
    scope: str
    code_challenge: str
    """Of the S256 method (RFC 7636 §4.2), the only one there is here."""
    nonce: str | None
    acr: str
    auth_time: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    token: UUID | None = Field(default=None, unique=True)
    """`jti` of the access token it was redeemed for."""
    replayed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When somebody tried to use it again: a sign that the code leaked."""
