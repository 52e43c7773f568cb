"""Acts of an agency's services are counted by the hour without looking at all of them.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_service_event_agency_at", "service_event", ["agency", "at"])


def downgrade() -> None:
    op.drop_index("ix_service_event_agency_at", "service_event")
