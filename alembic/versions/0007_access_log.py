"""The access log: records sealed under their subject's key, and a Merkle tree over them.

What was logged in clear is carried over with its ids, times and salts, so that every leaf stays what it was. For that
the keys are needed; without a row to carry over, none are asked for.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from core.crypto import encrypt

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BATCH = 500
FORMER = 0
"""The epoch of what was there before: the sequencer begins with 1, and takes what belongs to a former one by itself."""
KEYS = {
    "access_record": "subject = NEW.subject AND id = NEW.id",
    "log_leaf": "leaf_index = NEW.leaf_index OR record = NEW.record",
    "log_head": "size = NEW.size",
}
"""What is unique in each table: SQLite's `INSERT OR REPLACE` asks no trigger for deletion."""
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
FORMER_KEYS = {
    "access_outcome": "subject = NEW.subject AND entry = NEW.entry AND id = NEW.id",
    "access_entry": "subject = NEW.subject AND id = NEW.id",
}
ENTRY = sa.table(
    "access_entry",
    *(sa.column(name, sa.Uuid()) for name in ("subject", "id", "request", "caused_by", "consent")),
    sa.column("at", sa.DateTime(timezone=True)),
    *(sa.column(name, sa.String()) for name in ("asker_kind", "asker_id", "asker_agency", "purpose", "basis")),
    *(sa.column(name, sa.String()) for name in ("decision", "reason")),
    *(sa.column(name, JSON) for name in ("asker_label", "attributes")),
    sa.column("salt", sa.LargeBinary()),
)
OUTCOME = sa.table(
    "access_outcome",
    *(sa.column(name, sa.Uuid()) for name in ("subject", "entry", "id")),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("purpose", sa.String()),
    *(sa.column(name, JSON) for name in ("states", "errors")),
    sa.column("salt", sa.LargeBinary()),
)
SUBJECT_KEY = sa.table("subject_key", sa.column("person", sa.Uuid()), sa.column("key_sealed", sa.LargeBinary()))


