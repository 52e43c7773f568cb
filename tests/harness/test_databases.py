"""The database of a test is its own, migrated, and the same kind of thing on both engines."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from core.database import Database
from core.settings import Settings
from tests.support.databases import Databases, Kind


async def test_the_fixture_opens_the_engine_that_it_names(database: Database, database_kind: Kind) -> None:
    assert database.engine.dialect.name == database_kind


@pytest.mark.parametrize("turn", [1, 2])
async def test_nothing_of_another_test_is_seen(database: Database, turn: int) -> None:
    async with database.write() as session:
        await session.execute(text("CREATE TABLE left_behind (turn INTEGER)"))
        await session.execute(text("INSERT INTO left_behind VALUES (:turn)"), {"turn": turn})
    async with database.read() as session:
        assert (await session.scalars(text("SELECT turn FROM left_behind"))).all() == [turn]


async def test_two_clones_of_one_test_are_apart(databases: Databases, database_kind: Kind, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with databases.clone(database_kind, folders[0]) as one, databases.clone(database_kind, folders[1]) as two:
        assert one != two
        for url in (one, two):
            database = Database(Settings(database_url=url).sqlalchemy_url)
            async with database.write() as session:
                await session.execute(text("CREATE TABLE mine (id INTEGER)"))
            await database.close()


async def test_sessions_that_run_at_once_see_each_others_commits(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("CREATE TABLE counter (value INTEGER)"))
        await session.execute(text("INSERT INTO counter VALUES (0)"))

    async def add() -> None:
        async with database.write() as session:
            await session.execute(text("UPDATE counter SET value = value + 1"))

    await asyncio.gather(*(add() for _ in range(8)))
    async with database.read() as session:
        assert await session.scalar(text("SELECT value FROM counter")) == 8


@pytest.mark.sqlite_only
def test_a_test_marked_sqlite_only_runs_on_sqlite_alone(database_url: str) -> None:
    assert database_url.startswith("sqlite:///")


@pytest.mark.postgres_only
def test_a_test_marked_postgres_only_runs_on_postgresql_alone(database_url: str) -> None:
    assert database_url.startswith("postgresql://")


def test_the_settings_of_a_test_name_its_database(settings: Settings, database_url: str) -> None:
    assert settings.database_url == database_url


def test_the_settings_of_a_test_lie_in_its_own_folder(settings: Settings, tmp_path: Path) -> None:
    assert settings.data.is_dir()
    assert settings.data.is_relative_to(tmp_path)
    assert settings.database_url is None
