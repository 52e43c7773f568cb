"""Citizens dispute payments; how satisfied they are is counted by month, programme and province.

Revision ID: 0029
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0024"
branch_labels = None
depends_on = None

OPEN = "closed_at IS NULL"
EVENT_KEY = "person = NEW.person AND dispute = NEW.dispute AND sequence = NEW.sequence"


def upgrade() -> None:
    _disputes()
    op.create_table(
        "satisfaction",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("province", sa.String(length=2), nullable=False),
        sa.Column("satisfied", sa.BigInteger(), nullable=False),
        sa.Column("others", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("satisfied >= 0 AND others >= 0", name=op.f("ck_satisfaction_counts")),
        sa.PrimaryKeyConstraint("month", "subject", "province", name=op.f("pk_satisfaction")),
    )
    statements = _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql()
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("satisfaction")
    op.drop_table("dispute_event")
    op.drop_index("ix_dispute_open_due", table_name="dispute")
    op.drop_index("ix_dispute_agency", table_name="dispute")
    op.drop_index("uq_dispute_open", table_name="dispute")
    op.drop_table("dispute")


def _disputes() -> None:
    op.create_table(
        "dispute",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("instalment", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("said", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("finding", sa.String(length=20), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(said IS NOT NULL) = (kind = 'WRONG_AMOUNT')", name=op.f("ck_dispute_an_amount_if_that_is_wrong")
        ),
        sa.CheckConstraint("said IS NULL OR said >= 0", name=op.f("ck_dispute_no_less_than_nothing")),
        sa.CheckConstraint("(closed_at IS NOT NULL) = (status = 'CLOSED')", name=op.f("ck_dispute_over_when_closed")),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_dispute")),
    )
    still_open = {"postgresql_where": sa.text(OPEN), "sqlite_where": sa.text(OPEN)}
    op.create_index("uq_dispute_open", "dispute", ["person", "instalment"], unique=True, **still_open)
    op.create_index("ix_dispute_agency", "dispute", ["agency", "id"], unique=False)
    op.create_index("ix_dispute_open_due", "dispute", ["due_on"], unique=False, **still_open)
    op.create_table(
        "dispute_event",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("dispute", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("finding", sa.String(length=20), nullable=True),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("person", "dispute", "sequence", name=op.f("pk_dispute_event")),
    )


def _sqlite() -> list[str]:
    refusal = "BEGIN SELECT RAISE(ABORT, 'dispute_event is append-only'); END"
    there = f"EXISTS (SELECT 1 FROM dispute_event WHERE {EVENT_KEY})"  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER dispute_event_refuses_update BEFORE UPDATE ON dispute_event {refusal}",
        f"CREATE TRIGGER dispute_event_refuses_delete BEFORE DELETE ON dispute_event {refusal}",
        f"CREATE TRIGGER dispute_event_refuses_replace BEFORE INSERT ON dispute_event WHEN {there} {refusal}",
    ]


def _postgresql() -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER dispute_event_refuses_change BEFORE UPDATE OR DELETE ON dispute_event FOR EACH ROW {refusal}",
        f"CREATE TRIGGER dispute_event_refuses_truncate BEFORE TRUNCATE ON dispute_event FOR EACH STATEMENT {refusal}",
    ]
