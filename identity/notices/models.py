"""Tables of what goes out about messages. The message itself lies in the inbox, whatever becomes of these."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed


class NoticeChannel(SQLModel, table=True):
    """An address of a person's that Sitthi may write to, once a code that was sent there came back."""

    __tablename__ = "notice_channel"
    __table_args__ = (Index("uq_notice_channel_address", "person", "kind", "address_index", unique=True),)

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True, index=True, unique=True)
    kind: str = Field(max_length=10)
    """A :class:`identity.notices.channels.ChannelKind`."""
    label: str = Field(max_length=60)
    """What the person calls it; empty for an e-mail address."""
    address_index: bytes
    """Of e-mail the index of the contact that it was when it was tried: another address there must be tried anew."""
    family: UUID | None = Field(default=None, index=True)
    """Of push: the token family in which the device said its subscription last, and with which it ends."""
    address_sealed: bytes | None = sealed("notice_channel.address", by=("person", "id"), default=None)
    """Of push the subscription, JSON. An e-mail address lies with the contact data, and nowhere twice; once it has left
    that, it lies here until it was told so."""
    code_sealed: bytes | None = sealed("notice_channel.code", by=("person", "id"), default=None)
    code_until: datetime | None = Field(default=None, sa_type=Instant)
    code_tries: int = 0
    created_at: datetime = Field(sa_type=Instant)
    verified_at: datetime | None = Field(default=None, sa_type=Instant)
    left_at: datetime | None = Field(default=None, sa_type=Instant)
    """Of e-mail: since when it is the person's no more. One notice goes there still, which says that."""


class NoticeSettings(SQLModel, table=True):
    """How a person wants to be told. Without a row: in Thai, about everything, without what it is about."""

    __tablename__ = "notice_settings"

    person: UUID = Field(primary_key=True)
    language: str = Field(max_length=2)
    shows_titles: bool
    off: list[str] = Field(sa_type=Json)
    """`<topic>:<kind of channel>` of what they do not want."""
    changed_at: datetime = Field(sa_type=Instant)


class NoticeOutgoing(SQLModel, table=True):
    """A notice that is owed to a channel: written with the message, closed once it went out or never will."""

    __tablename__ = "notice_outgoing"
    __table_args__ = (
        Index(
            "ix_notice_outgoing_due",
            "due_at",
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index("ix_notice_outgoing_person", "person"),
        Index("ix_notice_outgoing_created_at", "created_at"),
    )

    channel: UUID = Field(primary_key=True)
    message: UUID = Field(primary_key=True)
    """Key of the message, by which a client drops what comes twice; of a code a key of its own."""
    person: UUID
    template: str
    topic: str = Field(max_length=20)
    """A :class:`identity.notices.topics.NoticeTopic`: what its message is about, as of the day it was sent."""
    urgent: bool
    """Whether it waits for nothing, by its topic."""
    created_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    """Not before then. While somebody sends it: when another may."""
    attempts: int = 0
    covers: int = 1
    """How many messages it tells of."""
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = Field(default=None, max_length=20)
    """A :class:`identity.notices.outbox.Outcome`, once it is closed."""
