"""All that the database holds, so that two moments can be compared."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError

from core.database import Database, load_models

KEPT_BY_THE_GATE: Final = frozenset({"access_record", "subject_key", "log_leaf", "log_tile", "log_head", "log_state"})
"""A look is logged whether or not what it was for succeeds: the gate has transactions of its own, in
which a person's first record makes the key that it is sealed under."""

COUNTED: Final = frozenset({"service_hour"})
"""How often and how fast agencies answered is counted of all that is asked, and written down from time to time."""

CLAIMED: Final = frozenset({"issue_wish", "credential_key"})
"""What an idempotency key stands for at an agency is agreed before the agency is asked, in a transaction of its own: it
must outlive whatever follows, or another wish could reach the agency under the same key."""

_BYTES: Final = re.compile(r"(?:X'|\\x)((?:[0-9A-Fa-f]{2})+)")
"""As SQLite and PostgreSQL write them."""


async def contents(database: Database) -> dict[str, list[str]]:
    """Every row of every other table, by table, in the database's own words and then its bytes, as a person would look
    for something in them. Asked for at once: the laws of mutations look at all of it some thousand times."""
    found: dict[str, list[str]] = {name: [] for name in _names()}
    async with database.read() as session:
        try:
            rows = (await session.execute(_everything(database.engine.dialect.name))).all()
        except DBAPIError as error:
            raise AssertionError(f"the tables cannot be read: {error.orig}") from None  # the statement is a page long
        for name, row in rows:
            found[name].append(row + "".join(repr(bytes.fromhex(one)) for one in _BYTES.findall(row)))
    return {name: sorted(rows) for name, rows in found.items()}


@cache
def _names() -> tuple[str, ...]:
    return tuple(table.name for table in load_models().sorted_tables if table.name not in KEPT_BY_THE_GATE | COUNTED)


@cache
def _everything(dialect: str) -> TextClause:
    """One statement: the name of a table and all values of a row, for all rows there are."""
    tables = load_models().tables
    parts = []
    for name in _names():
        row = "CAST(t AS text)"
        if dialect == "sqlite":
            row = " || ', ' || ".join(f'quote(t."{column.name}")' for column in tables[name].columns)
        parts.append(f"SELECT '{name}', {row} FROM \"{name}\" AS t")  # noqa: S608 - names of our own tables
    return text(" UNION ALL ".join(parts).replace(":", "\\:"))
