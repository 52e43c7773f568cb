"""Shares of documents with one verifier, and checks that juristic persons ask for.

Revision ID: 0061
Revises: 0056
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "share",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=120), nullable=False),
        sa.Column("assurance", sa.String(length=4), nullable=False),
        sa.Column("document", sa.Uuid(), nullable=True),
        sa.Column("list", sa.Integer(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("about_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("openings_max", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("opened >= 0 AND opened <= openings_max", name=op.f("ck_share_counted")),
        sa.ForeignKeyConstraint(
            ["agency", "list"],
            ["status_list.agency", "status_list.number"],
            name=op.f("fk_share_agency_status_list"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_share")),
        sa.UniqueConstraint("code", name=op.f("uq_share_code")),
    )
    op.create_index("ix_share_expires_at", "share", ["expires_at"], unique=False)
    op.create_table(
        "share_opening",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("share", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person", "share"],
            ["share.person", "share.id"],
            name=op.f("fk_share_opening_person_share"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_share_opening")),
    )
    op.create_index("ix_share_opening_share", "share_opening", ["person", "share"], unique=False)
    _checks()


def _checks() -> None:
    op.create_table(
        "check_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("juristic", sa.Uuid(), nullable=False),
        sa.Column("appointment", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=13), nullable=False),
        sa.Column("title_th", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("purpose_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("people_asked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_request")),
        sa.UniqueConstraint("juristic", "reference", name=op.f("uq_check_request_juristic_reference")),
    )
    op.create_index("ix_check_request_until", "check_request", ["until"], unique=False)
    op.create_index(
        "ix_check_request_new",
        "check_request",
        ["id"],
        unique=False,
        postgresql_where=sa.text("NOT people_asked"),
        sqlite_where=sa.text("NOT people_asked"),
    )
    op.create_index("ix_check_request_day", "check_request", ["juristic", "asked_at"], unique=False)
    op.create_table(
        "check_line",
        sa.Column("request", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("claim_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"], ["check_request.id"], name=op.f("fk_check_line_request_check_request"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("request", "line", name=op.f("pk_check_line")),
    )
    op.create_table(
        "check_asked",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("receipts_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request", "line"],
            ["check_line.request", "check_line.line"],
            name=op.f("fk_check_asked_request_check_line"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_check_asked")),
        sa.UniqueConstraint("request", "line", name=op.f("uq_check_asked_request_line")),
    )
    op.create_index("ix_check_asked_id", "check_asked", ["id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_check_asked_id", table_name="check_asked")
    op.drop_table("check_asked")
    op.drop_table("check_line")
    op.drop_index("ix_check_request_day", table_name="check_request")
    op.drop_index("ix_check_request_new", table_name="check_request")
    op.drop_index("ix_check_request_until", table_name="check_request")
    op.drop_table("check_request")
    op.drop_index("ix_share_opening_share", table_name="share_opening")
    op.drop_table("share_opening")
    op.drop_index("ix_share_expires_at", table_name="share")
    op.drop_table("share")
