"""Services registered by agencies: versions, lifecycle, reviews.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by the room that owns it."""


def downgrade() -> None:
    """Undoes the above."""
