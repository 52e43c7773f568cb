"""Maintenance windows, how well services answer, notices to client developers.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "service_maintenance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text_th", sa.String(), nullable=False),
        sa.Column("text_en", sa.String(), nullable=False),
        sa.Column("operations", json, nullable=False),
        sa.Column("announced_by", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.String(), nullable=True),
        sa.CheckConstraint("begins_at < ends_at", name=op.f("ck_service_maintenance_begins_first")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_maintenance")),
    )
    op.create_index("ix_service_maintenance_slug_ends_at", "service_maintenance", ["slug", "ends_at"])
    op.create_index("ix_service_maintenance_ends_at", "service_maintenance", ["ends_at"])
    counts = ("answered", "failed", "kept", *(f"step_{number}" for number in range(13)))
    op.create_table(
        "service_hour",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.PrimaryKeyConstraint("slug", "operation", "hour", name=op.f("pk_service_hour")),
    )
    op.create_index("ix_service_hour_hour", "service_hour", ["hour"])


def downgrade() -> None:
    op.drop_table("service_hour")
    op.drop_table("service_maintenance")
