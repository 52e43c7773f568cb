"""Drafts of applications.

Revision ID: 0031
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("beneficiary", sa.Uuid(), nullable=False),
        sa.Column("title", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("form_version", sa.String(length=32), nullable=False),
        sa.Column("answers_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by", sa.Uuid(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_draft")),
    )
    op.create_index("uq_draft_subject", "draft", ["person", "subject", "beneficiary"], unique=True)
    op.create_index("ix_draft_saved_at", "draft", ["saved_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_draft_saved_at", table_name="draft")
    op.drop_index("uq_draft_subject", table_name="draft")
    op.drop_table("draft")
