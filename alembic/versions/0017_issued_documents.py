"""Documents that agencies issue to citizens.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issued_document",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("operation", sa.String(length=60), nullable=False),
        sa.Column("assurance", sa.String(length=4), nullable=False),
        sa.Column("about_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_issued_document")),
    )
    op.create_index("ix_issued_document_expires_at", "issued_document", ["expires_at"], unique=False)
    op.create_table(
        "issued_content",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person", "id"],
            ["issued_document.person", "issued_document.id"],
            name=op.f("fk_issued_content_person_issued_document"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_issued_content")),
    )


def downgrade() -> None:
    op.drop_table("issued_content")
    op.drop_index("ix_issued_document_expires_at", table_name="issued_document")
    op.drop_table("issued_document")
