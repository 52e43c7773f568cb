"""What two officers make of breaks of money that comes in, money that goes back by a file, and fees that agencies hear of.

Revision ID: 0049
Revises: 0050
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0049"
down_revision = "0050"
branch_labels = None
depends_on = None

ON_ITS_WAY = "status <> 'RETURNED'"
OPEN = "closed_at IS NULL"
KINDS = (
    "'NOT_TOLD', 'NOT_LISTED', 'OTHER_AMOUNT', 'LISTED_TWICE', 'DOES_NOT_ADD_UP', 'OPENS_OTHERWISE', 'DAY_MISSING', "
    "'CHANGED'"
)


def upgrade() -> None:
    op.add_column("incoming_payment", sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("agency_event", sa.Column("satang", sa.BigInteger(), nullable=True))
    amounts = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("service_case", sa.Column("paid", amounts, server_default=sa.text("'[]'"), nullable=False))
    for name in ("pay_by", "remind_at"):
        op.add_column("service_case", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_service_case_pay_by"), "service_case", ["pay_by"], unique=False)
    _resolutions()
    _refunds()
    _statements()


def downgrade() -> None:
    op.drop_index("ix_statement_break_open", table_name="statement_break")
    op.drop_table("statement_break")
    op.drop_table("bank_statement")
    op.drop_index("ix_fee_refund_agency", table_name="fee_refund")
    op.drop_index("uq_fee_refund_incoming", table_name="fee_refund")
    op.drop_table("fee_refund")
    op.drop_table("incoming_resolution")
    op.drop_index(op.f("ix_service_case_pay_by"), table_name="service_case")
    for name in ("remind_at", "pay_by", "paid"):
        op.drop_column("service_case", name)
    op.drop_column("agency_event", "satang")
    op.drop_column("incoming_payment", "kept_at")


def _resolutions() -> None:
    op.create_table(
        "incoming_resolution",
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("bill", sa.String(length=20), nullable=True),
        sa.Column("account_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "closed_by IS NULL OR closed_by <> proposed_by", name=op.f("ck_incoming_resolution_four_eyes")
        ),
        sa.CheckConstraint(
            "(proposed_by IS NULL) = (outcome IN ('BANK_MENDED', 'GONE_BACK'))",
            name=op.f("ck_incoming_resolution_proposed_by_an_officer"),
        ),
        sa.CheckConstraint(
            "(closed_by IS NULL) = (closed_at IS NULL OR outcome IN ('BANK_MENDED', 'GONE_BACK'))",
            name=op.f("ck_incoming_resolution_closed_by_another"),
        ),
        sa.CheckConstraint(
            "outcome IN ('REFUND', 'ASSIGN', 'KEEP', 'NO_MONEY_MOVED', 'CLAIMED', 'BANK_MENDED', 'GONE_BACK')",
            name=op.f("ck_incoming_resolution_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["break_id"], ["incoming_break.id"], name=op.f("fk_incoming_resolution_break_id_incoming_break")
        ),
        sa.PrimaryKeyConstraint("break_id", name=op.f("pk_incoming_resolution")),
    )


def _refunds() -> None:
    op.create_table(
        "fee_refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("incoming", sa.Uuid(), nullable=False),
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bank_reference", sa.String(length=35), nullable=True),
        sa.Column("reason", sa.String(length=35), nullable=True),
        sa.CheckConstraint("satang > 0", name=op.f("ck_fee_refund_positive")),
        sa.CheckConstraint(
            "status IN ('APPROVED', 'SUBMITTED', 'SETTLED', 'RETURNED')", name=op.f("ck_fee_refund_status")
        ),
        sa.ForeignKeyConstraint(
            ["break_id"], ["incoming_break.id"], name=op.f("fk_fee_refund_break_id_incoming_break")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_refund")),
    )
    op.create_index(
        "uq_fee_refund_incoming",
        "fee_refund",
        ["incoming"],
        unique=True,
        postgresql_where=sa.text(ON_ITS_WAY),
        sqlite_where=sa.text(ON_ITS_WAY),
    )
    op.create_index("ix_fee_refund_agency", "fee_refund", ["agency", "status"], unique=False)


def _statements() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("statement_id", sa.String(length=35), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=False),
        sa.Column("closing", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agency", "day", name=op.f("pk_bank_statement")),
    )
    op.create_table(
        "statement_break",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("bank_reference", sa.String(length=35), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("found", sa.BigInteger(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_statement_break_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_break")),
        sa.UniqueConstraint(
            "agency", "day", "kind", "bank_reference", name=op.f("uq_statement_break_agency_day_kind_bank_reference")
        ),
    )
    op.create_index(
        "ix_statement_break_open",
        "statement_break",
        ["agency", "day"],
        unique=False,
        postgresql_where=sa.text(OPEN),
        sqlite_where=sa.text(OPEN),
    )
