"""Budgets and closed months of an agency's books, and what two officers do to them.

Revision ID: 0025
Revises: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0030"
branch_labels = None
depends_on = None

UNDECIDED = "outcome IS NULL"

# The head of a transaction comes after its postings. Most months nothing is closed for, so that is asked first.
POSTGRESQL = (
    """
    CREATE FUNCTION ledger_period_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM ledger_period
            WHERE month >= (SELECT date_trunc('month', min(booked_at) AT TIME ZONE 'Asia/Bangkok')::date FROM arrived)
        ) AND EXISTS (
            SELECT FROM arrived t
            JOIN ledger_posting p ON p.transaction_id = t.id
            JOIN ledger_account a ON a.id = p.account
            JOIN ledger_period c ON c.agency = a.agency
            WHERE c.month >= date_trunc('month', t.booked_at AT TIME ZONE 'Asia/Bangkok')::date
        ) THEN
            RAISE EXCEPTION 'this month of the ledger is closed' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ledger_period_is_open AFTER INSERT ON ledger_transaction
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION ledger_period_is_open()
    """,
    """
    CREATE TRIGGER ledger_period_refuses_change BEFORE UPDATE OR DELETE ON ledger_period
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER ledger_period_refuses_truncate BEFORE TRUNCATE ON ledger_period
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)
REFUSAL = "BEGIN SELECT RAISE(ABORT, 'ledger_period is append-only'); END"
SQLITE = (
    """
    CREATE TRIGGER ledger_period_is_open AFTER INSERT ON ledger_transaction
    WHEN EXISTS (
        SELECT 1 FROM ledger_posting p
        JOIN ledger_account a ON a.id = p.account
        JOIN ledger_period c ON c.agency = a.agency
        WHERE p.transaction_id = NEW.id AND c.month >= strftime('%Y-%m-01', NEW.booked_at, '+7 hours')
    )
    BEGIN SELECT RAISE(ABORT, 'this month of the ledger is closed'); END
    """,
    f"CREATE TRIGGER ledger_period_refuses_update BEFORE UPDATE ON ledger_period {REFUSAL}",
    f"CREATE TRIGGER ledger_period_refuses_delete BEFORE DELETE ON ledger_period {REFUSAL}",
    f"""
    CREATE TRIGGER ledger_period_refuses_replace BEFORE INSERT ON ledger_period
    WHEN EXISTS (SELECT 1 FROM ledger_period WHERE agency = NEW.agency AND month = NEW.month) {REFUSAL}
    """,  # noqa: S608 - our own words
)


def upgrade() -> None:
    op.create_table(
        "ledger_act",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("outcome <> 'CONFIRMED' OR decided_by <> proposed_by", name=op.f("ck_ledger_act_four_eyes")),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_by IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_ledger_act_decided_whole"),
        ),
        sa.CheckConstraint("outcome IN ('CONFIRMED', 'REFUSED', 'WITHDRAWN')", name=op.f("ck_ledger_act_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_act")),
    )
    op.create_index(
        "ix_ledger_act_open",
        "ledger_act",
        ["agency", "id"],
        unique=False,
        postgresql_where=sa.text(UNDECIDED),
        sqlite_where=sa.text(UNDECIDED),
    )
    op.create_table(
        "ledger_period",
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("act", sa.Uuid(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["ledger_act.id"], name=op.f("fk_ledger_period_act_ledger_act")),
        sa.PrimaryKeyConstraint("agency", "month", name=op.f("pk_ledger_period")),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER ledger_period_is_open")
    else:
        op.execute("DROP FUNCTION ledger_period_is_open CASCADE")
    op.drop_table("ledger_period")
    op.drop_index("ix_ledger_act_open", table_name="ledger_act")
    op.drop_table("ledger_act")
