"""On SQLite, what only grows cannot be replaced either.

`INSERT OR REPLACE` deletes the row that is in the way without its trigger for deletion, so that migration 0002 alone
let anyone with the file write a decision or an entry of the access log anew. PostgreSQL has no such statement.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEYS = {
    "access_entry": ("subject = NEW.subject AND id = NEW.id",),
    "access_outcome": ("subject = NEW.subject AND entry = NEW.entry AND id = NEW.id",),
    "application_event": ("person = NEW.person AND application = NEW.application AND sequence = NEW.sequence",),
    "decision": ("person = NEW.person AND id = NEW.id", "application = NEW.application AND sequence = NEW.sequence"),
    "officer_event": ("person = NEW.person AND id = NEW.id",),
    "ledger_transaction": ("id = NEW.id", "key = NEW.key"),
}
"""What is unique in each table. A posting is guarded by its transaction's head (migration 0002)."""

# The accounts are opened by each booking that needs them, as they are there already or not at all.
ANOTHER_ACCOUNT = (
    "(id = NEW.id OR (agency = NEW.agency AND code = NEW.code))"
    " AND NOT (id = NEW.id AND agency = NEW.agency AND code = NEW.code AND kind = NEW.kind)"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table, keys in KEYS.items():
            _refuse(table, *keys)
        _refuse("ledger_account", ANOTHER_ACCOUNT)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in (*KEYS, "ledger_account"):
            op.execute(f"DROP TRIGGER {table}_refuses_replace")


def _refuse(table: str, *keys: str) -> None:
    when = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)  # noqa: S608 - our own words
    op.execute(
        f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN {when}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )
