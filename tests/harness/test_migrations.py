"""The committed migrations make exactly the tables that the models describe, and every step can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from core import migrations
from core.database import load_models, synchronous


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    engine = create_engine(synchronous(url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def tables(url: str) -> set[str]:
    with connect(url) as connection:
        return set(inspect(connection).get_table_names())


def test_models_and_migrations_agree(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    with connect(empty_database_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, load_models())
    assert differences == [], "write one: script/migration NAME"


def test_every_table_has_a_migration_and_every_migration_can_be_undone(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    assert tables(empty_database_url) - {"alembic_version"} == set(load_models().tables)
    migrations.downgrade(empty_database_url, "base")
    assert tables(empty_database_url) == {"alembic_version"}
    migrations.upgrade(empty_database_url)
    assert tables(empty_database_url) - {"alembic_version"} == set(load_models().tables)


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    before = tables(database_url)
    migrations.upgrade(database_url)
    assert tables(database_url) >= before


def test_history_is_one_line() -> None:
    history = ScriptDirectory.from_config(migrations.configuration("sqlite://"))
    assert len(history.get_heads()) == 1


@pytest.mark.parametrize(
    ("url", "driven"),
    [
        ("sqlite:////data/a b.sqlite", "sqlite:////data/a b.sqlite"),
        ("sqlite+aiosqlite:///x", "sqlite:///x"),
        ("postgresql+asyncpg://u:p%40ss@h:1/d", "postgresql+psycopg://u:p%40ss@h:1/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("postgresql://u@/d?host=/run/pg", "postgresql+psycopg://u@/d?host=%2Frun%2Fpg"),
    ],
)
def test_migrations_name_the_driver_that_blocks(url: str, driven: str) -> None:
    assert synchronous(url) == driven
