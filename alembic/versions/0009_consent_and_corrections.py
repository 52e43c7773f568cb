"""Receipts of consents; what became of corrections.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEYS = {
    "consent_receipt": (
        "person = NEW.person AND id = NEW.id",
        "person = NEW.person AND consent = NEW.consent AND event = NEW.event",
    ),
    "correction_event": ("person = NEW.person AND correction = NEW.correction AND sequence = NEW.sequence",),
}
"""What is unique in each table that only grows: SQLite's `INSERT OR REPLACE` asks no trigger for deletion."""
OPEN_CONSENT, RECEIPT_DUE, OPEN_CASE = "ended_at IS NULL", "receipt_due", "closed_at IS NULL"


def upgrade() -> None:
    _consents()
    _corrections()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, keys in KEYS.items():
        for statement in _sqlite(table, keys) if sqlite else _postgresql(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("correction_event")
    op.drop_index("ix_correction_closed_at", table_name="correction")
    op.drop_index("ix_correction_steward", table_name="correction")
    op.drop_index("uq_correction_open", table_name="correction")
    with op.batch_alter_table("correction") as correction:
        for column in ("closed_at", "handler", "days_left", "due_on", "updated_at", "version"):
            correction.drop_column(column)
    open_ = sa.text("status = 'OPEN'")
    op.create_index(
        "uq_correction_open",
        "correction",
        ["person", "attribute"],
        unique=True,
        postgresql_where=open_,
        sqlite_where=open_,
    )
    op.drop_table("consent_receipt")
    for name in ("requester_ended", "receipt_due", "expires", "id"):
        op.drop_index(f"ix_consent_{name}", table_name="consent")
    with op.batch_alter_table("consent") as consent:
        for column in ("receipt_due", "withdrawn_by", "given_by", "given_as"):
            consent.drop_column(column)


def _consents() -> None:
    op.add_column("consent", sa.Column("given_as", sa.String(), nullable=False, server_default="SELF"))
    op.add_column("consent", sa.Column("given_by", sa.Uuid(), nullable=True))
    op.add_column("consent", sa.Column("withdrawn_by", sa.Uuid(), nullable=True))
    op.add_column("consent", sa.Column("receipt_due", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_consent_id", "consent", ["id"])
    for name, columns, where in (
        ("ix_consent_expires", ["expires_at"], OPEN_CONSENT),
        ("ix_consent_receipt_due", ["ended_at"], RECEIPT_DUE),
    ):
        op.create_index(
            name, "consent", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where), unique=False
        )
    op.create_index("ix_consent_requester_ended", "consent", ["requester", "ended_at"])
    op.create_table(
        "consent_receipt",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("consent", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_consent_receipt")),
    )
    op.create_index("uq_consent_receipt_event", "consent_receipt", ["person", "consent", "event"], unique=True)


def _corrections() -> None:
    """Cases of before keep their place: 30 days from their beginning, whatever has become of that."""
    # What is filled in below cannot be null afterwards, which SQLite allows only with a default.
    day, instant = "1970-01-01", "1970-01-01 00:00:00+00:00"
    op.add_column("correction", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(
        "correction",
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text(f"'{instant}'")),
    )
    op.add_column("correction", sa.Column("due_on", sa.Date(), nullable=False, server_default=sa.text(f"'{day}'")))
    op.add_column("correction", sa.Column("days_left", sa.Integer(), nullable=False, server_default="30"))
    op.add_column("correction", sa.Column("handler", sa.String(), nullable=True))
    op.add_column("correction", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    sqlite = op.get_bind().dialect.name == "sqlite"
    due = (
        "date(created_at, '+7 hours', '+30 days')" if sqlite else "(created_at AT TIME ZONE 'Asia/Bangkok')::date + 30"
    )
    op.execute(f"UPDATE correction SET updated_at = created_at, due_on = {due}")  # noqa: S608 - our own words
    op.drop_index("uq_correction_open", table_name="correction")
    open_ = sa.text(OPEN_CASE)
    op.create_index(
        "uq_correction_open",
        "correction",
        ["person", "attribute"],
        unique=True,
        postgresql_where=open_,
        sqlite_where=open_,
    )
    op.create_index("ix_correction_steward", "correction", ["steward", "id"])
    op.create_index("ix_correction_closed_at", "correction", ["closed_at"])
    op.create_table(
        "correction_event",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("correction", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("person", "correction", "sequence", name=op.f("pk_correction_event")),
    )


def _sqlite(table: str, keys: tuple[str, ...]) -> list[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    there = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER {table}_refuses_update BEFORE UPDATE ON {table} {refusal}",
        f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} {refusal}",
        f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN {there} {refusal}",
    ]


def _postgresql(table: str) -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refusal}",
    ]
