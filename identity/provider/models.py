"""Tables of the OpenID provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed


class Client(SQLModel, table=True):
    """A program that may ask us for tokens (RFC 6749 §2; its metadata by the names of RFC 7591).

    A public one holds no secret; a confidential one proves itself with a key of its own. There are no shared secrets.
    """

    __tablename__ = "client"

    id: str = Field(primary_key=True, max_length=64)
    name_th: str
    name_en: str
    auth_method: str
    """`none` of a public client, or `private_key_jwt` (OpenID Connect Core §9)."""
    jwks: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """Its public keys (RFC 7517), for `private_key_jwt`."""
    fapi: bool
    """Held to the FAPI 2.0 Security Profile: PAR, `private_key_jwt`, DPoP, exact redirect addresses under https."""
    dpop_bound: bool
    """Its tokens are always bound to a key (RFC 9449 §5.2, `dpop_bound_access_tokens`)."""
    grant_types: list[str] = Field(sa_type=Json)
    redirect_uris: list[str] = Field(sa_type=Json)
    """Compared exactly. `{issuer}` stands for ours."""
    post_logout_redirect_uris: list[str] = Field(sa_type=Json)
    """Compared exactly (OpenID Connect RP-Initiated Logout 1.0 §3)."""
    loopback: bool
    """Whether it may also be called back on this machine, on any port (RFC 8252 §7.3)."""
    scopes: list[str] = Field(sa_type=Json)
    resources: list[str] = Field(sa_type=Json)
    """What its access tokens may be for: paths below the issuer (RFC 8707). The first is meant when none is named."""
    token_seconds: int
    """How long an access token lives."""
    refresh_seconds: int
    """How long after a sign-in its refresh tokens work; 0 for a client that gets none."""
    agency: str | None = None
    """Slug of the agency whose system it is, for a machine client."""
    juristic: UUID | None = None
    """The juristic person whose system it is (identity/juristic), for one that is no agency's."""
    created_by: str
    """Who registered it: `installation`, `command line: <account>`, or an officer (32 hex digits)."""
    updated_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    """An ended client gets nothing, and its tokens work no more."""


class SigningKey(SQLModel, table=True):
    """A key pair for ES256. The private half is sealed, bound to this row; the public half is a JWK (RFC 7517).

    It signs from `signs_at` until `retired_at`; the next one's `signs_at` is this one's `retired_at`, so that at each
    instant one signs. It is in the key set from `created_at` until no token of its can be alive.
    """

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
    private_sealed: bytes = sealed("signing_key.private", by="id")
    public_jwk: dict[str, Any] = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant)
    """Published since then."""
    signs_at: datetime | None = Field(default=None, sa_type=Instant)
    """Signs from then on, which may lie ahead; null: since it was published."""
    retired_at: datetime | None = Field(default=None, sa_type=Instant)
    """Signs no more from then on, which may lie ahead; its tokens are verified until they expire."""
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    """Not to be believed any more since then, whatever it signed."""


