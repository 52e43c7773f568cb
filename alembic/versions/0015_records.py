"""Records that agencies send of their own accord.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "ingest_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("operation", sa.String(length=60), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingest_request")),
        sa.UniqueConstraint(
            "agency", "plugin", "operation", "key", name=op.f("uq_ingest_request_agency_plugin_operation_key")
        ),
    )
    op.create_index("ix_ingest_request_at", "ingest_request", ["at"], unique=False)
    op.create_table(
        "ingest_chunk",
        sa.Column("request", sa.Uuid(), nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rejected", _JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["ingest_request.id"],
            name=op.f("fk_ingest_chunk_request_ingest_request"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("request", "first", name=op.f("pk_ingest_chunk")),
    )


def downgrade() -> None:
    op.drop_table("ingest_chunk")
    op.drop_index("ix_ingest_request_at", table_name="ingest_request")
    op.drop_table("ingest_request")
