"""Notices outside the inbox: channels, how a person wants to be told, and what is owed.

Revision ID: 0044
Revises: 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "notice_channel",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("address_index", sa.LargeBinary(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_notice_channel")),
    )
    op.create_index("uq_notice_channel_address", "notice_channel", ["person", "kind", "address_index"], unique=True)
    op.create_index(op.f("ix_notice_channel_id"), "notice_channel", ["id"], unique=True)
    op.create_table(
        "notice_settings",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("shows_titles", sa.Boolean(), nullable=False),
        sa.Column("off", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_notice_settings")),
    )
    op.create_table(
        "notice_outgoing",
        sa.Column("channel", sa.Uuid(), nullable=False),
        sa.Column("message", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("covers", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("channel", "message", name=op.f("pk_notice_outgoing")),
    )
    op.create_index("ix_notice_outgoing_due", "notice_outgoing", ["due_at"], postgresql_where=_OPEN, sqlite_where=_OPEN)
    op.create_index("ix_notice_outgoing_person", "notice_outgoing", ["person"])
    op.create_index("ix_notice_outgoing_created_at", "notice_outgoing", ["created_at"])


def downgrade() -> None:
    op.drop_table("notice_outgoing")
    op.drop_table("notice_settings")
    op.drop_table("notice_channel")
