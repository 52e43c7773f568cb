"""Statements without a session: a transaction of several, and one that is a transaction by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import Connection, bindparam, event, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.ids import new_id
from core.models import IdempotencyRecord

_TABLE: Final = IdempotencyRecord.__table__  # type: ignore[attr-defined]
_ENTER: Final = insert(_TABLE)
_COUNT: Final = select(func.count()).select_from(_TABLE)
_RENAME: Final = update(_TABLE).where(_TABLE.c.key == bindparam("old")).values(key=bindparam("new"))


def row(key: str = "a-key-of-8", citizen: UUID | None = None) -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "citizen": citizen or new_id(),
        "client": "c",
        "field": "f",
        "key": key,
        "input_hash": b"h",
        "kept": {},
        "created_at": at,
    }


async def rows(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(_COUNT) or 0


async def test_a_transaction_that_ends_well_is_committed_and_answers(database: Database) -> None:
    def work(connection: Connection) -> str:
        connection.execute(_ENTER, row())
        connection.execute(_ENTER, row())
        return "done"

    assert await database.transaction(work) == "done"
    assert await rows(database) == 2


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(_ENTER, row())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.transaction(work)
    assert await rows(database) == 0


async def test_forty_transactions_at_once_all_get_through(database: Database) -> None:
    def work(connection: Connection) -> None:
        assert connection.execute(_COUNT).scalar_one() < 40
        connection.execute(_ENTER, row())

    await asyncio.gather(*(database.transaction(work) for _ in range(40)))
    assert await rows(database) == 40


async def test_a_transaction_that_is_given_up_leaves_nothing_and_holds_nobody_up(database: Database) -> None:
    begun = asyncio.Event()

    def work(connection: Connection) -> None:
        connection.execute(_ENTER, row())
        begun.set()
        connection.execute(_ENTER, row())
        raise AssertionError("it was given up before")

    task = asyncio.create_task(database.transaction(work))
    await begun.wait()
    task.cancel()
    with pytest.raises((asyncio.CancelledError, AssertionError)):
        await task
    assert await rows(database) == 0
    await database.alone(_ENTER, row(), writes=True)
    assert await rows(database) == 1


async def test_a_statement_alone_is_committed(database: Database) -> None:
    assert list(await database.alone(_ENTER, row(), writes=True)) == []
    assert await rows(database) == 1


async def test_a_statement_alone_answers_its_rows(database: Database) -> None:
    await database.alone(_ENTER, row("one-key"), writes=True)
    [(key,)] = await database.alone(_RENAME.returning(_TABLE.c.key), {"old": "one-key", "new": "other"}, writes=True)
    assert key == "other"
    assert [tuple(found) for found in await database.alone(_COUNT, {})] == [(1,)]


async def test_a_statement_alone_that_fails_leaves_nothing_and_the_connection_goes_on(database: Database) -> None:
    same = row(citizen=new_id())
    await database.alone(_ENTER, same, writes=True)
    for _ in range(30):  # more than there are connections
        with pytest.raises(IntegrityError):
            await database.alone(_ENTER, same, writes=True)
    assert await rows(database) == 1


async def test_forty_statements_alone_at_once_all_get_through(database: Database) -> None:
    await asyncio.gather(*(database.alone(_ENTER, row(), writes=True) for _ in range(40)))
    assert await rows(database) == 40


async def test_a_connection_that_served_a_statement_alone_serves_a_transaction_after_it(database: Database) -> None:
    await database.alone(_COUNT, {})
    async with database.read() as session:  # by the same connection: it was the only one
        await session.execute(_ENTER, row())
    assert await rows(database) == 0


async def test_a_statement_alone_is_all_that_is_said(database: Database) -> None:
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement.split(maxsplit=1)[0])

    await database.alone(_COUNT, {})
    event.listen(database.engine.sync_engine, "before_cursor_execute", listen)
    try:
        await database.alone(_COUNT, {})
        await database.alone(_ENTER, row(), writes=True)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", listen)
    assert said == ["SELECT", "INSERT"]


async def test_a_database_that_cannot_be_reached_is_a_typed_error() -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    for attempt in (nowhere.alone(_COUNT, {}), nowhere.transaction(lambda connection: connection.execute(_COUNT))):
        with pytest.raises(DatabaseUnavailable):
            await attempt
    await nowhere.close()
