"""A receipt remembers that it was rated, whatever becomes of the rating; a citizen's turn remembers its reminder; sums
of ratings have a random number each, by which small ones are hidden together with others.

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

_ON_POSTGRESQL = "('x' || left(md5(gen_random_uuid()::text), 15))::bit(60)::bigint"
_ON_SQLITE = "abs(random() / 8)"
"""60 bits: nobody who knows some of them knows another."""
_UNTOLD_ON_POSTGRESQL = "month >= date_trunc('month', (now() AT TIME ZONE 'Asia/Bangkok') - interval '1 day')::date"
_UNTOLD_ON_SQLITE = "month >= date('now', '+7 hours', '-1 day', 'start of month')"
"""Not told to anybody yet. What was told is told again with the same cells: two versions would give a small one away."""


def upgrade() -> None:
    op.add_column("receipt", sa.Column("rated_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE receipt SET rated_at = (SELECT r.rated_at FROM rating r "
        "WHERE r.person = receipt.person AND r.receipt = receipt.id) "
        "WHERE EXISTS (SELECT 1 FROM rating r WHERE r.person = receipt.person AND r.receipt = receipt.id)"
    )
    op.add_column("satisfaction", sa.Column("draw", sa.BigInteger(), server_default="0", nullable=False))
    postgresql = op.get_bind().dialect.name == "postgresql"
    drawn, untold = (_ON_POSTGRESQL, _UNTOLD_ON_POSTGRESQL) if postgresql else (_ON_SQLITE, _UNTOLD_ON_SQLITE)
    op.execute(f"UPDATE satisfaction SET draw = {drawn} WHERE {untold}")  # noqa: S608 - constants above
    op.add_column("application", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("application", "reminded_at")
    op.drop_column("satisfaction", "draw")
    op.drop_column("receipt", "rated_at")
