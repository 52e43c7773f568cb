"""What happened to officers and delegations, and where money was said to go, only grows either.

As migrations 0002 and 0003 did for the tables of their day: nobody changes, removes or replaces a row.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEYS = {
    "delegation_event": "person = NEW.person AND delegation = NEW.delegation AND id = NEW.id",
    "officer_act": "agency = NEW.agency AND id = NEW.id",
    "payout_destination": "person = NEW.person AND id = NEW.id",
}
"""What is unique in each table: SQLite's `INSERT OR REPLACE` asks no trigger for deletion."""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, key in KEYS.items():
        for statement in _sqlite(table, key) if sqlite else _postgresql(table):
            op.execute(statement)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in KEYS:
        for event in ("update", "delete", "replace") if sqlite else ("change", "truncate"):
            op.execute(f"DROP TRIGGER {table}_refuses_{event}" + ("" if sqlite else f" ON {table}"))


def _sqlite(table: str, key: str) -> list[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    there = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})"  # noqa: S608 - our own words
    return [
        f"CREATE TRIGGER {table}_refuses_update BEFORE UPDATE ON {table} {refusal}",
        f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} {refusal}",
        f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} {there} {refusal}",
    ]


def _postgresql(table: str) -> list[str]:
    """`refuse_change()` is of migration 0002."""
    refusal = "EXECUTE FUNCTION refuse_change()"
    return [
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refusal}",
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refusal}",
    ]
