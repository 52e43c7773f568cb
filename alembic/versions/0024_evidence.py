"""Files that citizens send as evidence.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scanner", sa.String(length=40), nullable=True),
        sa.Column("application", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person", "application"],
            ["application.person", "application.id"],
            name=op.f("fk_evidence_person_application_application"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_evidence")),
    )
    op.create_index("uq_evidence_claim", "evidence", ["person", "claim"], unique=True)
    op.create_index("ix_evidence_application", "evidence", ["application"], unique=False)
    op.create_index("ix_evidence_uploaded_at", "evidence", ["uploaded_at"], unique=False)
    op.create_table(
        "evidence_piece",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("evidence", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person", "evidence"],
            ["evidence.person", "evidence.id"],
            name=op.f("fk_evidence_piece_person_evidence_evidence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person", "evidence", "position", name=op.f("pk_evidence_piece")),
    )


def downgrade() -> None:
    op.drop_table("evidence_piece")
    op.drop_index("ix_evidence_uploaded_at", table_name="evidence")
    op.drop_index("ix_evidence_application", table_name="evidence")
    op.drop_index("uq_evidence_claim", table_name="evidence")
    op.drop_table("evidence")
