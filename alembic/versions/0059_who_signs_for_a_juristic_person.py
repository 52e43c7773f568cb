"""Who is appointed to act for a juristic person accepts; how many directors sign, and since when that is known.

Revision ID: 0059
Revises: 0055
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0055"
branch_labels = None
depends_on = None

HOLDS_INDEX = "uq_juristic_officer_holds"


def upgrade() -> None:
    op.add_column("juristic_person", sa.Column("signatures", sa.Integer(), nullable=False, server_default="2"))
    op.add_column("juristic_person", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("juristic_director", sa.Column("signs", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("juristic_director", sa.Column("name_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("juristic_officer", sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True))
    # whom two directors or two officers appointed before held from that moment
    op.execute("UPDATE juristic_officer SET accepted_at = approved_at WHERE approved_at IS NOT NULL")
    _holds("accepted_at")


def downgrade() -> None:
    # what nobody has accepted holds nothing; left approved it would
    op.execute(
        "UPDATE juristic_officer SET approved_at = NULL, approved_by = NULL "
        "WHERE approved_at IS NOT NULL AND accepted_at IS NULL AND ended_at IS NULL"
    )
    _holds("approved_at")
    op.drop_column("juristic_officer", "accepted_at")
    op.drop_column("juristic_director", "name_sealed")
    op.drop_column("juristic_director", "signs")
    op.drop_column("juristic_person", "looked_at")
    op.drop_column("juristic_person", "signatures")


def _holds(since: str) -> None:
    holds = sa.text(f"{since} IS NOT NULL AND ended_at IS NULL")
    op.drop_index(HOLDS_INDEX, table_name="juristic_officer")
    op.create_index(
        HOLDS_INDEX,
        "juristic_officer",
        ["juristic", "person"],
        unique=True,
        postgresql_where=holds,
        sqlite_where=holds,
    )
