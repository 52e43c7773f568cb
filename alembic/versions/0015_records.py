"""Records that agencies send, and documents that plugins issue.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by the room that owns it."""


def downgrade() -> None:
    """Undoes the above."""
