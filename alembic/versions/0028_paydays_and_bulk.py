"""Paydays of many files; and a ledger that checks a statement's rows together instead of one by one.

A run is one file of bounded size. A payday too large for one is several runs, which two officers plan and approve as one.

On PostgreSQL the ledger's proofs move from a trigger for each row to one for each statement, which costs a quarter:

* the postings of a transaction come in one statement, numbered from 1, and sum to zero; the primary key then refuses any
  that come later;
* a head needs its postings, and each statement leaves a note of how many transactions it began or headed, which a
  deferred trigger adds up when the commit comes: a posting whose head never came fails there, as it did before;
* the two foreign keys would ask once for each row what these have asked, so they are dropped, or, from PostgreSQL 18 on,
  kept as NOT ENFORCED for whoever reads the schema. What they point to can neither be changed nor removed (migration 0002).

SQLite keeps its triggers of migration 0002: there they are cheap.

Revision ID: 0028
Revises: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0029"
branch_labels = None
depends_on = None

FOREIGN_KEYS = {
    "fk_ledger_posting_transaction_id_ledger_transaction": (
        "FOREIGN KEY (transaction_id) REFERENCES ledger_transaction (id) DEFERRABLE INITIALLY DEFERRED"
    ),
    "fk_ledger_posting_account_ledger_account": "FOREIGN KEY (account) REFERENCES ledger_account (id)",
}
OLD_TRIGGERS = {
    "ledger_transaction_must_balance": "ledger_transaction",
    "ledger_transaction_is_closed": "ledger_posting",
}

POSTINGS_ARRIVE = """
CREATE FUNCTION ledger_postings_arrive() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    begun bigint;
    late bigint;
    wrong bigint;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE least <> 1 OR most <> lines),
           count(*) FILTER (WHERE lines < 2 OR total <> 0)
      INTO begun, late, wrong
      FROM (SELECT count(*) AS lines, min(line) AS least, max(line) AS most, sum(satang) AS total
              FROM arrived GROUP BY transaction_id) AS of_transaction;
    IF begun = 0 THEN
        RETURN NULL;
    END IF;
    IF late > 0 THEN
        RAISE EXCEPTION 'this ledger transaction is closed' USING ERRCODE = 'check_violation';
    END IF;
    IF wrong > 0 THEN
        RAISE EXCEPTION 'a ledger transaction must balance' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM (SELECT DISTINCT account FROM arrived) AS named
                WHERE NOT EXISTS (SELECT FROM ledger_account WHERE id = named.account)) THEN
        RAISE EXCEPTION 'foreign key: there is no such account' USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO ledger_unfinished (id, xid, transactions)
    VALUES (gen_random_uuid(), pg_current_xact_id()::text::bigint, begun);
    RETURN NULL;
END $$
"""
# The plan is told what to be: one made for the first few rows of a session would read the whole table for the next million.
HEADS_ARRIVE = """
CREATE FUNCTION ledger_heads_arrive() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    headed bigint;
    posted bigint;
BEGIN
    SELECT count(*), count(p.line) INTO headed, posted
      FROM arrived AS head LEFT JOIN ledger_posting AS p ON p.transaction_id = head.id AND p.line = 1;
    IF headed = 0 THEN
        RETURN NULL;
    END IF;
    IF posted < headed THEN
        RAISE EXCEPTION 'a ledger transaction must balance' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger_unfinished (id, xid, transactions)
    VALUES (gen_random_uuid(), pg_current_xact_id()::text::bigint, -headed);
    RETURN NULL;
END $$
"""
FINISHED = """
CREATE FUNCTION ledger_is_finished() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unfinished bigint;
BEGIN
    WITH noted AS (DELETE FROM ledger_unfinished WHERE xid = pg_current_xact_id()::text::bigint RETURNING transactions)
    SELECT coalesce(sum(transactions), 0) INTO unfinished FROM noted;
    IF unfinished <> 0 THEN
        RAISE EXCEPTION 'foreign key: a posting has no ledger transaction' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$
"""
TRIGGERS = (
    """
    CREATE TRIGGER ledger_postings_arrive AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_postings_arrive()
    """,
    """
    CREATE TRIGGER ledger_heads_arrive AFTER INSERT ON ledger_transaction REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_heads_arrive()
    """,
    """
    CREATE CONSTRAINT TRIGGER ledger_is_finished AFTER INSERT ON ledger_unfinished DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_is_finished()
    """,
    # Notes are written by the ledger's own triggers; a hand that wrote one could hide what is missing.
    """
    CREATE TRIGGER ledger_unfinished_refuses_change BEFORE INSERT OR UPDATE OR DELETE ON ledger_unfinished
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    _paydays()
    op.create_table(
        "ledger_unfinished",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("transactions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_unfinished")),
    )
    op.create_index("ix_ledger_unfinished_xid", "ledger_unfinished", ["xid"], unique=False)
    if op.get_bind().dialect.name != "postgresql":
        return
    for trigger, table in OLD_TRIGGERS.items():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION {trigger}()")
    (version,) = op.get_bind().exec_driver_sql("SHOW server_version_num").one()
    for name in FOREIGN_KEYS:
        change = f"ALTER CONSTRAINT {name} NOT ENFORCED" if int(version) >= NOT_ENFORCED else f"DROP CONSTRAINT {name}"
        op.execute(f"ALTER TABLE ledger_posting {change}")
    for statement in (POSTINGS_ARRIVE, HEADS_ARRIVE, FINISHED, *TRIGGERS):
        op.execute(statement)


NOT_ENFORCED = 180_000
"""The version of PostgreSQL that has foreign keys of that kind."""
PLANNED = sa.text("status = 'PLANNED'")


def _paydays() -> None:
    op.create_table(
        "payday",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(length=100), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payday")),
    )
    op.add_column("payment_run", sa.Column("payday", sa.Uuid(), nullable=True))
    op.add_column("payment_run", sa.Column("part", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("payment_run", sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("uq_payment_run_planned", table_name="payment_run")
    _planned("uq_payment_run_planned", ["agency", "period", "part"])
    op.create_index("ix_payment_run_payday", "payment_run", ["payday", "part"], unique=False)


def _planned(name: str, columns: list[str]) -> None:
    op.create_index(name, "payment_run", columns, unique=True, postgresql_where=PLANNED, sqlite_where=PLANNED)


def downgrade() -> None:
    """Refused by the database while a payday of several files is only planned."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER ledger_postings_arrive ON ledger_posting")
        op.execute("DROP TRIGGER ledger_heads_arrive ON ledger_transaction")
    op.drop_index("ix_ledger_unfinished_xid", table_name="ledger_unfinished")
    op.drop_table("ledger_unfinished")
    if op.get_bind().dialect.name == "postgresql":
        for function in ("ledger_postings_arrive", "ledger_heads_arrive", "ledger_is_finished"):
            op.execute(f"DROP FUNCTION {function}()")
        for name, key in FOREIGN_KEYS.items():
            op.execute(f"ALTER TABLE ledger_posting DROP CONSTRAINT IF EXISTS {name}")
            op.execute(f"ALTER TABLE ledger_posting ADD CONSTRAINT {name} {key}")
        for statement in OLD:
            op.execute(statement)
    op.drop_index("ix_payment_run_payday", table_name="payment_run")
    op.drop_index("uq_payment_run_planned", table_name="payment_run")
    for column in ("payday", "part", "claimed_at"):
        op.drop_column("payment_run", column)
    _planned("uq_payment_run_planned", ["agency", "period"])
    op.drop_table("payday")


OLD = (
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
