"""Cash at a counter, what became of each break, and entries by which the bank took back what it had booked.

Revision ID: 0027
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0032"
branch_labels = None
depends_on = None

FORMER = "method IN ('PROMPTPAY_NATIONAL_ID', 'PROMPTPAY_MOBILE', 'BANK_ACCOUNT')"
METHODS = "method IN ('PROMPTPAY_NATIONAL_ID', 'PROMPTPAY_MOBILE', 'BANK_ACCOUNT', 'CASH')"
METHOD = "ck_payout_destination_method"


def upgrade() -> None:
    _methods(FORMER, METHODS)
    op.add_column("instalment", sa.Column("reversal_reference", sa.String(length=35), nullable=True))
    op.add_column("reconciliation_break", sa.Column("entry_kind", sa.String(length=10), nullable=True))
    op.execute("UPDATE reconciliation_break SET kind = 'WRONG_AMOUNT' WHERE kind = 'FOREIGN_CURRENCY'")
    op.create_table(
        "break_resolution",
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("closed_by IS NULL OR closed_by <> proposed_by", name=op.f("ck_break_resolution_four_eyes")),
        sa.CheckConstraint(
            "(proposed_by IS NULL) = (outcome = 'BANK_MENDED')",
            name=op.f("ck_break_resolution_proposed_by_an_officer"),
        ),
        sa.CheckConstraint(
            "(closed_by IS NULL) = (closed_at IS NULL OR outcome = 'BANK_MENDED')",
            name=op.f("ck_break_resolution_closed_by_another"),
        ),
        sa.CheckConstraint(
            "outcome IN ('BANK_MENDED', 'NO_MONEY_MOVED', 'CLAIMED', 'OWED_AGAIN', 'PAID')",
            name=op.f("ck_break_resolution_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["break_id"], ["reconciliation_break.id"], name=op.f("fk_break_resolution_break_id_reconciliation_break")
        ),
        sa.PrimaryKeyConstraint("break_id", name=op.f("pk_break_resolution")),
    )
    _cash()


def downgrade() -> None:
    """Refused by the database while somebody is paid in cash."""
    op.drop_table("cash_day")
    op.drop_index("ix_cash_slip_agency_paid_at", table_name="cash_slip")
    op.drop_index("ix_cash_slip_message", table_name="cash_slip")
    op.drop_table("cash_slip")
    op.drop_table("break_resolution")
    op.drop_column("reconciliation_break", "entry_kind")
    op.drop_column("instalment", "reversal_reference")
    _methods(METHODS, FORMER)


def _cash() -> None:
    op.create_table(
        "cash_slip",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("message", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("payable_from", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code_by", sa.Uuid(), nullable=True),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_by", sa.Uuid(), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("satang > 0", name=op.f("ck_cash_slip_positive")),
        sa.CheckConstraint("paid_at IS NULL OR returned_at IS NULL", name=op.f("ck_cash_slip_paid_or_returned")),
        sa.CheckConstraint("(paid_at IS NULL) = (paid_by IS NULL)", name=op.f("ck_cash_slip_paid_by_an_officer")),
        sa.CheckConstraint("paid_by IS NULL OR paid_by <> person", name=op.f("ck_cash_slip_not_to_oneself")),
        sa.CheckConstraint(
            "paid_by IS NULL OR code_by IS NULL OR paid_by <> code_by", name=op.f("ck_cash_slip_four_eyes")
        ),
        sa.CheckConstraint("(code_hash IS NULL) = (codes = 0)", name=op.f("ck_cash_slip_code")),
        sa.CheckConstraint("tries BETWEEN 0 AND 5 AND codes BETWEEN 0 AND 5", name=op.f("ck_cash_slip_bounded")),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_cash_slip")),
        sa.UniqueConstraint("id", name=op.f("uq_cash_slip_id")),
        sa.UniqueConstraint("number", name=op.f("uq_cash_slip_number")),
    )
    op.create_index("ix_cash_slip_message", "cash_slip", ["message"], unique=False)
    op.create_index("ix_cash_slip_agency_paid_at", "cash_slip", ["agency", "paid_at"], unique=False)
    op.create_table(
        "cash_day",
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slips", sa.Integer(), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("differences", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("reported_by", sa.Uuid(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("balanced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("satang >= 0 AND told >= 0", name=op.f("ck_cash_day_not_negative")),
        sa.PrimaryKeyConstraint("agency", "day", name=op.f("pk_cash_day")),
    )


def _methods(former: str, now: str) -> None:
    """SQLite makes the table anew, and its triggers (migration 0005) are gone with the old one."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f(METHOD), "payout_destination", type_="check")
        op.create_check_constraint(op.f(METHOD), "payout_destination", now)
        return
    for event in ("update", "delete", "replace"):
        op.execute(f"DROP TRIGGER payout_destination_refuses_{event}")
    with op.batch_alter_table("payout_destination", copy_from=_destinations(former)) as table:
        table.drop_constraint(op.f(METHOD), type_="check")
        table.create_check_constraint(op.f(METHOD), now)
    refusal = "BEGIN SELECT RAISE(ABORT, 'payout_destination is append-only'); END"
    there = "WHEN EXISTS (SELECT 1 FROM payout_destination WHERE person = NEW.person AND id = NEW.id)"
    for event, when in (("update", ""), ("delete", ""), ("replace", there)):
        before = "INSERT" if event == "replace" else event.upper()
        op.execute(
            f"CREATE TRIGGER payout_destination_refuses_{event} BEFORE {before} ON payout_destination {when} {refusal}"
        )


def _destinations(check: str) -> sa.Table:
    return sa.Table(
        "payout_destination",
        sa.MetaData(),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("account_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("acr", sa.String(), nullable=False),
        sa.CheckConstraint(check, name=METHOD),
        sa.PrimaryKeyConstraint("person", "id", name="pk_payout_destination"),
    )
