import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import StatementError

from core.database import Database
from core.ids import new_id
from core.models import IdempotencyRecord


def record(at: datetime, key: str = "a-key-of-8") -> IdempotencyRecord:
    return IdempotencyRecord(
        citizen=new_id(), client="c", field="f", key=key, input_hash=b"h", kept={"a": [1, "ก"]}, created_at=at
    )


async def rows(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(IdempotencyRecord)) or 0


async def test_a_write_block_that_ends_well_is_committed(database: Database) -> None:
    async with database.write() as session:
        session.add(record(datetime(2026, 1, 1, tzinfo=UTC)))
    assert await rows(database) == 1


async def test_a_write_block_that_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(record(datetime(2026, 1, 1, tzinfo=UTC)))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await rows(database) == 0


async def test_a_read_block_never_commits(database: Database) -> None:
    async with database.read() as session:
        session.add(record(datetime(2026, 1, 1, tzinfo=UTC)))
        await session.flush()
    assert await rows(database) == 0


async def test_an_instant_comes_back_in_utc(database: Database) -> None:
    bangkok = datetime(2026, 1, 1, 6, 30, tzinfo=timezone(timedelta(hours=7)))
    async with database.write() as session:
        session.add(record(bangkok))
    async with database.read() as session:
        found = (await session.scalars(select(IdempotencyRecord))).one()
    assert found.created_at == bangkok
    assert found.created_at.tzinfo is UTC
    assert found.kept == {"a": [1, "ก"]}


async def test_a_time_without_a_zone_is_not_stored(database: Database) -> None:
    with pytest.raises(StatementError, match="zone"):
        async with database.write() as session:
            session.add(record(datetime(2026, 1, 1)))  # noqa: DTZ001 - the point of the test
    assert await rows(database) == 0


async def test_forty_writers_at_once_all_get_through(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.write() as session:
            before = await session.scalar(select(func.count()).select_from(IdempotencyRecord))
            assert before is not None
            session.add(record(datetime(2026, 1, 1, tzinfo=UTC), key=f"key-number-{number}"))

    await asyncio.gather(*(write(n) for n in range(40)))
    assert await rows(database) == 40


@pytest.mark.postgres_only
async def test_a_connection_that_was_dropped_while_idle_is_replaced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read() as first, database.read() as second:
        pids = [await session.scalar(text("SELECT pg_backend_pid()")) for session in (first, second)]
    async with database.read() as session:
        own = await session.scalar(text("SELECT pg_backend_pid()"))
        [other] = {*pids} - {own}
        await session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": other})
    monkeypatch.setattr("core.database.IDLE_SECONDS", 0.0)
    async with database.read() as first, database.read() as second:
        now = {await session.scalar(text("SELECT pg_backend_pid()")) for session in (first, second)}
    assert other not in now
    assert len(now) == 2


@pytest.mark.postgres_only
async def test_a_connection_in_use_is_not_asked_after_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings: list[object] = []
    monkeypatch.setattr(database.engine.sync_engine.dialect, "do_ping", pings.append)
    for _ in range(5):
        await rows(database)
    assert pings == []
    monkeypatch.setattr("core.database.IDLE_SECONDS", 0.0)
    await rows(database)
    assert len(pings) == 1
