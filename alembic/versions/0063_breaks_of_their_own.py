"""A break of a statement is of one payment, and officers can close it; of incoming money, what is wrong with the bank's
word is another break than what becomes of the money.

One reference of a bank may stand for several payments. A statement's break was one per day, kind and reference: now it
is one of a payment, and of a direction. Two officers close one that is explained, and no table had room for that.

A payment of a wrong amount is a break; that the bank lists it with another amount later is another, of the same kind
and reference. The second was taken for the first.

Revision ID: 0063
Revises: 0060
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0060"
branch_labels = None
depends_on = None

KINDS = (
    "'NOT_TOLD', 'NOT_LISTED', 'OTHER_AMOUNT', 'LISTED_TWICE', 'DOES_NOT_ADD_UP', 'OPENS_OTHERWISE', 'DAY_MISSING',"
    " 'CHANGED'"
)
INCOMING = ("agency", "kind", "bank_reference")
STATEMENT = ("agency", "day", "kind", "bank_reference")
OF_INCOMING = "uq_incoming_break_agency_kind_bank_reference"
OF_STATEMENT = "uq_statement_break_agency_day_kind_bank_reference"
ENTRY = (*STATEMENT, "end_to_end", "came_in")


def upgrade() -> None:
    with op.batch_alter_table("incoming_break", copy_from=_incoming(_one(INCOMING, OF_INCOMING))) as table:
        table.drop_constraint(OF_INCOMING, type_="unique")
    _unique("uq_incoming_break_money", "expected IS NULL")
    _unique("uq_incoming_break_words", "expected IS NOT NULL")
    with op.batch_alter_table("statement_break", copy_from=_statement(_one(STATEMENT, OF_STATEMENT))) as table:
        table.drop_constraint(OF_STATEMENT, type_="unique")
        table.add_column(sa.Column("end_to_end", sa.String(length=35), nullable=False, server_default=""))
        table.add_column(sa.Column("came_in", sa.Boolean(), nullable=False, server_default=sa.false()))
    _open()
    op.create_index("uq_statement_break_entry", "statement_break", list(ENTRY), unique=True)
    op.create_table(
        "statement_resolution",
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("found", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "closed_by IS NULL OR closed_by <> proposed_by", name=op.f("ck_statement_resolution_four_eyes")
        ),
        sa.CheckConstraint(
            "(closed_by IS NULL) = (closed_at IS NULL)", name=op.f("ck_statement_resolution_closed_by_another")
        ),
        sa.ForeignKeyConstraint(
            ["break_id"], ["statement_break.id"], name=op.f("fk_statement_resolution_break_id_statement_break")
        ),
        sa.PrimaryKeyConstraint("break_id", name=op.f("pk_statement_resolution")),
    )


def downgrade() -> None:
    """Refused by the database where there are two breaks now that were one."""
    op.drop_table("statement_resolution")
    op.drop_index("uq_statement_break_entry", table_name="statement_break")
    now = _statement(
        sa.Column("end_to_end", sa.String(length=35), nullable=False, server_default=""),
        sa.Column("came_in", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_statement_break_open", table_name="statement_break")
    with op.batch_alter_table("statement_break", copy_from=now) as table:
        table.drop_column("came_in")
        table.drop_column("end_to_end")
        table.create_unique_constraint(OF_STATEMENT, list(STATEMENT))
    _open()
    for name in ("uq_incoming_break_words", "uq_incoming_break_money"):
        op.drop_index(name, table_name="incoming_break")
    with op.batch_alter_table("incoming_break", copy_from=_incoming()) as table:
        table.create_unique_constraint(OF_INCOMING, list(INCOMING))


def _unique(name: str, where: str) -> None:
    op.create_index(
        name,
        "incoming_break",
        list(INCOMING),
        unique=True,
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(where),
    )


def _one(columns: tuple[str, ...], name: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=name)


def _open() -> None:
    """SQLite has lost the index with the table that was made anew."""
    if op.get_bind().dialect.name == "sqlite":
        where = sa.text("closed_at IS NULL")
        op.create_index("ix_statement_break_open", "statement_break", ["agency", "day"], sqlite_where=where)


def _incoming(*more: sa.UniqueConstraint) -> sa.Table:
    """As it is, for SQLite, which makes the table anew."""
    return sa.Table(
        "incoming_break",
        sa.MetaData(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("bank_reference", sa.String(length=35), nullable=False),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("found", sa.BigInteger(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incoming_break"),
        *more,
    )


def _statement(*more: sa.UniqueConstraint | sa.Column[str] | sa.Column[bool]) -> sa.Table:
    """As it is, for SQLite, which makes the table anew."""
    return sa.Table(
        "statement_break",
        sa.MetaData(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("bank_reference", sa.String(length=35), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("found", sa.BigInteger(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="ck_statement_break_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_statement_break"),
        *more,
    )
