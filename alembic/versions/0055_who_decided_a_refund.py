"""A refund keeps who decided it, and why: when it comes back, its break is open again, and what was decided is known.

Revision ID: 0055
Revises: 0052
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fee_refund", sa.Column("why", sa.String(length=500), nullable=True))
    for who, at in (("proposed_by", "proposed_at"), ("agreed_by", "agreed_at")):
        op.add_column("fee_refund", sa.Column(who, sa.Uuid(), nullable=True))
        op.add_column("fee_refund", sa.Column(at, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("agreed_at", "agreed_by", "proposed_at", "proposed_by", "why"):
        op.drop_column("fee_refund", name)
