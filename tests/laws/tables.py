"""All that the database holds, so that two moments can be compared."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from core.database import Database, load_models

KEPT_BY_THE_GATE: Final = frozenset({"access_record", "subject_key", "log_leaf", "log_tile", "log_head", "log_state"})
"""A look is logged whether or not what it was for succeeds: the gate has transactions of its own, in
which a person's first record makes the key that it is sealed under."""

CLAIMED: Final = frozenset({"issue_wish"})
"""What an idempotency key stands for at an agency is agreed before the agency is asked, in a transaction of its own: it
must outlive whatever follows, or another wish could reach the agency under the same key."""


async def contents(database: Database) -> dict[str, list[str]]:
    """Every row of every other table, by table."""
    async with database.read() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in await session.execute(select(table)))
            for table in load_models().sorted_tables
            if table.name not in KEPT_BY_THE_GATE
        }
