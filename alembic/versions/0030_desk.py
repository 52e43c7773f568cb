"""The officers' desk: in whose hands a case is, what was asked, noted, proposed and decided there.

A decision that pays names two officers, and they are two people: the table holds that for every hand. Notes only grow.

Revision ID: 0030
Revises: 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0031"
branch_labels = None
depends_on = None

_APPLICATION = ("person", "application"), ("application.person", "application.id")


def upgrade() -> None:
    _cases()
    _questions_and_notes()
    _decisions()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite() if sqlite else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    for table in ("desk_decision", "desk_note", "desk_question", "desk_case"):
        op.drop_table(table)


def _cases() -> None:
    op.create_table(
        "desk_case",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("application", sa.Uuid(), nullable=False),
        sa.Column("handler", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=False),
        _of_application("desk_case"),
        sa.PrimaryKeyConstraint("person", "application", name=op.f("pk_desk_case")),
    )
    op.create_index("ix_desk_case_handler", "desk_case", ["handler"], unique=False)


def _questions_and_notes() -> None:
    op.create_table(
        "desk_question",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application", sa.Uuid(), nullable=False),
        sa.Column("wanted", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("why_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("officer", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        _of_application("desk_question"),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_desk_question")),
    )
    op.create_index("ix_desk_question_application", "desk_question", ["application"], unique=False)
    op.create_table(
        "desk_note",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application", sa.Uuid(), nullable=False),
        sa.Column("officer", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        _of_application("desk_note"),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_desk_note")),
    )
    op.create_index("ix_desk_note_application", "desk_note", ["application"], unique=False)


def _decisions() -> None:
    op.create_table(
        "desk_decision",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("pays", sa.Boolean(), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("maker", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checker", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.String(length=20), nullable=True),
        sa.Column("decision", sa.Uuid(), nullable=True),
        sa.CheckConstraint("checker IS NULL OR checker <> maker", name=op.f("ck_desk_decision_maker_is_not_checker")),
        sa.CheckConstraint(
            "result IS NULL OR result <> 'DONE' OR outcome <> 'GRANTED' OR NOT pays OR checker IS NOT NULL",
            name=op.f("ck_desk_decision_two_where_it_pays"),
        ),
        _of_application("desk_decision"),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_desk_decision")),
    )
    op.create_index("ix_desk_decision_application", "desk_decision", ["application"], unique=False)
    is_open = sa.text("result IS NULL")
    op.create_index(
        "uq_desk_decision_open",
        "desk_decision",
        ["application"],
        unique=True,
        postgresql_where=is_open,
        sqlite_where=is_open,
    )


def _of_application(table: str) -> sa.ForeignKeyConstraint:
    own, others = _APPLICATION
    return sa.ForeignKeyConstraint(list(own), list(others), name=op.f(f"fk_{table}_person_application_application"))


def _sqlite() -> list[str]:
    refusal = "BEGIN SELECT RAISE(ABORT, 'desk_note is append-only'); END"
    there = "WHEN EXISTS (SELECT 1 FROM desk_note WHERE person = NEW.person AND id = NEW.id)"
    return [
        f"CREATE TRIGGER desk_note_refuses_update BEFORE UPDATE ON desk_note {refusal}",
        f"CREATE TRIGGER desk_note_refuses_delete BEFORE DELETE ON desk_note {refusal}",
        f"CREATE TRIGGER desk_note_refuses_replace BEFORE INSERT ON desk_note {there} {refusal}",
    ]


def _postgresql() -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER desk_note_refuses_change BEFORE UPDATE OR DELETE ON desk_note FOR EACH ROW {refusal}",
        f"CREATE TRIGGER desk_note_refuses_truncate BEFORE TRUNCATE ON desk_note FOR EACH STATEMENT {refusal}",
    ]
