"""Documents that cost something: ordered, paid for, and made once they are.

Revision ID: 0062
Revises: 0061
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document_order",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("operation", sa.String(length=60), nullable=False),
        sa.Column("acr", sa.String(length=20), nullable=False),
        sa.Column("client", sa.String(length=200), nullable=False),
        sa.Column("arguments_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("free_place", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("document", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.String(length=60), nullable=True),
        sa.CheckConstraint(
            "status IN ('OWED', 'PAID', 'MADE', 'REFUSED', 'EXPIRED')", name=op.f("ck_document_order_status")
        ),
        sa.CheckConstraint("satang >= 0", name=op.f("ck_document_order_not_negative")),
        sa.CheckConstraint("(status = 'MADE') = (document IS NOT NULL)", name=op.f("ck_document_order_made_whole")),
        sa.CheckConstraint(
            "(status = 'REFUSED') = (refusal IS NOT NULL)", name=op.f("ck_document_order_refused_with_a_reason")
        ),
        sa.CheckConstraint("free_place IS NULL OR satang = 0", name=op.f("ck_document_order_free_costs_nothing")),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_document_order")),
        sa.UniqueConstraint("id", name=op.f("uq_document_order_id")),
        sa.UniqueConstraint(
            "person",
            "plugin",
            "operation",
            "free_place",
            name=op.f("uq_document_order_person_plugin_operation_free_place"),
        ),
    )
    under_way = sa.text("status IN ('OWED', 'PAID')")
    op.create_index(
        "ix_document_order_due", "document_order", ["due_at"], postgresql_where=under_way, sqlite_where=under_way
    )


def downgrade() -> None:
    op.drop_table("document_order")
