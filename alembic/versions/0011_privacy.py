"""Requests under the PDPA, restrictions and legal holds.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPEN = "status IN ('ACTIVE', 'COOLING', 'ERASING', 'PREPARING', 'RECEIVED')"
KEY = "person = NEW.person AND id = NEW.id"
"""What is unique in privacy_event: SQLite's `INSERT OR REPLACE` asks no trigger for deletion."""


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "privacy_request",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("stores", json, nullable=False),
        sa.Column("end_benefits", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.String(length=60), nullable=False),
        sa.Column("ground", sa.String(length=40), nullable=True),
        sa.Column("statement_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("acr", sa.String(length=20), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proceeds_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stays", json, nullable=False),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_privacy_request")),
    )
    op.create_index(
        "uq_privacy_request_open",
        "privacy_request",
        ["person", "kind", "purpose"],
        unique=True,
        postgresql_where=sa.text(OPEN),
        sqlite_where=sa.text(OPEN),
    )
    op.create_index("ix_privacy_request_status_due_at", "privacy_request", ["status", "due_at"], unique=False)
    op.create_table(
        "privacy_export",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("request", sa.Uuid(), nullable=False),
        sa.Column("format", sa.String(length=4), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person", "request"],
            ["privacy_request.person", "privacy_request.id"],
            name=op.f("fk_privacy_export_person_privacy_request"),
        ),
        sa.PrimaryKeyConstraint("person", "request", "format", "number", name=op.f("pk_privacy_export")),
    )
    op.create_index(op.f("ix_privacy_export_made_at"), "privacy_export", ["made_at"], unique=False)
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("store", sa.String(length=40), nullable=False),
        sa.Column("law", sa.String(length=200), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index(op.f("ix_legal_hold_person"), "legal_hold", ["person"], unique=False)
    op.create_table(
        "privacy_event",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("detail", json, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_privacy_event")),
    )
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for event in ("update", "delete", "replace") if sqlite else ("change", "truncate"):
        op.execute(f"DROP TRIGGER privacy_event_refuses_{event}" + ("" if sqlite else " ON privacy_event"))
    for table in ("privacy_event", "legal_hold", "privacy_export", "privacy_request"):
        op.drop_table(table)


def _sqlite() -> list[str]:
    refusal = "BEGIN SELECT RAISE(ABORT, 'privacy_event is append-only'); END"
    there = f"WHEN EXISTS (SELECT 1 FROM privacy_event WHERE {KEY})"  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER privacy_event_refuses_update BEFORE UPDATE ON privacy_event {refusal}",
        f"CREATE TRIGGER privacy_event_refuses_delete BEFORE DELETE ON privacy_event {refusal}",
        f"CREATE TRIGGER privacy_event_refuses_replace BEFORE INSERT ON privacy_event {there} {refusal}",
    ]


def _postgresql() -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    table = "privacy_event"
    return [
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refusal}",
    ]
