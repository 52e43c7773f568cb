"""Credentials that an agency has made for many at once, and those that wait for their citizens.

Revision ID: 0064
Revises: 0063
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credential_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("configuration", sa.String(length=120), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("ready", sa.Integer(), nullable=False),
        sa.Column("declined", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ready >= 0 AND declined >= 0 AND failed >= 0", name=op.f("ck_credential_batch_counted")),
        sa.CheckConstraint("ready + declined + failed <= people", name=op.f("ck_credential_batch_within")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_batch")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_credential_batch_due_at", "credential_batch", ["due_at"], postgresql_where=is_open, sqlite_where=is_open
    )
    op.create_table(
        "credential_batch_line",
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["credential_batch.id"],
            name=op.f("fk_credential_batch_line_batch_credential_batch"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("batch", "line", name=op.f("pk_credential_batch_line")),
    )
    op.create_index("ix_credential_batch_line_person", "credential_batch_line", ["person"])
    _ready()


def _ready() -> None:
    op.create_table(
        "ready_credential",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("configuration", sa.String(length=120), nullable=False),
        sa.Column("list", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("credential_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "list"],
            ["status_list.agency", "status_list.number"],
            name=op.f("fk_ready_credential_agency_list_status_list"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_ready_credential")),
        sa.UniqueConstraint("agency", "list", "place", name=op.f("uq_ready_credential_agency_list_place")),
        sa.UniqueConstraint("person", "configuration", name=op.f("uq_ready_credential_person_configuration")),
    )
    op.create_index("ix_ready_credential_kept_until", "ready_credential", ["kept_until"])
    op.create_index("ix_ready_credential_batch", "ready_credential", ["batch"])


def downgrade() -> None:
    op.drop_table("ready_credential")
    op.drop_table("credential_batch_line")
    op.drop_table("credential_batch")
