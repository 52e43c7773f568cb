"""Tables that only grow, and a ledger that always balances.

Written by hand. The application never changes a row of these tables; the triggers make it so for every other hand too.
Whoever must erase by law drops the trigger in a migration that says why.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "access_entry",
    "access_outcome",
    "application_event",
    "decision",
    "officer_event",
    "ledger_account",
    "ledger_transaction",
    "ledger_posting",
)

# Postings come first and the head last, so the head's trigger sees all of them; afterwards nobody can add one. A
# posting whose head never comes fails at the commit, by its deferred foreign key.
POSTGRESQL = (
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION ledger_transaction_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) < 2 OR sum(satang) <> 0 FROM ledger_posting WHERE transaction_id = NEW.id) THEN
            RAISE EXCEPTION 'a ledger transaction must balance' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION ledger_transaction_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM ledger_transaction WHERE id = NEW.transaction_id) THEN
            RAISE EXCEPTION 'this ledger transaction is closed' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ledger_transaction_must_balance AFTER INSERT ON ledger_transaction
    FOR EACH ROW EXECUTE FUNCTION ledger_transaction_must_balance()
    """,
    """
    CREATE TRIGGER ledger_transaction_is_closed AFTER INSERT ON ledger_posting
    FOR EACH ROW EXECUTE FUNCTION ledger_transaction_is_closed()
    """,
)
SQLITE = (
    """
    CREATE TRIGGER ledger_transaction_must_balance AFTER INSERT ON ledger_transaction
    WHEN (SELECT count(*) < 2 OR sum(satang) <> 0 FROM ledger_posting WHERE transaction_id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a ledger transaction must balance'); END
    """,
    """
    CREATE TRIGGER ledger_transaction_is_closed AFTER INSERT ON ledger_posting
    WHEN EXISTS (SELECT 1 FROM ledger_transaction WHERE id = NEW.transaction_id)
    BEGIN SELECT RAISE(ABORT, 'this ledger transaction is closed'); END
    """,
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if sqlite else POSTGRESQL:
        op.execute(statement)
    for table in APPEND_ONLY:
        for statement in guards(table, sqlite=sqlite):
            op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for event in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_refuses_{event}")
        op.execute("DROP TRIGGER ledger_transaction_must_balance")
        op.execute("DROP TRIGGER ledger_transaction_is_closed")
        return
    for function in ("refuse_change", "ledger_transaction_must_balance", "ledger_transaction_is_closed"):
        op.execute(f"DROP FUNCTION {function} CASCADE")


def guards(table: str, *, sqlite: bool) -> list[str]:
    if sqlite:
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        return [
            f"CREATE TRIGGER {table}_refuses_{event.lower()} BEFORE {event} ON {table} {refusal}"
            for event in ("UPDATE", "DELETE")
        ]
    each = {"change": ("UPDATE OR DELETE", "ROW"), "truncate": ("TRUNCATE", "STATEMENT")}
    return [
        f"CREATE TRIGGER {table}_refuses_{name} BEFORE {event} ON {table} FOR EACH {scope} EXECUTE FUNCTION refuse_change()"
        for name, (event, scope) in each.items()
    ]
