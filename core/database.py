"""The database: one engine, a session to read with, a session to write with.

A read session never commits. A write session is one transaction: it commits when its block ends well and rolls back
otherwise; only the edge (the mutation field, the command, the job) and the exchange's gate open one.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import JSON, Connection, DateTime, Executable, MetaData, Row, event, make_url
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.types import TypeDecorator
from sqlalchemy.util import greenlet_spawn
from sqlmodel import SQLModel

from core.database_faults import DatabaseUnavailable, told_as_unavailable, translate_connecting

ROOMS = ("core", "identity", "services", "welfare")
"""Packages whose `models` modules hold tables."""

T = TypeVar("T")

IDLE_SECONDS: Final = 5.0
"""A connection that was used more lately than that is taken to be alive."""

DRIVERS_KEPT: Final = 3
"""Connections that :meth:`Database.driver` keeps."""

WRITER_WAITS_SECONDS = 30.0
"""For SQLite's one writer, in this process and again between processes."""

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. A naive one is refused: nobody can tell which instant it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
"""A JSON document: `JSONB` on PostgreSQL."""


class Database:
    """`url` names an asynchronous driver. `durable=False` (tests only) lets SQLite skip the wait for the disk.

    Both sessions raise `core.database_faults.DatabaseUnavailable` when the database cannot serve just now.
    """

    def __init__(self, url: str, *, durable: bool = True, pool_size: int = 10) -> None:
        self.is_sqlite = url.startswith("sqlite")
        # An error of the driver is logged: people's data, which are its parameters, stay out of its message.
        self.engine: AsyncEngine = create_async_engine(url, pool_size=pool_size, max_overflow=10, hide_parameters=True)
        if self.is_sqlite:
            _prepare_sqlite(self.engine, durable=durable)
        else:
            _ask_after_idle_connections(self.engine)
        translate_connecting(self.engine.sync_engine)
        self._writers = asyncio.Lock()
        self._drivers: list[Any] = []
        self._is_closed = False
        self._read = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self._write = async_sessionmaker(
            self.engine.execution_options(writes=True), expire_on_commit=False, autoflush=True
        )
        sync = self.engine.sync_engine
        self._writing = sync.execution_options(writes=True)
        self._alone = sync.execution_options(
            **({"alone": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"})
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that sees committed data and whose changes, if any, are thrown away."""
        with told_as_unavailable():
            async with self._read() as session:
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction. On SQLite it holds the writer's lock from its first moment, so it cannot fail half-way."""
        with told_as_unavailable():
            async with self._turn_to_write(), self._write() as session, session.begin():
                yield session

    async def transaction(self, work: Callable[[Connection], T]) -> T:
        """As :meth:`write`, for work that needs no session: statements built before, one after the other.

        A session's first statement costs as much as three on a connection (docs/measurements.md).
        """

        def whole() -> T:
            with self._writing.begin() as connection:
                return work(connection)

        with told_as_unavailable():
            async with self._turn_to_write():
                return await greenlet_spawn(whole)

    async def alone(
        self, statement: Executable, values: Mapping[str, Any], *, writes: bool = False
    ) -> Sequence[Row[Any]]:
        """The rows of one statement that is a transaction by itself; with `writes` it may change something.

        There is no BEGIN before it and no COMMIT after it, which would cost as much as a statement each.
        """

        def whole() -> Sequence[Row[Any]]:
            with self._alone.connect() as connection:
                result = connection.execute(statement, values)
                return result.all() if result.returns_rows else ()

        with told_as_unavailable():
            async with self._turn_to_write() if writes else nullcontext():
                return await greenlet_spawn(whole)

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Any]:
        """PostgreSQL only: asyncpg's own connection, for the few statements whose path is the hottest of all.

        Each is a transaction by itself. What is run on it belongs into `database_faults.driver_told_as_unavailable`.
        A few connections are kept for this and not given back: to fetch one from the pool costs as much as a statement.
        """
        kept = self._drivers.pop() if self._drivers else None
        if kept is not None and kept.driver_connection.is_closed():
            await self._give_up(kept)
            kept = None
        if kept is None:
            with told_as_unavailable():
                kept = await self.engine.raw_connection()
        try:
            yield kept.driver_connection
        except BaseException:
            await self._give_up(kept)  # nobody knows what it is in the middle of
            raise
        if self._is_closed:
            await self._give_up(kept)
        elif len(self._drivers) < DRIVERS_KEPT:
            self._drivers.append(kept)
        else:
            await greenlet_spawn(kept.close)

    @staticmethod
    async def _give_up(kept: Any) -> None:
        await greenlet_spawn(kept.invalidate)
        await greenlet_spawn(kept.close)

    async def close(self) -> None:
        self._is_closed = True
        while self._drivers:
            await greenlet_spawn(self._drivers.pop().close)
        await self.engine.dispose()

    @asynccontextmanager
    async def _turn_to_write(self) -> AsyncIterator[None]:
        """SQLite lets the luckiest writer in, not the first: within a process they queue."""
        if not self.is_sqlite:
            yield
            return
        try:
            async with asyncio.timeout(WRITER_WAITS_SECONDS):
                await self._writers.acquire()
        except TimeoutError:
            raise DatabaseUnavailable from None
        try:
            yield
        finally:
            self._writers.release()


def _prepare_sqlite(engine: AsyncEngine, *, durable: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin by our word (below), not the driver's guess
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durable else 'OFF'}",
            "foreign_keys=ON",
            f"busy_timeout={int(WRITER_WAITS_SECONDS * 1000)}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("alone", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _ask_after_idle_connections(engine: AsyncEngine) -> None:
    """Replaces a connection that the server has dropped while nobody used it.

    SQLAlchemy's own `pool_pre_ping` asks before every use, three round trips each: more than most queries take.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def on_checkin(_connection: Any, record: Any) -> None:
        record.info["left_at"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
        left_at = record.info.get("left_at")
        if left_at is None or time.monotonic() - left_at < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the pool takes a new one, and doubts the others of that age


def synchronous(url: str) -> str:
    """The same database through the driver that blocks: what reads whole tables runs outside the event loop."""
    parsed = make_url(url)
    driver = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    backend = parsed.drivername.partition("+")[0]
    return parsed.set(drivername=driver.get(backend, parsed.drivername)).render_as_string(hide_password=False)


def load_models() -> MetaData:
    """Imports every room's `models` module, so that the metadata is whole, and returns it."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if module.name.rpartition(".")[2] == "models" and ".sandbox." not in module.name:
                importlib.import_module(module.name)
    return SQLModel.metadata
