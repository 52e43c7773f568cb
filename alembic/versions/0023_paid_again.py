"""What came back from the bank is paid again by another instalment, which names it.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

FIRST = "repeats IS NULL"
COUNTS = "status NOT IN ('CANCELLED', 'RETURNED')"


def upgrade() -> None:
    with op.batch_alter_table(
        "instalment", copy_from=_table(sa.UniqueConstraint("award", "period", name=OLD))
    ) as table:
        table.drop_constraint(OLD, type_="unique")
        table.add_column(sa.Column("repeats", sa.Uuid(), nullable=True))
        table.create_unique_constraint("uq_instalment_repeats", ["repeats"])
    _indexes()
    _index("uq_instalment_award_period", ["award", "period"], FIRST)


def downgrade() -> None:
    """Refused by the database while a payment is there that pays another again."""
    op.drop_index("uq_instalment_award_period", table_name="instalment")
    now = _table(
        sa.Column("repeats", sa.Uuid(), nullable=True), sa.UniqueConstraint("repeats", name="uq_instalment_repeats")
    )
    with op.batch_alter_table("instalment", copy_from=now) as table:
        table.drop_constraint("uq_instalment_repeats", type_="unique")
        table.drop_column("repeats")
        table.create_unique_constraint(OLD, ["award", "period"])
    _indexes()


OLD = "uq_instalment_award_period"


def _indexes() -> None:
    """SQLite has made the table anew, and they are gone with the old one."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_index("ix_instalment_agency_period_status", "instalment", ["agency", "period", "status"])
    op.create_index("ix_instalment_person_due", "instalment", ["person", "due_on", "id"])
    op.create_index("ix_instalment_run", "instalment", ["run"])
    _index("uq_instalment_beneficiary_subject_period", ["beneficiary", "subject", "period"], COUNTS)


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, "instalment", columns, unique=True, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def _table(*more: sa.schema.SchemaItem) -> sa.Table:
    """As it was, with its checks, which SQLite does not tell."""
    return sa.Table(
        "instalment",
        sa.MetaData(),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("award", sa.Uuid(), nullable=False),
        sa.Column("beneficiary", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bank_reference", sa.String(length=35), nullable=True),
        sa.Column("reason", sa.String(length=35), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destination", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(run IS NULL) = (status IN ('SCHEDULED', 'CANCELLED'))",
            name="ck_instalment_in_a_run_once_it_is_past_scheduled",
        ),
        sa.CheckConstraint(
            "status IN ('SCHEDULED', 'IN_RUN', 'SUBMITTED', 'SETTLED', 'RETURNED', 'CANCELLED')",
            name="ck_instalment_status",
        ),
        sa.CheckConstraint("satang > 0", name="ck_instalment_positive"),
        sa.ForeignKeyConstraint(
            ["person", "award"], ["award.person", "award.id"], name="fk_instalment_person_award_award"
        ),
        sa.ForeignKeyConstraint(["run"], ["payment_run.id"], name="fk_instalment_run_payment_run"),
        sa.PrimaryKeyConstraint("person", "id", name="pk_instalment"),
        sa.UniqueConstraint("id", name="uq_instalment_id"),
        *more,
    )
