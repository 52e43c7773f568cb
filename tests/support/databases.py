"""A migrated database for each test: cloned from a template that the first test of a run makes.

Nothing is rolled back or shared, so a test may use many sessions, processes and commits, as production does.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine, make_url

from core import migrations
from core.database import load_models, synchronous
from tests.support.postgres import Postgres
from tests.support.rundir import RunDirectory

TEMPLATE: Final = "template_sitthi"


class Kind(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Schema(StrEnum):
    """How the template gets its tables: `models` serves while a model changes and its migration is not yet written."""

    MIGRATIONS = "migrations"
    MODELS = "models"


class Databases:
    """The databases of one test process. The PostgreSQL cluster and both templates are shared by all of the run."""

    def __init__(self, run: RunDirectory, schema: Schema, worker: str) -> None:
        self._run = run
        self._schema = schema
        self._names = (f"test_{worker}_{os.getpid()}_{number}" for number in itertools.count(1))

    @contextlib.contextmanager
    def clone(self, kind: Kind, folder: Path, *, empty: bool = False) -> Iterator[str]:
        """The URL (no driver named) of a database of one's own, migrated unless `empty`; gone after the block."""
        maker = self._clone_sqlite if kind is Kind.SQLITE else self._clone_postgresql
        with maker(folder, empty=empty) as url:
            yield url

    @contextlib.contextmanager
    def _clone_sqlite(self, folder: Path, *, empty: bool) -> Iterator[str]:
        file = folder / "sitthi.sqlite"
        if not empty:
            shutil.copyfile(self._sqlite_template(), file)
        yield f"sqlite:///{file}"
        for leftover in folder.glob("sitthi.sqlite*"):
            leftover.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _clone_postgresql(self, folder: Path, *, empty: bool) -> Iterator[str]:
        cluster = self.cluster()
        name = next(self._names)
        url = cluster.create(name, template="template1" if empty else self._postgresql_template(cluster))
        try:
            yield url
        finally:
            cluster.drop(name)

    def cluster(self) -> Postgres:
        """The run's cluster, started by whoever needs it first."""
        cluster = Postgres(self._run.path / "postgres", memory=self._run.in_memory())
        with self._run.turn("postgres"):
            if not cluster.is_running:
                cluster.start()
        return cluster

    def _sqlite_template(self) -> Path:
        template = self._run.path / f"{TEMPLATE}.sqlite"
        with self._run.turn("sqlite-template"):
            if not template.exists():
                draft = template.with_suffix(".draft")
                self._fill(f"sqlite:///{draft}")
                with contextlib.closing(sqlite3.connect(draft)) as connection:
                    connection.execute("PRAGMA journal_mode=WAL")
                draft.rename(template)
        return template

    def _postgresql_template(self, cluster: Postgres) -> str:
        done = self._run.path / "postgresql-template.done"
        with self._run.turn("postgresql-template"):
            if not done.exists():
                cluster.drop(TEMPLATE)
                self._fill(cluster.create(TEMPLATE))
                cluster.freeze(TEMPLATE)
                done.touch()
        return TEMPLATE

    def _fill(self, url: str) -> None:
        if self._schema is Schema.MIGRATIONS and migrations.exist():
            migrations.upgrade(url)
            return
        engine = create_engine(make_url(synchronous(url)))
        load_models().create_all(engine)
        engine.dispose()
