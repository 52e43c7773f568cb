"""Services registered by agencies: versions, lifecycle, reviews.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEYS = {
    "service_event": "agency = NEW.agency AND slug = NEW.slug AND id = NEW.id",
    "service_report": "agency = NEW.agency AND slug = NEW.slug AND id = NEW.id",
}
"""What is unique in each table that only grows: SQLite's `INSERT OR REPLACE` asks no trigger for deletion."""
STATES = "'DRAFT', 'CHECKING', 'CHECKED', 'IN_REVIEW', 'PUBLISHED', 'SUSPENDED', 'SUPERSEDED', 'RETIRED'"


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "service",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("current", sa.String(), nullable=True),
        sa.Column("prefix", sa.String(), nullable=True),
        sa.Column("namespace", sa.String(), nullable=True),
        sa.Column("provides", json, nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("skipped", sa.String(), nullable=True),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "slug", name=op.f("pk_service")),
    )
    published = "current IS NOT NULL"
    op.create_index(
        "uq_service_slug_published",
        "service",
        ["slug"],
        unique=True,
        sqlite_where=sa.text(published),
        postgresql_where=sa.text(published),
    )
    op.create_table(
        "service_version",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("files", json, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("sent_client", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.String(), nullable=True),
        sa.Column("submitted_client", sa.String(), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_service_version_state_known")),
        sa.ForeignKeyConstraint(
            ["agency", "slug"], ["service.agency", "service.slug"], name=op.f("fk_service_version_agency_service")
        ),
        sa.PrimaryKeyConstraint("agency", "slug", "version", name=op.f("pk_service_version")),
    )
    current, checking = "state IN ('PUBLISHED', 'SUSPENDED', 'RETIRED')", "state = 'CHECKING'"
    op.create_index(
        "uq_service_version_one_current",
        "service_version",
        ["agency", "slug"],
        unique=True,
        sqlite_where=sa.text(current),
        postgresql_where=sa.text(current),
    )
    op.create_index(
        "ix_service_version_checking",
        "service_version",
        ["lease_until"],
        sqlite_where=sa.text(checking),
        postgresql_where=sa.text(checking),
    )
    _trail(json)
    op.create_table(
        "service_generation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_generation")),
    )
    op.execute("INSERT INTO service_generation (id, generation) VALUES (1, 0)")
    _only_grow()


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in KEYS:
        for event in ("update", "delete", "replace") if sqlite else ("change", "truncate"):
            op.execute(f"DROP TRIGGER {table}_refuses_{event}" + ("" if sqlite else f" ON {table}"))
    for table in ("generation", "report", "review", "event", "version"):
        op.drop_table(f"service_{table}")
    op.drop_table("service")


def _trail(json: sa.types.TypeEngine[object]) -> None:
    op.create_table(
        "service_event",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acting", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "slug"], ["service.agency", "service.slug"], name=op.f("fk_service_event_agency_service")
        ),
        sa.PrimaryKeyConstraint("agency", "slug", "id", name=op.f("pk_service_event")),
    )
    op.create_table(
        "service_review",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("parts", json, nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_client", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("remedy", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "slug"], ["service.agency", "service.slug"], name=op.f("fk_service_review_agency_service")
        ),
        sa.PrimaryKeyConstraint("agency", "slug", "id", name=op.f("pk_service_review")),
    )
    op.create_index(
        "uq_service_review_one_open",
        "service_review",
        ["agency", "slug", "version"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "service_report",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("report", json, nullable=False),
        sa.Column("attestation", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "slug"], ["service.agency", "service.slug"], name=op.f("fk_service_report_agency_service")
        ),
        sa.PrimaryKeyConstraint("agency", "slug", "id", name=op.f("pk_service_report")),
    )


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
