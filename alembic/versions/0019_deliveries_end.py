"""Deliveries that end, looks that are counted, and wishes for documents that are claimed before an agency is asked.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_FAILED = sa.text("failed_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("service_case", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("service_case", sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_service_case_failed",
        "service_case",
        ["plugin"],
        unique=False,
        postgresql_where=_FAILED,
        sqlite_where=_FAILED,
    )
    op.add_column("agency_event", sa.Column("application", sa.String(length=32), nullable=True))
    op.create_table(
        "issue_wish",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("pk_issue_wish")),
    )
    op.create_index("ix_issue_wish_at", "issue_wish", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_issue_wish_at", table_name="issue_wish")
    op.drop_table("issue_wish")
    op.drop_column("agency_event", "application")
    op.drop_index("ix_service_case_failed", table_name="service_case")
    op.drop_column("service_case", "failed_at")
    op.drop_column("service_case", "tried_at")