def upgrade() -> None:
    record = op.create_table(
        "access_record",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("payload_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("disclosed_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "id", name=op.f("pk_access_record")),
    )
    _carry_over(op.get_bind(), record)
    for table in FORMER_KEYS:
        op.drop_table(table)
    op.create_index("ix_access_record_epoch_xid", "access_record", ["epoch", "xid"], unique=False)
    is_held_back = sa.text("disclosed_from IS NOT NULL")
    op.create_index(
        "ix_access_record_held_back",
        "access_record",
        ["subject", "disclosed_from"],
        unique=False,
        postgresql_where=is_held_back,
        sqlite_where=is_held_back,
    )
    op.create_table(
        "log_leaf",
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("record", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_log_leaf")),
        sa.UniqueConstraint("record", name=op.f("uq_log_leaf_record")),
    )
    op.create_table(
        "log_tile",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_tile")),
    )
    op.create_table(
        "log_head",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("signed", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_head")),
    )
    op.create_table(
        "log_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("snapshot", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("cursor_xid", sa.BigInteger(), nullable=True),
        sa.Column("cursor_id", sa.Uuid(), nullable=True),
        sa.Column("backlog", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_state")),
    )
    _guard(KEYS)


def downgrade() -> None:
    """Only of a log without a record: what it holds must be kept, and the former tables could not hold it."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM access_record LIMIT 1")).first() is not None:
        raise RuntimeError("the access log holds records: it is not thrown away")
    for table in ("log_state", "log_head", "log_tile", "log_leaf", "access_record"):
        op.drop_table(table)
    _make_former_tables()


def _carry_over(bind: sa.Connection, record: sa.Table) -> None:
    if bind.execute(sa.select(ENTRY.c.id).limit(1)).first() is None:
        return
    keys = _DataKeys(bind)
    for batch in _in_batches(bind):
        rows = [
            {
                "subject": row["subject"],
                "id": row["id"],
                "entry": row.get("entry", row["id"]),
                "at": row["at"],
                "commitment": hashlib.sha256(row["salt"] + form).digest(),
                "payload_sealed": keys.seal(row, form),
                "disclosed_from": None,
                "epoch": FORMER,
                "xid": 0,
            }
            for row, form in ((row, _canonical(row)) for row in batch)
        ]
        bind.execute(sa.insert(record), rows)


def _in_batches(bind: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """Each table's rows from key to key: a cursor that stays open would lock the table that is to be dropped."""
    for table in (ENTRY, OUTCOME):
        last: tuple[UUID, UUID] | None = None
        while True:
            query = sa.select(table).order_by(table.c.subject, table.c.id).limit(BATCH)
            if last is not None:
                of_last = sa.tuple_(*(sa.literal(key, sa.Uuid()) for key in last))
                query = query.where(sa.tuple_(table.c.subject, table.c.id) > of_last)
            batch = [_with_zone(row) for row in bind.execute(query).mappings()]
            if not batch:
                break
            yield batch
            last = batch[-1]["subject"], batch[-1]["id"]


def _with_zone(row: Mapping[str, Any]) -> dict[str, Any]:
    at: datetime = row["at"]
    return {**row, "at": at if at.tzinfo is not None else at.replace(tzinfo=UTC)}


class _DataKeys:
    """The keys of the subjects: those that are there, and new ones for the rest (`core/envelope.py`)."""

    def __init__(self, bind: sa.Connection) -> None:
        self._bind, self._ring = bind, context.config.attributes["keys"]()
        self._person: UUID | None = None
        self._key = b""

    def seal(self, row: Mapping[str, Any], form: bytes) -> bytes:
        plain = row["salt"] + len(form).to_bytes(4, "big") + form
        if "attributes" in row:
            plain += _json([row["asker_id"], row["caused_by"].hex if row["caused_by"] else None])
        bound_to = f"access_record.payload:{row['subject'].hex}:{row['id'].hex}"
        return b"\x03" + encrypt(self._of(row["subject"]), plain, bound_to=bound_to)

    def _of(self, person: UUID) -> bytes:
        if person == self._person:
            return self._key
        query = sa.select(SUBJECT_KEY.c.key_sealed).where(SUBJECT_KEY.c.person == person)
        sealed, bound_to = self._bind.scalar(query), f"subject_key.key:{person.hex}"
        if sealed is None:
            self._key = os.urandom(32)
            sealed = self._ring.seal(self._key, bound_to=bound_to)
            self._bind.execute(sa.insert(SUBJECT_KEY), {"person": person, "key_sealed": sealed})
        else:
            self._key = self._ring.open(sealed, bound_to=bound_to)
        self._person = person
        return self._key


def _canonical(row: Mapping[str, Any]) -> bytes:
    """Version 1 of the canonical form, as it was when this was written (`access_log/canonical.py`)."""
    if "attributes" not in row:
        return _json(
            {
                "v": "1",
                "kind": "outcome",
                "subject": row["subject"].hex,
                "entry": row["entry"].hex,
                **{name: row[name] for name in ("purpose", "states", "errors")},
            }
        )
    return _json(
        {
            "v": "1",
            "kind": "entry",
            "subject": row["subject"].hex,
            "asker": {
                "kind": row["asker_kind"],
                "id": _hidden(row["salt"], "asker.id", row["asker_id"]),
                "agency": row["asker_agency"],
                "label": row["asker_label"],
            },
            "request": row["request"].hex if row["request"] else None,
            "caused_by": _hidden(row["salt"], "caused_by", row["caused_by"].hex) if row["caused_by"] else None,
            "consent": row["consent"].hex if row["consent"] else None,
            **{name: row[name] for name in ("purpose", "basis", "attributes", "decision", "reason")},
        }
    )


def _hidden(salt: bytes, field: str, value: str) -> str:
    return hashlib.sha256(hmac.digest(salt, field.encode(), hashlib.sha256) + value.encode()).hexdigest()


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _guard(keys: Mapping[str, str]) -> None:
    for table, key in keys.items():
        for statement in _guards(table, key):
            op.execute(statement)


def _guards(table: str, key: str) -> list[str]:
    """As migrations 0002 and 0003 made them; `refuse_change()` is of 0002."""
    if op.get_bind().dialect.name == "sqlite":
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        there = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})"  # noqa: S608 - our own words
        return [
            f"CREATE TRIGGER {table}_refuses_update BEFORE UPDATE ON {table} {refusal}",
            f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} {refusal}",
            f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} {there} {refusal}",
        ]
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refusal}",
    ]


def _make_former_tables() -> None:
    op.create_table(
        "access_entry",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asker_kind", sa.String(), nullable=False),
        sa.Column("asker_id", sa.String(), nullable=False),
        sa.Column("asker_agency", sa.String(), nullable=True),
        sa.Column("asker_label", JSON, nullable=False),
        sa.Column("request", sa.Uuid(), nullable=True),
        sa.Column("caused_by", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("consent", sa.Uuid(), nullable=True),
        sa.Column("attributes", JSON, nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "id", name=op.f("pk_access_entry")),
    )
    op.create_table(
        "access_outcome",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("entry", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("states", JSON, nullable=False),
        sa.Column("errors", JSON, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject", "entry"],
            ["access_entry.subject", "access_entry.id"],
            name=op.f("fk_access_outcome_subject_entry_access_entry"),
        ),
        sa.PrimaryKeyConstraint("subject", "entry", "id", name=op.f("pk_access_outcome")),
    )
    _guard(FORMER_KEYS)
