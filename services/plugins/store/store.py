"""A plugin's own tables on SQLite and on PostgreSQL, out of whose reach everything else is.

On SQLite they are a file of their own, and the connection may neither attach another nor change its settings: SQLite
asks an authorizer about each step of each statement. On PostgreSQL they are a schema of their own in our database,
which the plugin enters as a role of its own, by a password of its own: the role owns what it makes there and may look
at nothing of ours. Either way the connections are a few of its own.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import TextClause, event, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from core.text import Text
from services.plugins.contract.store import Plain
from services.plugins.store.migrations import Migration
from services.plugins.store.statements import READING, check

PLACES: Final = 4
"""Transactions at once in one process."""
READERS: Final = 4
"""On SQLite, beside them: whoever writes there waits for the one writer, and readers need not."""
ROWS_MAX: Final = 10_000
LEDGER: Final = "store_migration"
_LEDGER: Final = (
    f"CREATE TABLE IF NOT EXISTS {LEDGER} "
    "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL)"
)
_AT_WORK: Final = frozenset(
    {
        *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE),
        *(sqlite3.SQLITE_DELETE, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION),
        sqlite3.SQLITE_SAVEPOINT,
    }
)
_NEVER: Final = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA})
"""In a migration, which may do all the rest."""


class StoreUnusable(SitthiError):
    """A plugin's tables are not those of its migrations: one was changed after it ran, or this code is older."""

    code = "STORE_UNUSABLE"
    text = Text(
        th="ตารางของบริการ {plugin} ไม่ตรงกับไฟล์ store/ ของบริการ", en="The tables of {plugin} are not those of its store/."
    )


class Reading:
    """See :class:`services.plugins.contract.store.StoreReading`. Each statement is a transaction by itself, which has
    neither BEGIN nor COMMIT: they cost as much as the statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, sql: str, values: Mapping[str, Plain] | None = None) -> list[dict[str, Any]]:
        given = check(sql, values, READING)
        rows = await self._database.alone(_statement(sql), given)
        return _bounded([dict(row._mapping) for row in rows])  # noqa: SLF001 - SQLAlchemy's public name for it


class Transaction:
    """See :class:`services.plugins.contract.store.StoreTransaction`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def execute(self, sql: str, values: Mapping[str, Plain] | None = None) -> int:
        result = await self._session.execute(_statement(sql), check(sql, values))
        return max(int(result.rowcount), 0)  # type: ignore[attr-defined]  # of a statement that answers no rows

    async def fetch(self, sql: str, values: Mapping[str, Plain] | None = None) -> list[dict[str, Any]]:
        result = await self._session.execute(_statement(sql), check(sql, values))
        return _bounded([dict(row) for row in result.mappings().fetchmany(ROWS_MAX + 1)])


def _bounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(rows) > ROWS_MAX:
        raise ValueError(f"more than {ROWS_MAX} rows; ask for a page")
    return rows


@lru_cache(maxsize=256)
def _statement(sql: str) -> TextClause:
    """Read once: a plugin says the same few again and again."""
    return text(sql)


class DatabaseStore:
    """`database` is the plugin's own. Its tables are made before the first transaction, by whichever process comes
    first."""

    def __init__(self, plugin: str, database: Database, migrations: Sequence[Migration], clock: Clock) -> None:
        self._plugin, self._database, self._migrations, self._clock = plugin, database, migrations, clock
        self._places, self._first = asyncio.Semaphore(PLACES), asyncio.Lock()
        self._readers = asyncio.Semaphore(READERS) if database.is_sqlite else self._places
        self._is_ready = False
        if database.is_sqlite:
            event.listen(database.engine.sync_engine, "connect", self._guard)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        await self.open()
        async with self._places, self._database.write() as session:
            yield Transaction(session)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        await self.open()
        async with self._readers:
            yield Reading(self._database)

    async def open(self) -> None:
        """Makes the tables, or what is missing of them. Raises :class:`StoreUnusable`."""
        if self._is_ready:
            return
        async with self._first:
            if not self._is_ready:
                async with self._database.write() as session:
                    await self._migrate(session)
                self._is_ready = True

    async def close(self) -> None:
        await self._database.close()

    async def _migrate(self, session: AsyncSession) -> None:
        """In one transaction, one process at a time: on SQLite the writer is alone anyway."""
        dialect = "sqlite" if self._database.is_sqlite else "postgresql"
        if not self._database.is_sqlite:
            await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(current_schema()))"))
        connection = await session.connection()
        await connection.exec_driver_sql(_LEDGER)
        ran = (await session.execute(text(f"SELECT number, name, checksum FROM {LEDGER} ORDER BY number"))).all()  # noqa: S608 - our own word
        ours = [(one.number, one.name, one.checksum(dialect)) for one in self._migrations]
        if [tuple(row) for row in ran] != ours[: len(ran)]:
            raise StoreUnusable(plugin=self._plugin)
        for one in self._migrations[len(ran) :]:
            for statement in one.statements(dialect):
                await connection.exec_driver_sql(statement)
            values = {
                "number": one.number,
                "name": one.name,
                "checksum": one.checksum(dialect),
                "at": self._clock.now().isoformat(),
            }
            await session.execute(text(f"INSERT INTO {LEDGER} VALUES (:number, :name, :checksum, :at)"), values)  # noqa: S608 - our own word

    def _guard(self, connection: Any, _record: Any) -> None:
        connection.run_async(lambda driver: driver.set_authorizer(self._may))

    def _may(self, action: int, *_: Any) -> int:
        allowed = action in _AT_WORK if self._is_ready else action not in _NEVER
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
