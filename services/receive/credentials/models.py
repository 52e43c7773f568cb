"""Tables of credentials: keys of agencies, lists of what was taken back, offers, and what was issued.

What a credential says is nowhere here once its wallet has it: it is the citizen's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed

_CURRENT = text("ended_at IS NULL")
_OPEN = text("ended_at IS NULL")


class CredentialKey(SQLModel, table=True):
    """A key pair (ES256) by which an agency's credentials are signed. Its public half is never deleted.

    It signs from `signs_from` until `ended_at`; at most one of an agency has no end.
    """

    __tablename__ = "credential_key"
    __table_args__ = (
        Index("uq_credential_key_current", "agency", unique=True, postgresql_where=_CURRENT, sqlite_where=_CURRENT),
    )

    id: str = Field(primary_key=True, max_length=43)
    """The key's thumbprint (RFC 7638), also its `kid`."""
    agency: str = Field(max_length=40)
    private_sealed: bytes | None = sealed("credential_key.private", by="id", default=None)
    """Null once it signs no more."""
    public_jwk: dict[str, Any] = Field(sa_type=Json)
    signs_from: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class StatusList(SQLModel, table=True):
    """A list in which credentials of an agency have their places; never deleted, as long as any may name it."""

    __tablename__ = "status_list"
    __table_args__ = (CheckConstraint("given >= 0 AND given <= places", name="within"),)

    agency: str = Field(primary_key=True, max_length=40)
    number: int = Field(primary_key=True)
    """From 1."""
    places: int
    given: int
    """How many places are given; which, is drawn by `seed_sealed`, so that nobody learns an order from them."""
    seed_sealed: bytes = sealed("status_list.seed", by=("agency", "number"))
    made_at: datetime = Field(sa_type=Instant)


class CredentialStatus(SQLModel, table=True):
    """A place whose credential is not valid; no row is VALID. Of nobody: it stays when a citizen leaves, or what they
    had taken back would be good again."""

    __tablename__ = "credential_status"
    __table_args__ = (
        ForeignKeyConstraint(["agency", "list"], ["status_list.agency", "status_list.number"]),
        CheckConstraint("status IN (1, 2)", name="not_valid"),
    )

    agency: str = Field(primary_key=True, max_length=40)
    list: int = Field(primary_key=True)
    place: int = Field(primary_key=True)
    status: int
    """1 INVALID, for good; 2 SUSPENDED (Token Status List §7.1)."""
    at: datetime = Field(sa_type=Instant)


class KeptType(SQLModel, table=True):
    """Type metadata under which credentials were issued, as it was for the first of them; never changed nor deleted."""

    __tablename__ = "credential_type"

    agency: str = Field(primary_key=True, max_length=40)
    configuration: str = Field(primary_key=True, max_length=120)
    document: bytes
    """JSON, as it is published: its SHA-256 stands in the credentials."""
    kept_at: datetime = Field(sa_type=Instant)


class CredentialOffer(SQLModel, table=True):
    """What a citizen asked for, until a wallet has fetched it or `expires_at` and the time of its token are over."""

    __tablename__ = "credential_offer"
    __table_args__ = (Index("ix_credential_offer_expires_at", "expires_at"),)

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=40)
    configuration: str = Field(max_length=120)
    """`service.credential.version`, by which wallets name it."""
    assurance: str = Field(max_length=4)
    reference: bytes = Field(unique=True)
    """Keyed hash of the secret in the offer's address."""
    code: bytes = Field(unique=True)
    """Keyed hash of the pre-authorized code."""
    transaction_code: bytes
    """Keyed hash of the six digits that the citizen types into the wallet."""
    secrets_sealed: bytes = sealed("credential_offer.secrets", by="id", subject="person")
    """JSON: `reference`, `code`, `transaction_code`, so that the same asking gets the same offer."""
    content_sealed: bytes = sealed("credential_offer.content", by="id", subject="person")
    """JSON: `claims`, `valid_until`, as the agency answered."""
    misses: int = 0
    """How often other digits were typed."""
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    token: bytes | None = Field(default=None, unique=True)
    """Keyed hash of the access token; set once, when the code is used."""
    token_expires_at: datetime | None = Field(default=None, sa_type=Instant)
    issued: int = 0
    """How many copies were given for it."""


class WalletCredential(SQLModel, table=True):
    """One credential that a wallet has: where its place in a status list is, and nothing of what it says."""

    __tablename__ = "wallet_credential"
    __table_args__ = (
        UniqueConstraint("agency", "list", "place"),
        ForeignKeyConstraint(["agency", "list"], ["status_list.agency", "status_list.number"]),
        Index("ix_wallet_credential_offer", "person", "offer"),
        Index("ix_wallet_credential_by_offer", "offer"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    offer: UUID
    """Copies for one offer have it in common."""
    agency: str = Field(max_length=40)
    configuration: str = Field(max_length=120)
    list: int
    place: int
    issued_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


class CredentialBatch(SQLModel, table=True):
    """Credentials that an agency has made for many at once, before their wallets ask."""

    __tablename__ = "credential_batch"
    __table_args__ = (
        Index("ix_credential_batch_due_at", "due_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
        CheckConstraint("ready >= 0 AND declined >= 0 AND failed >= 0", name="counted"),
        CheckConstraint("ready + declined + failed <= people", name="within"),
    )

    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    agency: str = Field(max_length=40)
    configuration: str = Field(max_length=120)
    started_by: UUID
    """The officer."""
    started_at: datetime = Field(sa_type=Instant)
    people: int
    ready: int = 0
    """How many have it, those who had it before included."""
    declined: int = 0
    """For how many there is none: the agency says so, or may not be asked."""
    failed: int = 0
    """For how many the agency could not be asked in time; and those who left."""
    due_at: datetime = Field(sa_type=Instant)
    """When it goes on; whoever is at it puts this off first."""
    lease: UUID | None = None
    """Whose turn it is, or was last."""
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class CredentialBatchLine(SQLModel, table=True):
    """One of whom a batch is, until it is known what came of that."""

    __tablename__ = "credential_batch_line"
    __table_args__ = (ForeignKeyConstraint(["batch"], ["credential_batch.id"], ondelete="CASCADE"),)

    batch: UUID = Field(primary_key=True)
    line: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    person: UUID = Field(index=True)
    tries: int = 0


class ReadyCredential(SQLModel, table=True):
    """A credential that is signed, and waits for its citizen to ask for it. It is handed out once."""

    __tablename__ = "ready_credential"
    __table_args__ = (
        UniqueConstraint("agency", "list", "place"),
        UniqueConstraint("person", "configuration"),
        ForeignKeyConstraint(["agency", "list"], ["status_list.agency", "status_list.number"]),
        Index("ix_ready_credential_kept_until", "kept_until"),
        Index("ix_ready_credential_batch", "batch"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    batch: UUID
    agency: str = Field(max_length=40)
    configuration: str = Field(max_length=120)
    list: int
    place: int
    credential_sealed: bytes = sealed("ready_credential.credential", by="id", subject="person")
    issued_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    kept_until: datetime = Field(sa_type=Instant)
    """Who has not asked for it by then has the agency asked anew."""
