"""Requests of agencies, each answered once, and how much they asked.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency_request",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("agent_kind", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("agency", "id", name=op.f("pk_agency_request")),
    )
    op.create_index(op.f("ix_agency_request_at"), "agency_request", ["at"], unique=False)
    op.create_table(
        "agency_usage",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "agency", "purpose", name=op.f("pk_agency_usage")),
    )
    op.create_table(
        "agency_usage_facts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("steward", sa.String(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("denied", sa.BigInteger(), nullable=False),
        sa.Column("unavailable", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "agency", "purpose", "steward", name=op.f("pk_agency_usage_facts")),
    )


def downgrade() -> None:
    op.drop_table("agency_usage_facts")
    op.drop_table("agency_usage")
    op.drop_index(op.f("ix_agency_request_at"), table_name="agency_request")
    op.drop_table("agency_request")
