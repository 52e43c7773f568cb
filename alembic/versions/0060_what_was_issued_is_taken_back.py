"""What agencies issued is known again, so that they take it back: papers by their hash, acts with their reasons.

Revision ID: 0060
Revises: 0062
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_wallet_credential_by_offer", "wallet_credential", ["offer"], unique=False)
    op.create_table(
        "printed_paper",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN (0, 1, 2)", name=op.f("ck_printed_paper_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_printed_paper")),
        sa.UniqueConstraint("sha256", name=op.f("uq_printed_paper_sha256")),
    )
    op.create_table(
        "held_paper",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("paper", sa.Uuid(), nullable=False),
        sa.Column("document", sa.Uuid(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["printed_paper.id"], name=op.f("fk_held_paper_paper_printed_paper")),
        sa.PrimaryKeyConstraint("person", "paper", name=op.f("pk_held_paper")),
    )
    op.create_index("ix_held_paper_paper", "held_paper", ["paper"], unique=False)
    op.create_index("ix_held_paper_kept_at", "held_paper", ["kept_at"], unique=False)
    op.create_table(
        "standing_act",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("issued", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_standing_act")),
        sa.UniqueConstraint("agency", "key", name="uq_standing_act_agency_key"),
    )
    op.create_index("ix_standing_act_at", "standing_act", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_standing_act_at", table_name="standing_act")
    op.drop_table("standing_act")
    op.drop_index("ix_held_paper_kept_at", table_name="held_paper")
    op.drop_index("ix_held_paper_paper", table_name="held_paper")
    op.drop_table("held_paper")
    op.drop_table("printed_paper")
    op.drop_index("ix_wallet_credential_by_offer", table_name="wallet_credential")
