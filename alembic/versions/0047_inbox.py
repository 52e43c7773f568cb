"""Notices say what they are about; addresses that were left, devices that sign out, sessions begun by a passkey.

Revision ID: 0047
Revises: 0041
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0041"
branch_labels = None
depends_on = None

TOPICS = {
    "SECURITY": (
        *("contacts.%", "delegation.%", "notices.%", "passkeys.%", "sessions.%", "identity.id_corrected"),
        *("pay.destination-changed", "privacy.erasure_asked", "privacy.export_ready"),
    ),
    "OFFICE": ("apply.escalated", "identity.%"),
    "PAYMENTS": ("pay.%", "receive.%"),
    "ENTITLEMENTS": ("welfare.%",),
    "PRIVACY": ("corrections.%", "privacy.%"),
}
"""As they stood in the code until now, the narrow ones first; all else is of applications."""
UNREAD = "read_at IS NULL"


def upgrade() -> None:
    op.add_column("notice_outgoing", sa.Column("topic", sa.String(length=20), nullable=True))
    cases = " ".join(
        f"WHEN template LIKE '{pattern}' THEN '{topic}'" for topic, patterns in TOPICS.items() for pattern in patterns
    )
    op.execute(f"UPDATE notice_outgoing SET topic = CASE {cases} ELSE 'APPLICATIONS' END")  # noqa: S608 - only TOPICS
    with op.batch_alter_table("notice_outgoing") as table:
        table.alter_column("topic", existing_type=sa.String(length=20), nullable=False)
    op.add_column("notice_channel", sa.Column("family", sa.Uuid(), nullable=True))
    op.add_column("notice_channel", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_notice_channel_family"), "notice_channel", ["family"])
    op.add_column("sign_in_session", sa.Column("passkey", sa.Uuid(), nullable=True))
    op.create_index("ix_sign_in_session_passkey", "sign_in_session", ["passkey"])
    where = sa.text(UNREAD)
    op.create_index("ix_message_unread", "message", ["person"], postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    op.drop_index("ix_message_unread", table_name="message")
    op.drop_index("ix_sign_in_session_passkey", table_name="sign_in_session")
    op.drop_column("sign_in_session", "passkey")
    op.drop_index(op.f("ix_notice_channel_family"), table_name="notice_channel")
    op.drop_column("notice_channel", "left_at")
    op.drop_column("notice_channel", "family")
    op.drop_column("notice_outgoing", "topic")
