"""What was paid too little is paid by instalments of their own; a break is of one end-to-end id.

Revision ID: 0048
Revises: 0047
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

COUNTS = "status NOT IN ('CANCELLED', 'RETURNED')"
MONTHS = "uq_instalment_beneficiary_subject_period"
FIRST = "uq_instalment_award_period"


def upgrade() -> None:
    _break_of("end_to_end", former=("run", "kind", "bank_reference"))
    op.add_column("instalment", sa.Column("supplements", sa.Uuid(), nullable=True))
    op.add_column("instalment", sa.Column("refunds", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index(MONTHS, "instalment")
    op.drop_index(FIRST, "instalment")
    _index(MONTHS, ["beneficiary", "subject", "period"], f"{COUNTS} AND supplements IS NULL")
    _index(FIRST, ["award", "period"], "repeats IS NULL AND supplements IS NULL")
    _index("uq_instalment_supplements", ["supplements"], "repeats IS NULL AND supplements IS NOT NULL")
    _index("uq_instalment_supplements_counting", ["supplements"], f"{COUNTS} AND supplements IS NOT NULL")


def downgrade() -> None:
    """Refused by the database while a month is paid by two, or two breaks differ by their end-to-end ids alone."""
    for name in ("uq_instalment_supplements_counting", "uq_instalment_supplements", FIRST, MONTHS):
        op.drop_index(name, "instalment")
    _index(FIRST, ["award", "period"], "repeats IS NULL")
    _index(MONTHS, ["beneficiary", "subject", "period"], COUNTS)
    op.drop_column("instalment", "refunds")
    op.drop_column("instalment", "supplements")
    _break_of(former=("run", "kind", "bank_reference", "end_to_end"))


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, "instalment", columns, unique=True, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def _break_of(*more: str, former: tuple[str, ...]) -> None:
    columns = ("run", "kind", "bank_reference", *more)
    names = ["_".join(("uq_reconciliation_break", *of)) for of in (former, columns)]
    constraint = sa.UniqueConstraint(*former, name=names[0])
    with op.batch_alter_table("reconciliation_break", copy_from=_breaks(constraint)) as table:
        table.drop_constraint(names[0], type_="unique")
        table.create_unique_constraint(names[1], list(columns))


def _breaks(constraint: sa.UniqueConstraint) -> sa.Table:
    """As it is, for SQLite, which makes the table anew."""
    return sa.Table(
        "reconciliation_break",
        sa.MetaData(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("entry_kind", sa.String(length=10), nullable=True),
        sa.Column("bank_reference", sa.String(length=35), nullable=False),
        sa.Column("end_to_end", sa.String(length=35), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["payment_run.id"], name="fk_reconciliation_break_run_payment_run"),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliation_break"),
        constraint,
    )
