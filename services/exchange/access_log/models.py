"""Tables of the access log: its records, and the Merkle tree over them (docs/adr/0018)."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed

_HELD_BACK: Final = text("disclosed_from IS NOT NULL")


class AccessRecord(SQLModel, table=True):
    """A decision of the gate about one subject, or what came of it. Append-only.

    Of what was asked, why, by whom and with what result nothing can be read without the subject's key: that a citizen's
    hospital looked, or the police, is itself about their health or their record (PDPA 2562 s.26). `subject` comes
    first in the key, so that the table partitions by citizen.
    """

    __tablename__ = "access_record"
    __table_args__ = (
        Index("ix_access_record_epoch_xid", "epoch", "xid"),
        Index(
            "ix_access_record_held_back",
            "subject",
            "disclosed_from",
            postgresql_where=_HELD_BACK,
            sqlite_where=_HELD_BACK,
        ),
    )

    subject: UUID = Field(primary_key=True)
    """Whom it is about."""
    id: UUID = Field(primary_key=True)
    """A UUID version 7: a subject's records sort by it in the order of their making."""
    entry: UUID
    """Of an outcome the decision it belongs to; a decision's own id."""
    at: datetime = Field(sa_type=Instant)
    commitment: bytes
    """32 bytes, of which its leaf in the tree is made (`canonical.py`)."""
    payload_sealed: bytes = sealed("access_record.payload", by=("subject", "id"), subject="subject")
    """`sealing.py`."""
    disclosed_from: datetime | None = Field(default=None, sa_type=Instant)
    """When the subject may learn of it; None: at once. What a decision's records say last holds for all of them."""
    epoch: int = Field(sa_type=BigInteger)
    xid: int = Field(sa_type=BigInteger)
    """The transaction that appended it; numbers of one epoch grow. By these the sequencer misses none."""


class LogLeaf(SQLModel, table=True):
    """The place of a record in the tree. Append-only."""

    __tablename__ = "log_leaf"

    leaf_index: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    """From 0, without a gap."""
    subject: UUID
    record: UUID = Field(unique=True)


class LogTile(SQLModel, table=True):
    """Up to 256 nodes of one level that lie side by side, 32 bytes each. The last of a level is replaced as it fills.

    Level 0 holds the hashes of leaves; each level above holds the roots of the full tiles of the one below.
    """

    __tablename__ = "log_tile"

    level: int = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    hashes: bytes


class LogHead(SQLModel, table=True):
    """The tree at a moment, signed. Append-only."""

    __tablename__ = "log_head"

    size: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    """Leaves."""
    at: datetime = Field(sa_type=Instant)
    root: bytes
    """32 bytes, RFC 9162 §2.1.1."""
    signed: str
    """A compact JWS of type `sitthi-tree-head+jwt` over `size`, `root`, `at` and `log`."""


class LogState(SQLModel, table=True):
    """How far the sequencer is: one row, which each of its rounds replaces together with what it appended."""

    __tablename__ = "log_state"

    id: int = Field(primary_key=True)
    """1."""
    size: int = Field(sa_type=BigInteger)
    """Leaves in the tree."""
    epoch: int = Field(sa_type=BigInteger)
    """Grows when the numbers of transactions begin anew, as they do where a dump was restored."""
    cluster: str
    """Which PostgreSQL cluster's numbers these are; empty on SQLite."""
    snapshot: str
    """`xmin:xmax:xip,…`: all that it shows is in the tree. On SQLite `n:n:`, n the first number not yet given."""
    target: str | None
    """While a snapshot is taken over in parts, that snapshot."""
    cursor_xid: int | None = Field(sa_type=BigInteger)
    cursor_id: UUID | None
    """The last record taken of `target`."""
    backlog: bool
    """Whether records of former epochs may not be in the tree yet."""
