"""SQLite's `INSERT OR REPLACE` deletes a row without its trigger for deletion; what only grows refuses that too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlmodel import SQLModel

from core.database import load_models

pytestmark = pytest.mark.sqlite_only

KEYS: dict[str, list[tuple[str, ...]]] = {
    "access_record": [("subject", "id")],
    "consent_receipt": [("person", "id"), ("person", "consent", "event")],
    "correction_event": [("person", "correction", "sequence")],
    "dispute_event": [("person", "dispute", "sequence")],
    "agreement_event": [("agreement", "id")],
    "application_event": [("person", "application", "sequence")],
    "decision": [("person", "id"), ("application", "sequence")],
    "decision_rule": [("id",)],
    "desk_note": [("person", "id")],
    "delegation_event": [("person", "delegation", "id")],
    "delivery_attempt": [("id",)],
    "graph_change": [("number",)],
    "juristic_event": [("juristic", "id")],
    "officer_act": [("agency", "id")],
    "officer_event": [("person", "id")],
    "payout_destination": [("person", "id")],
    "privacy_event": [("person", "id")],
    "service_event": [("agency", "slug", "id")],
    "service_report": [("agency", "slug", "id")],
    "log_head": [("size",)],
    "log_leaf": [("leaf_index",), ("record",)],
    "ledger_account": [("id",), ("agency", "code")],
    "ledger_transaction": [("id",), ("key",)],
    "ledger_period": [("agency", "month")],
    "ledger_posting": [("transaction_id", "line")],
}
CASES = [(table, key) for table, keys in KEYS.items() for key in keys]


class Rows:
    """Rows of any table, past the program, as a careless hand would write them."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        self._connection, self._table = connection, table
        self._columns = {row[1]: row[2].upper() for row in connection.execute(f"PRAGMA table_info({table})")}

    def write(self, how: str, number: int, /, **same: Any) -> None:
        row = {name: self._value(name, number) for name in self._columns} | same
        marks = ", ".join(f":{name}" for name in row)
        self._connection.execute(f"{how} INTO {self._table} ({', '.join(row)}) VALUES ({marks})", row)

    def of(self, number: int, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._value(name, number) for name in names}

    def all(self) -> list[Any]:
        return self._connection.execute(f"SELECT * FROM {self._table} ORDER BY 1, 2").fetchall()  # noqa: S608

    def _value(self, name: str, number: int) -> Any:
        if name == "method":
            return "BANK_ACCOUNT"  # one of those that the table's check knows
        if name == "line":
            return number
        return number if self._columns[name] in {"INTEGER", "BIGINT"} else f"{name} {number}"


def with_balanced_transaction(connection: sqlite3.Connection, number: int) -> None:
    """The postings that a head needs, so that only the replacing is wrong with it."""
    for line, satang in ((1, 5), (2, -5)):
        connection.execute(
            "INSERT OR IGNORE INTO ledger_posting VALUES (?, ?, ?, ?)",
            (f"id {number}", line, f"account {line}", satang),
        )


@pytest.mark.parametrize(("table", "key"), CASES, ids=str)
def test_what_only_grows_cannot_be_replaced(database_url: str, table: str, key: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        rows = Rows(connection, table)
        if table == "ledger_transaction":
            with_balanced_transaction(connection, 1)
        rows.write("INSERT", 1)
        if table == "ledger_posting":  # it is closed by its head
            connection.execute("INSERT INTO ledger_posting VALUES ('transaction_id 1', 2, 'account 2', -1)")
            connection.execute("INSERT INTO ledger_transaction VALUES ('transaction_id 1', 'key 1', '2026-11-16')")
        before = rows.all()
        if table == "ledger_transaction" and key == ("key",):
            with_balanced_transaction(connection, 2)
        with pytest.raises(sqlite3.IntegrityError, match=r"append-only|closed"):
            rows.write("INSERT OR REPLACE", 2, **rows.of(1, key))
        assert rows.all() == before


def test_every_table_that_says_so_is_guarded(database_url: str) -> None:
    """Its docstring is a promise, and the database keeps it; those of the ledger make theirs together."""
    load_models()
    promised = {
        mapper.class_.__tablename__
        for mapper in SQLModel._sa_registry.mappers
        if "Append-only" in (mapper.class_.__doc__ or "")
    }
    assert promised <= KEYS.keys()
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        guarded = connection.execute("SELECT tbl_name FROM sqlite_master WHERE name LIKE '%_refuses_update'")
        assert promised <= {name for (name,) in guarded}
