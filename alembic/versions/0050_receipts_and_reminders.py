"""A receipt remembers that it was rated, whatever becomes of the rating; a citizen's turn remembers its reminder.

Revision ID: 0050
Revises: 0048
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("receipt", sa.Column("rated_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE receipt SET rated_at = (SELECT r.rated_at FROM rating r "
        "WHERE r.person = receipt.person AND r.receipt = receipt.id) "
        "WHERE EXISTS (SELECT 1 FROM rating r WHERE r.person = receipt.person AND r.receipt = receipt.id)"
    )
    op.add_column("application", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("application", "reminded_at")
    op.drop_column("receipt", "rated_at")
