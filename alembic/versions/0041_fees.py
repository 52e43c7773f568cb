"""Bills by QR, what the bank says came in for them, and where its list of a day differs from ours.

Revision ID: 0041
Revises: 0044
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0041"
down_revision = "0044"
branch_labels = None
depends_on = None

FEE = "kind = 'FEE' AND status IN ('OPEN', 'PAID')"
REPAYMENT = "kind = 'REPAYMENT' AND status = 'OPEN'"
OPEN = "status = 'OPEN'"
TO_GO_BACK = "verdict <> 'PAID' AND refunded_at IS NULL"


def upgrade() -> None:
    _bills()
    _incoming()
    op.create_table(
        "incoming_break",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("bank_reference", sa.String(length=35), nullable=False),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("found", sa.BigInteger(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_break")),
        sa.UniqueConstraint(
            "agency", "kind", "bank_reference", name=op.f("uq_incoming_break_agency_kind_bank_reference")
        ),
    )


def downgrade() -> None:
    op.drop_table("incoming_break")
    for index in ("ix_incoming_payment_back", "ix_incoming_payment_agency"):
        op.drop_index(index, table_name="incoming_payment")
    op.drop_index(op.f("ix_incoming_payment_bill"), table_name="incoming_payment")
    op.drop_index(op.f("ix_incoming_payment_person"), table_name="incoming_payment")
    op.drop_table("incoming_payment")
    for index in ("ix_bill_open", "ix_bill_charge", "uq_bill_repayment", "uq_bill_fee"):
        op.drop_index(index, table_name="bill")
    op.drop_table("bill")


def _bills() -> None:
    op.create_table(
        "bill",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("charge", sa.String(length=80), nullable=False),
        sa.Column("title", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("biller", sa.String(length=15), nullable=False),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("second_reference", sa.String(length=20), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt_number", sa.String(length=30), nullable=True),
        sa.CheckConstraint("satang > 0", name=op.f("ck_bill_positive")),
        sa.CheckConstraint("kind IN ('FEE', 'REPAYMENT')", name=op.f("ck_bill_kind")),
        sa.CheckConstraint("status IN ('OPEN', 'PAID', 'EXPIRED', 'CANCELLED')", name=op.f("ck_bill_status")),
        sa.CheckConstraint(
            "(status = 'PAID') = (paid_at IS NOT NULL) AND (status = 'PAID') = (receipt_number IS NOT NULL)",
            name=op.f("ck_bill_paid_whole"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_bill")),
        sa.UniqueConstraint("id", name=op.f("uq_bill_id")),
        sa.UniqueConstraint("biller", "reference", name=op.f("uq_bill_biller_reference")),
        sa.UniqueConstraint("receipt_number", name=op.f("uq_bill_receipt_number")),
    )
    for name, columns, where, unique in (
        ("uq_bill_fee", ["charge"], FEE, True),
        ("uq_bill_repayment", ["charge"], REPAYMENT, True),
        ("ix_bill_open", ["due_at"], OPEN, False),
    ):
        op.create_index(
            name, "bill", columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
        )
    op.create_index("ix_bill_charge", "bill", ["charge"], unique=False)


def _incoming() -> None:
    op.create_table(
        "incoming_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("biller", sa.String(length=15), nullable=False),
        sa.Column("bank_transaction", sa.String(length=35), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("bill", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("second_reference", sa.String(length=20), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_reference", sa.String(length=35), nullable=True),
        sa.CheckConstraint("satang > 0", name=op.f("ck_incoming_payment_positive")),
        sa.CheckConstraint(
            "verdict IN ('PAID', 'UNKNOWN_REFERENCE', 'WRONG_AMOUNT', 'LATE', 'PAID_ALREADY', 'NOT_DUE')",
            name=op.f("ck_incoming_payment_verdict"),
        ),
        sa.CheckConstraint(
            "(refunded_at IS NULL) = (refund_reference IS NULL) AND (refunded_at IS NULL OR verdict <> 'PAID')",
            name=op.f("ck_incoming_payment_refunded_whole"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_payment")),
        sa.UniqueConstraint("biller", "bank_transaction", name=op.f("uq_incoming_payment_biller_bank_transaction")),
    )
    where = sa.text(TO_GO_BACK)
    op.create_index(
        "ix_incoming_payment_back", "incoming_payment", ["agency"], postgresql_where=where, sqlite_where=where
    )
    op.create_index("ix_incoming_payment_agency", "incoming_payment", ["agency", "paid_at"], unique=False)
    op.create_index(op.f("ix_incoming_payment_person"), "incoming_payment", ["person"], unique=False)
    op.create_index(op.f("ix_incoming_payment_bill"), "incoming_payment", ["bill"], unique=False)
