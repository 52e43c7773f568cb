"""What changed in the graph, what is deprecated in it, and who still uses that.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLE = "graph_change"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("coordinate", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sunset", sa.Date(), nullable=True),
        sa.Column("reason_th", sa.String(), nullable=True),
        sa.Column("reason_en", sa.String(), nullable=True),
        sa.Column("more", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_graph_change")),
    )
    op.create_index("ix_graph_change_service_number", TABLE, ["service", "number"])
    op.create_table(
        "graph_deprecation",
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("coordinate", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sunset", sa.Date(), nullable=False),
        sa.Column("reason_th", sa.String(), nullable=True),
        sa.Column("reason_en", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("service", "coordinate", name=op.f("pk_graph_deprecation")),
    )
    op.create_table(
        "deprecated_use",
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("coordinate", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client", "coordinate", "day", name=op.f("pk_deprecated_use")),
    )
    op.create_index("ix_deprecated_use_service_day", "deprecated_use", ["service", "day"])
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for event in ("update", "delete", "replace") if sqlite else ("change", "truncate"):
        op.execute(f"DROP TRIGGER {TABLE}_refuses_{event}" + ("" if sqlite else f" ON {TABLE}"))
    op.drop_table("deprecated_use")
    op.drop_table("graph_deprecation")
    op.drop_table(TABLE)


def _sqlite() -> list[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
    there = f"WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE number = NEW.number)"  # noqa: S608 - our own words
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
