"""Credentials for wallets: keys of issuers, status lists, offers, and which wallets have which.

Revision ID: 0052
Revises: 0053
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0052"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credential_key",
        sa.Column("id", sa.String(length=43), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("public_jwk", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_key")),
    )
    op.create_index(
        "uq_credential_key_current",
        "credential_key",
        ["agency"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "status_list",
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("given >= 0 AND given <= places", name=op.f("ck_status_list_within")),
        sa.PrimaryKeyConstraint("agency", "number", name=op.f("pk_status_list")),
    )
    op.create_table(
        "credential_status",
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("list", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN (1, 2)", name=op.f("ck_credential_status_not_valid")),
        sa.ForeignKeyConstraint(
            ["agency", "list"],
            ["status_list.agency", "status_list.number"],
            name=op.f("fk_credential_status_agency_status_list"),
        ),
        sa.PrimaryKeyConstraint("agency", "list", "place", name=op.f("pk_credential_status")),
    )
    _people()


def _people() -> None:
    op.create_table(
        "credential_offer",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("configuration", sa.String(length=120), nullable=False),
        sa.Column("assurance", sa.String(length=4), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.Column("transaction_code", sa.LargeBinary(), nullable=False),
        sa.Column("secrets_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_credential_offer")),
        sa.UniqueConstraint("reference", name=op.f("uq_credential_offer_reference")),
        sa.UniqueConstraint("code", name=op.f("uq_credential_offer_code")),
        sa.UniqueConstraint("token", name=op.f("uq_credential_offer_token")),
    )
    op.create_index("ix_credential_offer_expires_at", "credential_offer", ["expires_at"], unique=False)
    op.create_table(
        "wallet_credential",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("configuration", sa.String(length=120), nullable=False),
        sa.Column("list", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "list"],
            ["status_list.agency", "status_list.number"],
            name=op.f("fk_wallet_credential_agency_status_list"),
        ),
        sa.PrimaryKeyConstraint("person", "id", name=op.f("pk_wallet_credential")),
        sa.UniqueConstraint("agency", "list", "place", name=op.f("uq_wallet_credential_agency_list_place")),
    )
    op.create_index("ix_wallet_credential_offer", "wallet_credential", ["person", "offer"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_wallet_credential_offer", table_name="wallet_credential")
    op.drop_table("wallet_credential")
    op.drop_index("ix_credential_offer_expires_at", table_name="credential_offer")
    op.drop_table("credential_offer")
    op.drop_table("credential_status")
    op.drop_table("status_list")
    op.drop_index("uq_credential_key_current", table_name="credential_key")
    op.drop_table("credential_key")
