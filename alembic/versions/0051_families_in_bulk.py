"""Whole populations with their houses and children: for whom else something was read, and which child an answer is on.

Revision ID: 0051
Revises: 0049
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0049"
branch_labels = None
depends_on = None

UNTOLD = "told_at IS NULL AND ended_on IS NULL"
ANSWERS, SPELLS = "determination_answer", "entitlement_spell"
INDEXES = {
    ANSWERS: ["ix_determination_answer_run"],
    SPELLS: ["ix_entitlement_spell_untold", "ix_entitlement_spell_ended_on"],
}


def upgrade() -> None:
    op.create_table(
        "bulk_tie",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("other", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('HOUSE', 'CHILD', 'CHILDREN_UNKNOWN')", name=op.f("ck_bulk_tie_kind_known")),
        sa.ForeignKeyConstraint(["run"], ["bulk_run.id"], name=op.f("fk_bulk_tie_run_bulk_run")),
        sa.PrimaryKeyConstraint("person", "run", "other", "kind", name=op.f("pk_bulk_tie")),
    )
    op.create_index("ix_bulk_tie_run_other", "bulk_tie", ["run", "other", "kind"])
    op.create_table(
        "household_look",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("correction", sa.Uuid(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "correction", name=op.f("pk_household_look")),
    )
    _anew(
        ANSWERS,
        beneficiary=True,
        columns="person, run, programme, beneficiary, outcome, decided_on",
        select="person, run, programme, person, outcome, decided_on",
    )
    _anew(
        SPELLS,
        beneficiary=True,
        columns="person, programme, beneficiary, number, began_on, ended_on, purpose, told_at",
        select="person, programme, person, number, began_on, ended_on, purpose, told_at",
    )


def downgrade() -> None:
    """Of several children of one person one row is left: entitled rather than unknown, the spell that began first."""
    _anew(
        ANSWERS,
        beneficiary=False,
        columns="person, run, programme, outcome, decided_on",
        select="person, run, programme, min(outcome), max(decided_on)",
        group=" GROUP BY person, run, programme",
    )
    _anew(
        SPELLS,
        beneficiary=False,
        columns="person, programme, number, began_on, ended_on, purpose, told_at",
        select=(
            "person, programme, number, min(began_on), CASE WHEN count(*) = count(ended_on) THEN max(ended_on) END, "
            "min(purpose), max(told_at)"
        ),
        group=" GROUP BY person, programme, number",
    )
    op.drop_table("household_look")
    op.drop_table("bulk_tie")


def _anew(table: str, *, beneficiary: bool, columns: str, select: str, group: str = "") -> None:
    """The table with another key, and its rows: SQLite cannot change a key in place."""
    old = f"{table}_before"
    for index in INDEXES[table]:
        op.drop_index(index, table_name=table)
    op.rename_table(table, old)
    if op.get_bind().dialect.name == "postgresql":  # where the names of keys belong to the schema
        op.drop_constraint(f"pk_{table}", old, type_="primary")
    if table == ANSWERS:
        _answers(beneficiary=beneficiary)
    else:
        _spells(beneficiary=beneficiary)
    op.execute(f"INSERT INTO {table} ({columns}) SELECT {select} FROM {old}{group}")  # noqa: S608 (names of this file)
    op.drop_table(old)


def _answers(*, beneficiary: bool) -> None:
    whose = ["beneficiary"] if beneficiary else []
    op.create_table(
        ANSWERS,
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=100), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in whose),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.CheckConstraint("outcome IN ('MET', 'UNKNOWN')", name=op.f("ck_determination_answer_outcome_known")),
        sa.ForeignKeyConstraint(
            ["run"], ["determination_run.id"], name=op.f("fk_determination_answer_run_determination_run")
        ),
        sa.PrimaryKeyConstraint("person", "run", "programme", *whose, name=op.f("pk_determination_answer")),
    )
    op.create_index("ix_determination_answer_run", ANSWERS, ["run", "programme", "outcome"])


def _spells(*, beneficiary: bool) -> None:
    whose = ["beneficiary"] if beneficiary else []
    op.create_table(
        SPELLS,
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=100), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in whose),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("purpose", sa.String(length=100), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number >= 1", name=op.f("ck_entitlement_spell_number_counts")),
        sa.PrimaryKeyConstraint("person", "programme", *whose, "number", name=op.f("pk_entitlement_spell")),
    )
    op.create_index(
        "ix_entitlement_spell_untold",
        SPELLS,
        ["began_on"],
        postgresql_where=sa.text(UNTOLD),
        sqlite_where=sa.text(UNTOLD),
    )
    op.create_index("ix_entitlement_spell_ended_on", SPELLS, ["ended_on"])
