"""What agencies' services award is a row, paid once by an instalment, and told of to the service.

Revision ID: 0057
Revises: 0059
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0057"
down_revision = "0059"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "benefit",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("law", _JSON, nullable=False),
        sa.Column("law_since", sa.Date(), nullable=False),
        sa.Column("told", sa.String(length=10), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("times_told", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("satang > 0", name=op.f("ck_benefit_positive")),
        sa.CheckConstraint("told IS NULL OR told IN ('PAID', 'RETURNED')", name=op.f("ck_benefit_told")),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_benefit")),
        sa.UniqueConstraint("id", name=op.f("uq_benefit_id")),
        sa.UniqueConstraint("plugin", "reference", name=op.f("uq_benefit_plugin_reference")),
    )
    op.create_index("ix_benefit_told", "benefit", ["told", "told_at"])


def downgrade() -> None:
    op.drop_table("benefit")
