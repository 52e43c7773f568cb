"""What the host owes a plugin: submissions, cancellations, events.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_OWED = sa.text("due_at IS NOT NULL")
_ATTEMPTS = "delivery_attempt"


def upgrade() -> None:
    op.create_table(
        "service_case",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("application", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owed_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_wanted", sa.Boolean(), nullable=False),
        sa.Column("trouble", sa.String(length=40), nullable=True),
        sa.Column("reference", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=True),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("rests_on", _JSON, nullable=False),
        sa.Column("told_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person", "application"],
            ["application.person", "application.id"],
            name=op.f("fk_service_case_person_application_application"),
        ),
        sa.PrimaryKeyConstraint("person", "application", name=op.f("pk_service_case")),
    )
    op.create_index(
        "ix_service_case_due",
        "service_case",
        ["plugin", "due_at"],
        unique=False,
        postgresql_where=_OWED,
        sqlite_where=_OWED,
    )
    op.create_table(
        "agency_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=True),
        sa.Column("national_id_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_event")),
    )
    op.create_index("ix_agency_event_due", "agency_event", ["plugin", "due_at"], unique=False)
    op.create_table(
        _ATTEMPTS,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owed", sa.String(length=32), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempt")),
    )
    op.create_index("ix_delivery_attempt_owed", _ATTEMPTS, ["owed"], unique=False)
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    for table, index in ((_ATTEMPTS, "owed"), ("agency_event", "due"), ("service_case", "due")):
        op.drop_index(f"ix_{table}_{index}", table_name=table)
        op.drop_table(table)


def _sqlite() -> list[str]:
    """`INSERT OR REPLACE` asks no trigger for deletion."""
    refusal = f"BEGIN SELECT RAISE(ABORT, '{_ATTEMPTS} is append-only'); END"
    there = f"WHEN EXISTS (SELECT 1 FROM {_ATTEMPTS} WHERE id = NEW.id)"  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER {_ATTEMPTS}_refuses_update BEFORE UPDATE ON {_ATTEMPTS} {refusal}",
        f"CREATE TRIGGER {_ATTEMPTS}_refuses_delete BEFORE DELETE ON {_ATTEMPTS} {refusal}",
        f"CREATE TRIGGER {_ATTEMPTS}_refuses_replace BEFORE INSERT ON {_ATTEMPTS} {there} {refusal}",
    ]


def _postgresql() -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER {_ATTEMPTS}_refuses_change BEFORE UPDATE OR DELETE ON {_ATTEMPTS} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {_ATTEMPTS}_refuses_truncate BEFORE TRUNCATE ON {_ATTEMPTS} FOR EACH STATEMENT {refusal}",
    ]
