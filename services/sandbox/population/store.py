"""Writes a population into one SQLite file per agency, whole or not at all.

Files are never changed once they stand: a new population replaces them by rename, and a reader that has one open goes
on reading the old. Each file says in `meta` which population it belongs to, so that a write that died between two
renames is seen and done again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from services.plugins.contract.sandbox import Row, Table
from services.sandbox.folders import AGENCIES, StandIn, stand_ins
from services.sandbox.population.generator import GENERATOR_VERSION, Population, generate
from services.sandbox.population.personas import HOLDS_DAYS, PEOPLE_WITH_PERSONAS

HOUSEHOLDS_A_BATCH: Final = 2_000
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """Which population stands on the disk."""

    citizens: int
    seed: int
    as_of: date
    version: int

    def holds_on(self, day: date) -> bool:
        """Whether what is said of the personas is still, and already, true on that day."""
        return self.version == GENERATOR_VERSION and self.as_of <= day <= self.as_of + timedelta(days=HOLDS_DAYS)


def folder(data_dir: Path) -> Path:
    return data_dir / "sandbox"


def agency_file(data_dir: Path, agency: str) -> Path:
    return folder(data_dir) / f"{agency}.sqlite"


def stored(data_dir: Path, agencies: Path = AGENCIES) -> Made | None:
    """The population on the disk; `None` where there is none, or the files are not all of one, or not as the agencies'
    folders would have them."""
    found = {_made(agency_file(data_dir, slug), stand_in) for slug, stand_in in stand_ins(agencies).items()}
    return found.pop() if len(found) == 1 else None


def ensure(
    data_dir: Path,
    citizens: int,
    seed: int,
    as_of: date,
    progress: Progress | None = None,
    *,
    agencies: Path = AGENCIES,
) -> bool:
    """See that such a population stands, and say whether it had to be made. `agencies` holds the agencies' folders.

    One made for an earlier day is kept as long as what is said of the personas holds on `as_of`. Processes that do
    this at once wait for each other. Raises what :func:`generate` raises.
    """
    population = generate(citizens, seed, as_of)
    with _alone(data_dir):
        made = stored(data_dir, agencies)
        if made is not None and (made.citizens, made.seed) == (citizens, seed) and made.holds_on(as_of):
            return False
        _write_all(data_dir, population, stand_ins(agencies), progress)
    return True


def replace(data_dir: Path, population: Population, progress: Progress | None = None) -> None:
    """Write this population whatever stands there now."""
    with _alone(data_dir):
        _write_all(data_dir, population, stand_ins(), progress)


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    folder(data_dir).mkdir(parents=True, exist_ok=True)
    with (folder(data_dir) / ".population.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _made(path: Path, stand_in: StandIn) -> Made | None:
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            row = file.execute("SELECT citizens, seed, as_of, version, sandbox FROM meta").fetchone()
            if row[4] != stand_in.digest:
                return None
            return Made(row[0], int(row[1]), date.fromisoformat(row[2]), row[3])
    except (sqlite3.Error, TypeError, ValueError):
        return None  # not a file of ours, or of an older make: to be written again


def _write_all(
    data_dir: Path, population: Population, agencies: Mapping[str, StandIn], progress: Progress | None
) -> None:
    workshop = folder(data_dir) / ".population.new"
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    try:
        files = {
            slug: _new_file(workshop / f"{slug}.sqlite", population, stand_in) for slug, stand_in in agencies.items()
        }
        try:
            _fill(
                [(files[slug], table) for slug, stand_in in agencies.items() for table in stand_in.sandbox.tables],
                population,
                progress,
            )
            for file in files.values():
                file.execute("COMMIT")
        finally:
            for file in files.values():
                file.close()
        for slug in agencies:
            _sync(workshop / f"{slug}.sqlite")
            (workshop / f"{slug}.sqlite").replace(agency_file(data_dir, slug))
        _sync(folder(data_dir))
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _new_file(path: Path, population: Population, stand_in: StandIn) -> sqlite3.Connection:
    """A fresh file with its tables. Without a journal: until it is renamed, nobody misses it."""
    file = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16000"):
        file.execute(f"PRAGMA {pragma}")
    file.execute("CREATE TABLE meta (citizens INTEGER, seed TEXT, as_of TEXT, version INTEGER, sandbox TEXT)")
    file.execute("BEGIN")
    made = (population.citizens, str(population.seed), population.as_of.isoformat(), GENERATOR_VERSION)
    file.execute("INSERT INTO meta VALUES (?, ?, ?, ?, ?)", (*made, stand_in.digest))
    for table in stand_in.sandbox.tables:
        file.execute(f"CREATE TABLE {table.name} ({table.columns})")
    return file


def _fill(
    tables: Sequence[tuple[sqlite3.Connection, Table]], population: Population, progress: Progress | None
) -> None:
    households = population.households()
    people = 0
    while batch := list(islice(households, HOUSEHOLDS_A_BATCH)):
        people += sum(len(home.members) for home in batch)
        for file, table in tables:
            rows: Iterator[Row] = (row for home in batch for row in table.rows_of(home, population.as_of))
            places = ", ".join("?" * table.width)
            file.executemany(f"INSERT INTO {table.name} VALUES ({places})", rows)  # noqa: S608 - our own table names
        if progress is not None:
            progress(f"{people:,} / {population.citizens + PEOPLE_WITH_PERSONAS:,}")
    for file, table in tables:
        _index(file, table)


def _index(file: sqlite3.Connection, table: Table) -> None:
    for place, columns in enumerate(table.indexes):
        some = "" if place == 0 else f" WHERE {columns} IS NOT NULL"
        file.execute(f"CREATE INDEX {table.name}_{place} ON {table.name} ({columns}){some}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
