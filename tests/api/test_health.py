"""Health is asked without limit, and costs what a few questions a second cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from api import health
from api.health import Readiness
from core.cache import open_redis
from core.database import Database


@pytest.fixture
def asked(database: Database) -> Iterator[list[str]]:
    """The statements that reach the database."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_a_flood_of_questions_is_one_question(
    database: Database, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", 3_600)
    readiness = Readiness(database, open_redis(None))
    assert await asyncio.gather(*(readiness.failing() for _ in range(100))) == [[]] * 100
    assert asked.count("SELECT 1") == 1
    monkeypatch.setattr(health, "FRESH_SECONDS", 0)
    await readiness.failing()
    assert asked.count("SELECT 1") == 2


async def test_whoever_goes_away_takes_nobodys_answer_along(database: Database, asked: list[str]) -> None:
    readiness = Readiness(database, open_redis(None))
    impatient, patient = (asyncio.create_task(readiness.failing()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == []
    assert impatient.cancelled()
    assert asked.count("SELECT 1") == 1
