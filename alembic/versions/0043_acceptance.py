"""Applications that are accepted before they are decided.

Revision ID: 0043
Revises: 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0026"
branch_labels = None
depends_on = None

_UNDECIDED = sa.text("decide_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("application", sa.Column("decide_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_application_decide_at",
        "application",
        ["decide_at"],
        postgresql_where=_UNDECIDED,
        sqlite_where=_UNDECIDED,
    )


def downgrade() -> None:
    # What is owed a decision still waits as SUBMITTED, and the job for those that wait takes it up.
    op.drop_index("ix_application_decide_at", table_name="application")
    op.drop_column("application", "decide_at")
