"""What is booked whole in one statement leaves no notes, and the ledger's proofs have plans that do not depend on when
they were made.

On PostgreSQL, migration 0028 left a note of each statement's postings and one of its heads, for a deferred trigger to
add up. A statement that brings both, as single payments do, wrote two rows and removed them again: 7 records of the log
and an index to clean, whatever it booked. Now

* of a pair of postings and head that one statement brought (their `cmin` is the same: a statement's commands bear one
  number, and no other statement of its transaction bears it) neither half is noted;
* a statement brings the heads of all of its postings or of none: one that brings some is refused at once.

The proofs looked each row up by joins, which a session planned once: one that did so while the tables were all but empty
read all of a table for every statement until they were next analysed. Each row is now looked up by a subquery of its
own (OFFSET 0 keeps it from being made a join), which has no other plan than the index.

Revision ID: 0056
Revises: 0057
"""

from __future__ import annotations

from alembic import op

revision = "0056"
down_revision = "0057"
branch_labels = None
depends_on = None

POSTINGS_ARRIVE = """
CREATE OR REPLACE FUNCTION ledger_postings_arrive() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    begun bigint;
    late bigint;
    wrong bigint;
    strange bigint;
    with_heads boolean;
BEGIN
    WITH one AS (
        SELECT transaction_id AS id FROM arrived LIMIT 1
    ), named AS (
        SELECT DISTINCT account FROM arrived
    )
    SELECT count(*), count(*) FILTER (WHERE least <> 1 OR most <> lines),
           count(*) FILTER (WHERE lines < 2 OR total <> 0),
           (SELECT count(*) FROM named
             WHERE (SELECT a.id FROM ledger_account AS a WHERE a.id = named.account) IS NULL),
           (SELECT (SELECT head.cmin FROM ledger_transaction AS head WHERE head.id = one.id)
                 = (SELECT p.cmin FROM ledger_posting AS p WHERE p.transaction_id = one.id AND p.line = 1) FROM one)
      INTO begun, late, wrong, strange, with_heads
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
    IF strange > 0 THEN
        RAISE EXCEPTION 'foreign key: there is no such account' USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF NOT coalesce(with_heads, false) THEN
        INSERT INTO ledger_unfinished (id, xid, transactions)
        VALUES (gen_random_uuid(), pg_current_xact_id()::text::bigint, begun);
    ELSIF EXISTS (
        SELECT FROM arrived AS p LEFT JOIN LATERAL (
            SELECT t.id FROM ledger_transaction AS t WHERE t.id = p.transaction_id OFFSET 0
        ) AS head ON true WHERE p.line = 1 AND head.id IS NULL
    ) THEN
        RAISE EXCEPTION 'foreign key: a posting has no ledger transaction' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$
"""
HEADS_ARRIVE = """
CREATE OR REPLACE FUNCTION ledger_heads_arrive() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    headed bigint;
    posted bigint;
    before bigint;
BEGIN
    SELECT count(*), count(began), count(*) FILTER (
               WHERE NOT began = (SELECT cmin FROM ledger_transaction WHERE id = (SELECT id FROM arrived LIMIT 1)))
      INTO headed, posted, before
      FROM arrived AS head LEFT JOIN LATERAL (
          SELECT p.cmin AS began FROM ledger_posting AS p WHERE p.transaction_id = head.id AND p.line = 1 OFFSET 0
      ) AS posting ON true;
    IF posted < headed THEN
        RAISE EXCEPTION 'a ledger transaction must balance' USING ERRCODE = 'check_violation';
    END IF;
    IF before > 0 THEN
        INSERT INTO ledger_unfinished (id, xid, transactions)
        VALUES (gen_random_uuid(), pg_current_xact_id()::text::bigint, -before);
    END IF;
    RETURN NULL;
END $$
"""
FINISHED = """
CREATE OR REPLACE FUNCTION ledger_is_finished() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
PERIOD_IS_OPEN = """
CREATE OR REPLACE FUNCTION ledger_period_is_open() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_period
        WHERE month >= (SELECT date_trunc('month', min(booked_at) AT TIME ZONE 'Asia/Bangkok')::date FROM arrived)
    ) AND EXISTS (
        SELECT FROM arrived AS head, LATERAL (
            SELECT (SELECT a.agency FROM ledger_account AS a WHERE a.id = p.account) AS agency
              FROM ledger_posting AS p WHERE p.transaction_id = head.id OFFSET 0
        ) AS line, LATERAL (
            SELECT FROM ledger_period AS c
             WHERE c.agency = line.agency
               AND c.month >= date_trunc('month', head.booked_at AT TIME ZONE 'Asia/Bangkok')::date LIMIT 1
        ) AS closed
    ) THEN
        RAISE EXCEPTION 'this month of the ledger is closed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for function in (POSTINGS_ARRIVE, HEADS_ARRIVE, FINISHED, PERIOD_IS_OPEN):
            op.execute(function)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for function in OLD:
            op.execute(function)


OLD = (
    """
    CREATE OR REPLACE FUNCTION ledger_postings_arrive() RETURNS trigger LANGUAGE plpgsql AS $$
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
    """,
    """
    CREATE OR REPLACE FUNCTION ledger_heads_arrive() RETURNS trigger LANGUAGE plpgsql
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
    """,
    FINISHED.replace("\nSET enable_seqscan = off SET enable_bitmapscan = off", ""),
    """
    CREATE OR REPLACE FUNCTION ledger_period_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM ledger_period
            WHERE month >= (SELECT date_trunc('month', min(booked_at) AT TIME ZONE 'Asia/Bangkok')::date FROM arrived)
        ) AND EXISTS (
            SELECT FROM arrived t
            JOIN ledger_posting p ON p.transaction_id = t.id
            JOIN ledger_account a ON a.id = p.account
            JOIN ledger_period c ON c.agency = a.agency
            WHERE c.month >= date_trunc('month', t.booked_at AT TIME ZONE 'Asia/Bangkok')::date
        ) THEN
            RAISE EXCEPTION 'this month of the ledger is closed' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
)
