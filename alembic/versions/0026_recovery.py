"""What was overpaid is recovered: agreed plans, what came back, and payments that go out less what is withheld.

Revision ID: 0026
Revises: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0027"
branch_labels = None
depends_on = None

OPEN = "status IN ('PROPOSED', 'AGREED')"
RECOVERED = "annulled_at IS NULL AND entry IS NOT NULL"
FOUND = "annulled_at IS NULL AND entry IS NULL"


def upgrade() -> None:
    for table, most in (("instalment", "withheld < satang"), ("payment_run", "withheld < total")):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN withheld BIGINT NOT NULL DEFAULT 0"
            f" CONSTRAINT ck_{table}_withheld CHECK (withheld >= 0 AND {most})"
        )
    op.add_column("overpayment", sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
    # Of those that were annulled, or came back from the bank, the ledger holds the counter-entry already.
    op.execute("UPDATE overpayment SET released_at = annulled_at WHERE annulled_at IS NOT NULL")
    op.execute(
        "UPDATE overpayment SET released_at = found_at WHERE released_at IS NULL AND EXISTS"
        " (SELECT 1 FROM instalment i WHERE i.id = overpayment.instalment AND i.status = 'RETURNED')"
    )
    _plans()
    _entries()


def downgrade() -> None:
    op.drop_index("ix_underpayment_agency", table_name="underpayment")
    op.drop_index("uq_underpayment_cause", table_name="underpayment")
    op.drop_index("uq_underpayment_entry", table_name="underpayment")
    op.drop_table("underpayment")
    op.drop_index("ix_recovery_entry_instalment", table_name="recovery_entry")
    op.drop_index("uq_recovery_entry_payment", table_name="recovery_entry")
    op.drop_table("recovery_entry")
    op.drop_table("recovery_claim")
    op.drop_index("ix_recovery_plan_agency", table_name="recovery_plan")
    op.drop_index("uq_recovery_plan_open", table_name="recovery_plan")
    op.drop_table("recovery_plan")
    op.drop_column("overpayment", "released_at")
    for table in ("payment_run", "instalment"):
        op.drop_column(table, "withheld")


def _plans() -> None:
    op.create_table(
        "recovery_plan",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("from_children", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "satang > 0 AND parts BETWEEN 1 AND 120 AND parts <= satang", name=op.f("ck_recovery_plan_parts")
        ),
        sa.CheckConstraint("floor > 0", name=op.f("ck_recovery_plan_floor")),
        sa.CheckConstraint(
            "status IN ('PROPOSED', 'AGREED', 'DECLINED', 'ENDED')", name=op.f("ck_recovery_plan_status")
        ),
        sa.CheckConstraint(
            "status <> 'AGREED' OR answered_at IS NOT NULL", name=op.f("ck_recovery_plan_agreed_by_the_citizen")
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_recovery_plan")),
    )
    where = {"postgresql_where": sa.text(OPEN), "sqlite_where": sa.text(OPEN)}
    op.create_index("uq_recovery_plan_open", "recovery_plan", ["person", "agency"], unique=True, **where)
    op.create_index("ix_recovery_plan_agency", "recovery_plan", ["agency", "id"], unique=False)
    op.create_table(
        "recovery_claim",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("plan", sa.Uuid(), nullable=False),
        sa.Column("overpayment", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person", "plan"],
            ["recovery_plan.person", "recovery_plan.id"],
            name=op.f("fk_recovery_claim_person_plan_recovery_plan"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person", "overpayment"],
            ["overpayment.person", "overpayment.id"],
            name=op.f("fk_recovery_claim_person_overpayment_overpayment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person", "plan", "overpayment", name=op.f("pk_recovery_claim")),
    )


def _entries() -> None:
    op.create_table(
        "recovery_entry",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("overpayment", sa.Uuid(), nullable=False),
        sa.Column("plan", sa.Uuid(), nullable=True),
        sa.Column("instalment", sa.Uuid(), nullable=True),
        sa.Column("run", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("satang > 0", name=op.f("ck_recovery_entry_positive")),
        sa.CheckConstraint(
            "kind IN ('WITHHELD', 'GIVEN_BACK', 'PAID_BACK', 'WAIVED')", name=op.f("ck_recovery_entry_kind")
        ),
        sa.CheckConstraint(
            "(instalment IS NULL) = (kind IN ('PAID_BACK', 'WAIVED'))", name=op.f("ck_recovery_entry_of_a_payment")
        ),
        sa.ForeignKeyConstraint(
            ["person", "overpayment"],
            ["overpayment.person", "overpayment.id"],
            name=op.f("fk_recovery_entry_person_overpayment_overpayment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_recovery_entry")),
    )
    op.create_index(
        "uq_recovery_entry_payment", "recovery_entry", ["overpayment", "instalment", "run", "kind"], unique=True
    )
    op.create_index("ix_recovery_entry_instalment", "recovery_entry", ["instalment"], unique=False)
    op.create_table(
        "underpayment",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("instalment", sa.Uuid(), nullable=False),
        sa.Column("entry", sa.Uuid(), nullable=True),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=30), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("annulled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("satang > 0", name=op.f("ck_underpayment_positive")),
        sa.ForeignKeyConstraint(
            ["person", "instalment"],
            ["instalment.person", "instalment.id"],
            name=op.f("fk_underpayment_person_instalment_instalment"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_underpayment")),
    )
    for name, columns, where in (
        ("uq_underpayment_entry", ["entry"], RECOVERED),
        ("uq_underpayment_cause", ["instalment", "cause"], FOUND),
    ):
        op.create_index(
            name, "underpayment", columns, unique=True, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
        )
    op.create_index("ix_underpayment_agency", "underpayment", ["agency", "id"], unique=False)
