"""Determinations over whole populations, and who was told of an entitlement.

Revision ID: 0032
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0025"
branch_labels = None
depends_on = None

_CHANGED = sa.text("changed <> ''")
_UNTOLD = sa.text("told_at IS NULL AND ended_on IS NULL")
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("bulk_member", sa.Column("changed", sa.String(), server_default="", nullable=False))
    op.add_column("bulk_member", sa.Column("used_on", sa.Date(), nullable=True))
    op.create_index("ix_bulk_member_run_used_on", "bulk_member", ["run", "used_on", "person"])
    op.create_index(
        "ix_bulk_member_run_changed",
        "bulk_member",
        ["run", "person"],
        postgresql_where=_CHANGED,
        sqlite_where=_CHANGED,
    )
    _runs()
    _spells()


def downgrade() -> None:
    op.drop_table("entitlement_spell")
    op.drop_table("determination_answer")
    op.drop_table("determination_run")
    op.drop_index("ix_bulk_member_run_changed", table_name="bulk_member")
    op.drop_index("ix_bulk_member_run_used_on", table_name="bulk_member")
    op.drop_column("bulk_member", "used_on")
    op.drop_column("bulk_member", "changed")


def _runs() -> None:
    op.create_table(
        "determination_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("maker", sa.Uuid(), nullable=False),
        sa.Column("checker", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("programmes", _JSON, nullable=False),
        sa.Column("attributes", _JSON, nullable=False),
        sa.Column("population", sa.String(), nullable=False),
        sa.Column("tells", sa.Boolean(), nullable=False),
        sa.Column("candidate", _JSON, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evaluated", _JSON, nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("tally", _JSON, nullable=True),
        sa.Column("report", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('APPROVED', 'READING', 'DECIDED', 'DELETED')", name=op.f("ck_determination_run_state_known")
        ),
        sa.CheckConstraint("maker <> checker", name=op.f("ck_determination_run_two_officers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_determination_run")),
    )
    op.create_index("ix_determination_run_keep_until", "determination_run", ["keep_until"])
    op.create_table(
        "determination_answer",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.CheckConstraint("outcome IN ('MET', 'UNKNOWN')", name=op.f("ck_determination_answer_outcome_known")),
        sa.ForeignKeyConstraint(
            ["run"], ["determination_run.id"], name=op.f("fk_determination_answer_run_determination_run")
        ),
        sa.PrimaryKeyConstraint("person", "run", "programme", name=op.f("pk_determination_answer")),
    )
    op.create_index("ix_determination_answer_run", "determination_answer", ["run", "programme", "outcome"])


def _spells() -> None:
    op.create_table(
        "entitlement_spell",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("purpose", sa.String(length=100), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number >= 1", name=op.f("ck_entitlement_spell_number_counts")),
        sa.PrimaryKeyConstraint("person", "programme", "number", name=op.f("pk_entitlement_spell")),
    )
    op.create_index(
        "ix_entitlement_spell_untold",
        "entitlement_spell",
        ["began_on"],
        postgresql_where=_UNTOLD,
        sqlite_where=_UNTOLD,
    )
    op.create_index("ix_entitlement_spell_ended_on", "entitlement_spell", ["ended_on"])
