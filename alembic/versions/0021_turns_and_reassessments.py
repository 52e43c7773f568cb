"""Turns that are timed, grants that are looked at again, months that are held, what was paid too much.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ACTIVE_BEFORE = "status IN ('APPEALED', 'APPROVED', 'NEEDS_INFORMATION', 'SUBMITTED')"
_ACTIVE = "status IN ('APPEALED', 'APPROVED', 'NEEDS_INFORMATION', 'SUBMITTED', 'UNDER_REVIEW')"
_TIMED = "status IN ('APPEALED', 'NEEDS_INFORMATION', 'SUBMITTED', 'UNDER_REVIEW')"
_GRANTED = "status IN ('APPROVED', 'UNDER_REVIEW')"
_INDEXES = {
    "ix_application_due_on": ("due_on", _TIMED),
    "ix_application_changes_on": ("changes_on", _GRANTED),
    "ix_application_watched_on": ("watched_on", _ACTIVE),
}
_DAYS = ("due_on", "reopen_until", "changes_on", "review_since", "watched_on")


def upgrade() -> None:
    op.add_column("application", sa.Column("turn_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("application", sa.Column("agency_days", sa.Integer(), server_default="0", nullable=False))
    op.add_column("application", sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("application", sa.Column("law_from", sa.String(length=40), nullable=True))
    for name in _DAYS:
        op.add_column("application", sa.Column(name, sa.Date(), nullable=True))
    op.add_column("application_event", sa.Column("officer", sa.Uuid(), nullable=True))
    op.add_column("application_event", sa.Column("cause", sa.String(length=30), nullable=True))
    _one_active(_ACTIVE)
    for name, (column, where) in _INDEXES.items():
        _index(name, "application", [column], where)
    _reassessments()
    _held_months()
    _overpayments()


def downgrade() -> None:
    op.drop_table("overpayment")
    op.drop_table("held_month")
    op.drop_table("reassessment")
    for name in _INDEXES:
        op.drop_index(name, table_name="application")
    _one_active(_ACTIVE_BEFORE)
    op.drop_column("application_event", "cause")
    op.drop_column("application_event", "officer")
    for name in ("turn_since", "agency_days", "overdue_at", "law_from", *_DAYS):
        op.drop_column("application", name)


def _reassessments() -> None:
    op.create_table(
        "reassessment",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.String(length=30), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("officer", sa.Uuid(), nullable=True),
        sa.Column("owed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["person", "application"],
            ["application.person", "application.id"],
            name=op.f("fk_reassessment_person_application_application"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_reassessment")),
    )
    op.create_index("uq_reassessment_cause", "reassessment", ["application", "cause", "reference"], unique=True)
    _index("ix_reassessment_due_at", "reassessment", ["due_at"], "done_at IS NULL")


def _held_months() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "held_month",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("award", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("needs", json, nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person", "award"], ["award.person", "award.id"], name=op.f("fk_held_month_person_award_award")
        ),
        sa.PrimaryKeyConstraint("person", "award", "period", name=op.f("pk_held_month")),
    )
    _index("ix_held_month_open", "held_month", ["award"], "released_at IS NULL")


def _overpayments() -> None:
    op.create_table(
        "overpayment",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("instalment", sa.Uuid(), nullable=False),
        sa.Column("award", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("satang", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=30), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("annulled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("satang > 0 AND satang <= paid", name=op.f("ck_overpayment_no_more_than_was_paid")),
        sa.ForeignKeyConstraint(
            ["person", "instalment"],
            ["instalment.person", "instalment.id"],
            name=op.f("fk_overpayment_person_instalment_instalment"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_overpayment")),
    )
    op.create_index("ix_overpayment_agency", "overpayment", ["agency", "id"])
    _index("uq_overpayment_standing", "overpayment", ["instalment"], "annulled_at IS NULL", unique=True)


def _one_active(where: str) -> None:
    op.drop_index("uq_application_active", table_name="application")
    _index("uq_application_active", "application", ["unit_key", "subject"], where, unique=True)


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
