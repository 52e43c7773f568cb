"""Agreements between agencies, and bulk runs.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEYS = {
    "agreement_event": "agreement = NEW.agreement AND id = NEW.id",
}
"""What is unique in each table that only grows: SQLite's `INSERT OR REPLACE` asks no trigger for deletion."""


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "agreement",
        sa.Column("agreement", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("steward", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("purposes", json, nullable=False),
        sa.Column("attributes", json, nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("law", sa.String(), nullable=False),
        sa.Column("confidentiality_th", sa.String(), nullable=False),
        sa.Column("confidentiality_en", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_for", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'IN_FORCE', 'SUSPENDED', 'ENDED')", name=op.f("ck_agreement_state_known")
        ),
        sa.CheckConstraint("steward <> requester", name=op.f("ck_agreement_two_parties")),
        sa.CheckConstraint("per_day > 0 AND per_minute > 0", name=op.f("ck_agreement_quota_positive")),
        sa.CheckConstraint("valid_from <= valid_until", name=op.f("ck_agreement_valid_sometime")),
        sa.PrimaryKeyConstraint("agreement", "version", name=op.f("pk_agreement")),
    )
    for name, states in (("proposed", "state = 'PROPOSED'"), ("in_force", "state IN ('IN_FORCE', 'SUSPENDED')")):
        op.create_index(
            f"uq_agreement_one_{name}",
            "agreement",
            ["agreement"],
            unique=True,
            sqlite_where=sa.text(states),
            postgresql_where=sa.text(states),
        )
    op.create_index("ix_agreement_requester_state", "agreement", ["requester", "state"])
    op.create_index("ix_agreement_steward_state", "agreement", ["steward", "state"])
    op.create_table(
        "agreement_event",
        sa.Column("agreement", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement", "version"],
            ["agreement.agreement", "agreement.version"],
            name=op.f("fk_agreement_event_agreement_agreement"),
        ),
        sa.PrimaryKeyConstraint("agreement", "id", name=op.f("pk_agreement_event")),
    )
    op.create_table(
        "bulk_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("asker_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("label_th", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.Column("attributes", json, nullable=False),
        sa.Column("predicate", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("population", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('DECLARED', 'READ', 'DELETED')", name=op.f("ck_bulk_run_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_run")),
    )
    op.create_index("ix_bulk_run_delete_at", "bulk_run", ["delete_at"])
    op.create_table(
        "bulk_member",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("snapshot_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["bulk_run.id"], name=op.f("fk_bulk_member_run_bulk_run")),
        sa.PrimaryKeyConstraint("person", "run", name=op.f("pk_bulk_member")),
    )
    op.create_index("ix_bulk_member_run_waiting", "bulk_member", ["run", "read_at", "person"])
    _only_grow()


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in KEYS:
        for event in ("update", "delete", "replace") if sqlite else ("change", "truncate"):
            op.execute(f"DROP TRIGGER {table}_refuses_{event}" + ("" if sqlite else f" ON {table}"))
    op.drop_table("bulk_member")
    op.drop_table("bulk_run")
    op.drop_table("agreement_event")
    op.drop_table("agreement")


def _only_grow() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, key in KEYS.items():
        for statement in _sqlite(table, key) if sqlite else _postgresql(table):
            op.execute(statement)


def _sqlite(table: str, key: str) -> list[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    there = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})"  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER {table}_refuses_update BEFORE UPDATE ON {table} {refusal}",
        f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} {refusal}",
        f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} {there} {refusal}",
    ]


def _postgresql(table: str) -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refusal}",
    ]
