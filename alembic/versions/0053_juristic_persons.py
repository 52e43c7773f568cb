"""Juristic persons, who directs them, who acts for them, and what happened.

Revision ID: 0053
Revises: 0054
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0053"
down_revision = "0054"
branch_labels = None
depends_on = None

EVENT = "juristic_event"
KEY = "juristic = NEW.juristic AND id = NEW.id"
HOLDS = sa.text("approved_at IS NOT NULL AND ended_at IS NULL")


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("client", sa.Column("juristic", sa.Uuid(), nullable=True))
    op.create_table(
        "juristic_person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=13), nullable=False),
        sa.Column("title_th", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        _instant("updated_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_juristic_person")),
        sa.UniqueConstraint("agency", "number", name=op.f("uq_juristic_person_agency_number")),
    )
    op.create_table(
        "juristic_director",
        sa.Column("juristic", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        _instant("since"),
        _instant("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("juristic", "person", name=op.f("pk_juristic_director")),
    )
    op.create_index("ix_juristic_director_person", "juristic_director", ["person"], unique=False)
    _appointments()
    _events()


def downgrade() -> None:
    op.drop_table(EVENT)  # its triggers go with it
    op.drop_table("juristic_officer")
    op.drop_table("juristic_director")
    op.drop_table("juristic_person")
    op.drop_column("client", "juristic")


def _appointments() -> None:
    op.create_table(
        "juristic_officer",
        sa.Column("juristic", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("powers", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        _instant("proposed_at"),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        _instant("approved_at", nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        _instant("ended_at", nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by", name=op.f("ck_juristic_officer_two_directors")
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> person", name=op.f("ck_juristic_officer_not_by_oneself")
        ),
        sa.CheckConstraint("starts_on < ends_on", name=op.f("ck_juristic_officer_lasts")),
        sa.PrimaryKeyConstraint("juristic", "id", name=op.f("pk_juristic_officer")),
    )
    op.create_index("ix_juristic_officer_person", "juristic_officer", ["person"], unique=False)
    op.create_index(
        "uq_juristic_officer_holds",
        "juristic_officer",
        ["juristic", "person"],
        unique=True,
        postgresql_where=HOLDS,
        sqlite_where=HOLDS,
    )


def _events() -> None:
    op.create_table(
        EVENT,
        sa.Column("juristic", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("appointment", sa.Uuid(), nullable=True),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("by_officer_of", sa.String(), nullable=True),
        sa.Column("client", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        _instant("at"),
        sa.PrimaryKeyConstraint("juristic", "id", name=op.f("pk_juristic_event")),
    )
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(statement)


def _sqlite() -> list[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{EVENT} is append-only'); END"
    there = f"WHEN EXISTS (SELECT 1 FROM {EVENT} WHERE {KEY})"  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER {EVENT}_refuses_update BEFORE UPDATE ON {EVENT} {refusal}",
        f"CREATE TRIGGER {EVENT}_refuses_delete BEFORE DELETE ON {EVENT} {refusal}",
        f"CREATE TRIGGER {EVENT}_refuses_replace BEFORE INSERT ON {EVENT} {there} {refusal}",
    ]


def _postgresql() -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER {EVENT}_refuses_change BEFORE UPDATE OR DELETE ON {EVENT} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {EVENT}_refuses_truncate BEFORE TRUNCATE ON {EVENT} FOR EACH STATEMENT {refusal}",
    ]
