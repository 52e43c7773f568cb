"""The databases that run the emitted SQL: PostgreSQL, for which it is written, and DuckDB as a second opinion."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

import duckdb
import polars as pl
import psycopg

from tests.support.postgres import Postgres
from welfare.rules import Vocabulary
from welfare.rules.sql_code import facts_columns, identifier

ROW: Final = "row"
"""The number of a frame's row, by which answers are put in order."""
Row = tuple[Any, ...]


class Engine(Protocol):
    """A database that holds frames as tables."""

    name: str

    def make(self, table: str, frame: pl.DataFrame, vocabulary: Vocabulary) -> None:
        """A table with the frame's columns and their checks, and `row`."""

    def rows(self, query: str) -> list[Row]: ...

    def run(self, statement: str) -> None: ...


def definition(table: str, frame: pl.DataFrame, vocabulary: Vocabulary) -> str:
    columns = [f"{n} {kind} CHECK ({check or 'true'})" for n, kind, check in facts_columns(frame.columns, vocabulary)]
    return f"CREATE TABLE {identifier(table)} ({', '.join([f'{identifier(ROW)} bigint', *columns])})"


class PostgresEngine:
    name = "postgresql"

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def make(self, table: str, frame: pl.DataFrame, vocabulary: Vocabulary) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(definition(table, frame, vocabulary).encode())
            with cursor.copy(f"COPY {identifier(table)} FROM STDIN".encode()) as copy:
                for row in frame.with_row_index(ROW).iter_rows():
                    copy.write_row(row)
            cursor.execute(f"ANALYZE {identifier(table)}".encode())

    def rows(self, query: str) -> list[Row]:
        with self._connection.cursor(binary=True) as cursor:
            return cursor.execute(query.encode()).fetchall()

    def run(self, statement: str) -> None:
        self._connection.execute(statement.encode())


class DuckEngine:
    name = "duckdb"

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})

    def make(self, table: str, frame: pl.DataFrame, vocabulary: Vocabulary) -> None:
        self._connection.execute(definition(table, frame, vocabulary))
        marks = ", ".join("?" * (frame.width + 1))
        for chunk in frame.with_row_index(ROW).iter_slices(500):
            rows = chunk.rows()
            values = ", ".join([f"({marks})"] * len(rows))
            flat = [value for row in rows for value in row]
            self._connection.execute(f"INSERT INTO {identifier(table)} VALUES {values}", flat)  # noqa: S608 (our own names)

    def rows(self, query: str) -> list[Row]:
        return self._connection.execute(query).fetchall()

    def run(self, statement: str) -> None:
        self._connection.execute(statement)

    def close(self) -> None:
        self._connection.close()


Engines = tuple[Engine, Engine]
"""PostgreSQL, then DuckDB."""


@contextlib.contextmanager
def engines_on(url: str) -> Iterator[Engines]:
    """Both, the first on an empty database at `url`."""
    duck = DuckEngine()
    with psycopg.connect(url, autocommit=True) as connection:
        yield PostgresEngine(connection), duck
    duck.close()


@contextlib.contextmanager
def on_a_cluster_of_their_own() -> Iterator[Engines]:
    with Postgres.running() as cluster, engines_on(cluster.create("rules")) as both:
        yield both
