"""Tables of shares. What is shared, with whom, and the secret in the link are sealed under the citizen's data key."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class Share(SQLModel, table=True):
    """One document, or some claims of one, for one verifier. Before the citizen has chosen it has no `code`."""

    __tablename__ = "share"
    __table_args__ = (
        CheckConstraint("opened >= 0 AND opened <= openings_max", name="counted"),
        ForeignKeyConstraint(["agency", "list"], ["status_list.agency", "status_list.number"]),
        Index("ix_share_expires_at", "expires_at"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    kind: str = Field(max_length=12)
    """Of :class:`services.receive.shares.states.Kind`."""
    agency: str = Field(max_length=40)
    what: str = Field(max_length=120)
    """`<agency>:<operation>`, as the access log names it."""
    assurance: str = Field(max_length=4)
    """The identity assurance level that the service asks for."""
    document: UUID | None = None
    """Of a paper: the citizen's issued document."""
    list: int | None = None
    place: int | None = None
    """Of claims: where it stands whether they are still good."""
    code: bytes | None = Field(default=None, unique=True)
    """Keyed hash of the secret in the link."""
    about_sealed: bytes = sealed("share.about", by="id", subject="person")
    """JSON: the title, and of one that was made the verifier, the sharer's name for themself, and what is shown."""
    secret_sealed: bytes | None = sealed("share.secret", by="id", subject="person", default=None)
    """The secret in the link, for its citizen to see again while it is open."""
    content_sealed: bytes | None = sealed("share.content", by="id", subject="person", default=None)
    """JSON. Of claims: first all that the agency said, then what was chosen of it, signed, and the key that shows it.
    Null of a paper, and of what is over."""
    openings_max: int = 0
    opened: int = 0
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class ShareOpening(SQLModel, table=True):
    """That a share was opened. Nobody knows by whom: whoever had the link."""

    __tablename__ = "share_opening"
    __table_args__ = (
        ForeignKeyConstraint(["person", "share"], ["share.person", "share.id"], ondelete="CASCADE"),
        Index("ix_share_opening_share", "person", "share"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    """A UUID version 7."""
    share: UUID
    at: datetime = Field(sa_type=Instant)
