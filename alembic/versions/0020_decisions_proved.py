"""Decisions prove themselves: signed, and with the law they were taken by stored once, under its own hash.

Decisions of before keep the law inside their sealed record and no signature; nothing of theirs is changed.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE = "decision_rule"


def upgrade() -> None:
    op.add_column("decision", sa.Column("rule", sa.String(length=64), nullable=True))
    op.add_column("decision", sa.Column("token", sa.Text(), nullable=True))
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_rule")),
    )
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    op.drop_table(TABLE)  # and its triggers
    op.drop_column("decision", "token")
    op.drop_column("decision", "rule")


def _sqlite() -> list[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
    there = f"WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)"  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER {TABLE}_refuses_update BEFORE UPDATE ON {TABLE} {refusal}",
        f"CREATE TRIGGER {TABLE}_refuses_delete BEFORE DELETE ON {TABLE} {refusal}",
        f"CREATE TRIGGER {TABLE}_refuses_replace BEFORE INSERT ON {TABLE} {there} {refusal}",
    ]


def _postgresql() -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER {TABLE}_refuses_change BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {TABLE}_refuses_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT {refusal}",
    ]
