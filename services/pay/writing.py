"""Insertion that a concurrent twin cannot double: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel


async def insert_new(session: AsyncSession, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> int:
    """Inserts the rows that break no unique constraint of the table and answers how many those were.

    On PostgreSQL it waits for a concurrent transaction that is inserting the same key; its rows, once committed, stay.
    """
    if not rows:
        return 0
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    inserted = 0
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        chunk = [dict(row) for row in rows[start : start + _ROWS_A_STATEMENT]]
        key = table.__table__.primary_key.columns  # type: ignore[attr-defined] # SQLModel does not type it
        statement = dialect.insert(table).values(chunk).on_conflict_do_nothing().returning(*key)
        inserted += len((await session.execute(statement)).all())
    return inserted


_ROWS_A_STATEMENT = 500
"""Keeps the bound parameters below the limits of SQLite (32,766) and PostgreSQL (65,535) for up to 60 columns."""
