"""A database that cannot serve is one typed error, nothing is half-written, and the program goes on when it is back."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

import core.database
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.settings import Settings
from tests.support.postgres import Postgres

INSERT = text("INSERT INTO note (body) VALUES (:body)")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    """One of our own, because it is stopped."""
    with Postgres.running(durable=True) as cluster:
        yield cluster


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT UNIQUE)")
    return path


def of(path: Path) -> Database:
    return Database(f"sqlite+aiosqlite:///{path}")


def notes(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM note").fetchone()[0])


async def write(db: Database, *bodies: str) -> None:
    async with db.write() as session:
        for body in bodies:
            await session.execute(INSERT, {"body": body})


async def test_a_stopped_postgresql_is_a_typed_error_and_is_used_again_when_it_is_back(cluster: Postgres) -> None:
    db = Database(Settings(database_url=cluster.create("stopped")).sqlalchemy_url)
    async with db.write() as session:
        await session.execute(text("CREATE TABLE note (body TEXT)"))
    cluster.stop(signal.SIGQUIT)
    try:
        for _ in range(2):  # first over a connection that was good, then over none
            with pytest.raises(DatabaseUnavailable) as raised:
                await write(db, "lost")
            assert raised.value.code == "SERVICE_UNAVAILABLE"
            with pytest.raises(DatabaseUnavailable):
                async with db.read() as session:
                    await session.execute(text("SELECT 1"))
    finally:
        cluster.start()
    await write(db, "kept")
    async with db.read() as session:
        assert list(await session.scalars(text("SELECT body FROM note"))) == ["kept"]
    await db.close()


async def by_driver(db: Database) -> None:
    async with db.driver():
        pass


WAYS: Final[Mapping[str, Callable[[Database], Awaitable[Any]]]] = {
    "session": lambda db: write(db, "lost"),
    "alone": lambda db: db.alone(text("SELECT 1"), {}),
    "driver": by_driver,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", ["codecs", "isolation"])
async def test_a_connection_that_is_lost_while_it_is_made_ready_is_a_typed_error(
    cluster: Postgres, way: str, moment: str
) -> None:
    """An engine's first connection sets codecs and asks `SHOW TRANSACTION ISOLATION LEVEL` past SQLAlchemy's words."""
    db = Database(Settings(database_url=cluster.create(f"ready_{moment}_{way}")).sqlalchemy_url)
    engine = db.engine.sync_engine
    if moment == "codecs":
        event.listen(engine.pool, "connect", lambda made, _: made.driver_connection.terminate(), insert=True)
    else:
        asked = engine.dialect.get_default_isolation_level

        def lost(made: Any) -> Any:
            made.driver_connection.terminate()
            return asked(made)

        engine.dialect.get_default_isolation_level = lost  # type: ignore[method-assign, assignment]
    with pytest.raises(DatabaseUnavailable):
        await WAYS[way](db)
    await db.close()


async def test_a_postgresql_that_stops_inside_a_transaction_keeps_nothing_of_it(cluster: Postgres) -> None:
    db = Database(Settings(database_url=cluster.create("inside")).sqlalchemy_url)
    async with db.write() as session:
        await session.execute(text("CREATE TABLE note (body TEXT)"))

    async def interrupted() -> None:
        async with db.write() as session:
            await session.execute(INSERT, {"body": "half"})
            cluster.stop(signal.SIGQUIT)
            await session.execute(INSERT, {"body": "other half"})

    with pytest.raises(DatabaseUnavailable):
        await interrupted()
    cluster.start()
    async with db.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM note")) == 0
    await db.close()


async def test_of_two_transactions_that_lock_crosswise_one_is_told_to_try_again(cluster: Postgres) -> None:
    db = Database(Settings(database_url=cluster.create("crosswise")).sqlalchemy_url)
    async with db.write() as session:
        await session.execute(text("CREATE TABLE note (body TEXT PRIMARY KEY)"))
    await write(db, "a", "b")
    both = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with db.write() as session:
            for body in (first, second):
                await session.execute(text("SELECT 1 FROM note WHERE body = :body FOR UPDATE"), {"body": body})
                if body == first:
                    await both.wait()

    ends = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [DatabaseUnavailable]
    await db.close()


async def test_a_full_disk_is_a_typed_error_and_leaves_nothing_half_written(file: Path) -> None:
    db = of(file)

    @event.listens_for(db.engine.sync_engine, "connect")
    def fill(connection: object, _: object) -> None:
        connection.execute("PRAGMA max_page_count=5")  # type: ignore[attr-defined]

    with pytest.raises(DatabaseUnavailable):
        await write(db, "small", "x" * 100_000)
    assert notes(file) == 0
    await write(db, "small")
    assert notes(file) == 1
    await db.close()


async def test_a_database_that_may_only_be_read_is_a_typed_error_and_still_answers(file: Path) -> None:
    db = Database(f"sqlite+aiosqlite:///file:{file}?mode=ro&uri=true")
    with pytest.raises(DatabaseUnavailable):
        await write(db, "no")
    async with db.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM note")) == 0
    await db.close()


async def test_a_folder_that_is_not_there_is_a_typed_error(tmp_path: Path) -> None:
    db = of(tmp_path / "nowhere" / "notes.sqlite")
    before = set(threading.enumerate())
    with pytest.raises(DatabaseUnavailable):
        await write(db, "no")
    await db.close()
    for thread in set(threading.enumerate()) - before:  # the driver's: it tells the loop of its end
        await asyncio.to_thread(thread.join)


async def test_a_writer_of_another_process_is_waited_for_and_then_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.database, "WRITER_WAITS_SECONDS", 0.1)
    db = of(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable):
            await write(db, "no")
        async with db.read() as session:
            assert await session.scalar(text("SELECT count(*) FROM note")) == 0, "readers do not wait"
        other.execute("ROLLBACK")
    await write(db, "yes")
    await db.close()


async def test_a_writer_that_never_ends_is_waited_for_and_then_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.database, "WRITER_WAITS_SECONDS", 0.1)
    db = of(file)
    async with db.write():
        with pytest.raises(DatabaseUnavailable):
            await write(db, "inside another")
    await write(db, "after it")
    await db.close()


async def test_a_reader_that_takes_its_time_holds_no_writer_up(file: Path) -> None:
    db = of(file)
    async with db.read() as long:
        assert await long.scalar(text("SELECT count(*) FROM note")) == 0
        async with asyncio.timeout(20):
            await write(db, "meanwhile")
        assert await long.scalar(text("SELECT count(*) FROM note")) == 0, "it sees the moment at which it began"
    assert notes(file) == 1
    await db.close()


async def test_fifty_writers_of_one_process_write_in_the_order_they_came(file: Path) -> None:
    db, order = of(file), []

    async def one(number: int) -> None:
        async with db.write() as session:
            await session.execute(INSERT, {"body": str(number)})
            order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(one(number))
            await asyncio.sleep(0)
    assert order == list(range(50))
    await db.close()


async def test_a_writer_that_goes_away_while_it_waits_holds_nobody_up(file: Path) -> None:
    db = of(file)
    async with db.write() as session:
        await session.execute(INSERT, {"body": "first"})
        waiting = [asyncio.create_task(write(db, f"gone {n}")) for n in range(5)]
        await asyncio.sleep(0.05)
        for task in waiting:
            task.cancel()
    async with asyncio.timeout(20):
        await write(db, "second")
    assert notes(file) == 2
    await db.close()


async def test_what_another_attempt_cannot_mend_stays_what_it_is(file: Path) -> None:
    db = of(file)
    await write(db, "once")
    with pytest.raises(IntegrityError):
        await write(db, "once")
    with pytest.raises(SQLAlchemyError, match="no_such"):
        async with db.read() as session:
            await session.execute(text("SELECT 1 FROM no_such"))
    await db.close()