class SignInSession(SQLModel, table=True):
    """A browser in which a person is signed in. The cookie holds a secret of which only the hash is kept."""

    __tablename__ = "sign_in_session"

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(unique=True)
    method: str
    """How the person came in: `thaid`, `passkey` or `counter`."""
    passkey: UUID | None = Field(default=None, index=True)
    """Which passkey it began with: removing that ends it."""
    acr: str
    """The assurance of it (core/assurance.py), `ial2.3-aal2.1` for instance."""
    amr: list[str] = Field(sa_type=Json)
    """How the person proved it (RFC 8176)."""
    name_sealed: bytes = sealed("sign_in_session.name", by="id")
    """The person's name as ThaID said it at sign-in, JSON `{"th", "en"}`, bound to this row."""
    for_request: bytes
    """Hash of the place the person signed in to reach: going on to there needs no further question. Empty once done."""
    device: str
    """The browser as its owner would know it again, `Chrome · Android`; never the whole User-Agent."""
    device_hash: bytes | None = None
    """Of the browser's long-lived cookie and the person: tells a known device from a new one, joins no two people."""
    assisted_by: UUID | None = None
    """The officer who let the person in at a counter."""
    signed_in_at: datetime = Field(sa_type=Instant)
    """When the session began."""
    authenticated_at: datetime = Field(sa_type=Instant)
    """When the person last proved who they are in it (`auth_time`)."""
    last_used_at: datetime = Field(sa_type=Instant)
    """To within minutes: not every look is written down."""
    expires_at: datetime = Field(sa_type=Instant, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class PushedRequest(SQLModel, table=True):
    """An authorization request that a client pushed (RFC 9126). Only the hash of its `request_uri` is kept."""

    __tablename__ = "pushed_request"

    uri_hash: bytes = Field(primary_key=True)
    client: str = Field(foreign_key="client.id")
    parameters_sealed: bytes = sealed("pushed_request.parameters", by="uri_hash")
    """JSON list of pairs, bound to this row."""
    dpop_jkt: str | None
    """The key the code is to be bound to (RFC 9449 §10)."""
    expires_at: datetime = Field(sa_type=Instant, index=True)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


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
    resources: list[str] = Field(sa_type=Json)
    """Whole addresses (RFC 8707)."""
    code_challenge: str
    """Of the S256 method (RFC 7636 §4.2), the only one there is here."""
    dpop_jkt: str | None
    """Thumbprint of the key that must redeem it (RFC 9449 §10)."""
    nonce: str | None
    acr: str
    amr: list[str] = Field(sa_type=Json)
    auth_time: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    family: UUID | None = Field(default=None, unique=True)
    """The token family it was redeemed for."""
    replayed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When somebody tried to use it again: a sign that the code leaked. Its family ends with it."""


class TokenFamily(SQLModel, table=True):
    """What a person granted to a client in one sign-in, and every token that came of it.

    Ending the family ends them all: in the `family` claim of an access token verifiers find it (docs/adr/0004).
    """

    __tablename__ = "token_family"
    __table_args__ = (Index("ix_token_family_session", "session"), Index("ix_token_family_id", "id"))

    person: UUID = Field(primary_key=True)
    """Whom the tokens are about (`sub`)."""
    id: UUID = Field(primary_key=True)
    client: str = Field(foreign_key="client.id")
    session: UUID | None
    """The browser session it began in, of the person who signed in: of the delegate, in a family under a delegation."""
    scope: str
    resources: list[str] = Field(sa_type=Json)
    acr: str
    amr: list[str] = Field(sa_type=Json)
    auth_time: datetime = Field(sa_type=Instant)
    dpop_jkt: str | None
    delegation: UUID | None = None
    actor: UUID | None = None
    """The person who acts, under that delegation (RFC 8693 §4.1)."""
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)
    """No token of the family works longer."""
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    end_reason: str | None = None
    """`REVOKED`, `SIGNED_OUT`, `SESSION_ENDED`, `CODE_REPLAYED`, `REFRESH_REUSED`, `DELEGATION_ENDED` or
    `CLIENT_ENDED`."""


class RefreshToken(SQLModel, table=True):
    """A refresh token (RFC 6749 §6). Only its hash is kept; a used one stays, so that its reuse is found out."""

    __tablename__ = "refresh_token"

    token_hash: bytes = Field(primary_key=True)
    person: UUID
    family: UUID = Field(index=True)
    issued_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class Revocation(SQLModel, table=True):
    """What works no more although its token has not expired. Every process reads the new ones all the time."""

    __tablename__ = "revocation"

    id: UUID = Field(primary_key=True)
    """The token family, or the `jti` of one access token."""
    at: datetime = Field(sa_type=Instant, index=True)
    until: datetime = Field(sa_type=Instant, index=True)
    """When the last access token it concerns has expired; then the row goes."""
