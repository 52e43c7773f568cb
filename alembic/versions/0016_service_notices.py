"""Maintenance windows, how well services answer, notices to client developers.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by the room that owns it."""


def downgrade() -> None:
    """Undoes the above."""
