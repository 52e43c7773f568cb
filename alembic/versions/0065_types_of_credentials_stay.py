"""Types of credentials are kept as they were when the first was issued.

Revision ID: 0065
Revises: 0064
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credential_type",
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("configuration", sa.String(length=120), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agency", "configuration", name=op.f("pk_credential_type")),
    )


def downgrade() -> None:
    op.drop_table("credential_type")
