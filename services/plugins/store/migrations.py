"""The files that make a plugin's tables: `store/0001_policies.sql`, or one for each database."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = "store"
DIALECTS: Final = ("postgresql", "sqlite")
BYTES_MAX: Final = 100_000
_FILE: Final = re.compile(r"([0-9]{4})_([a-z][a-z0-9_]{0,59})(?:\.(postgresql|sqlite))?\.sql")


class MigrationFault(ValueError):
    """A file of `store/` is not as it must be."""

    def __init__(self, file: str, why: str, remedy: str) -> None:
        super().__init__(f"{file}: {why}")
        self.file, self.why, self.remedy = f"{FOLDER}/{file}", why, remedy


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. `sql` is by dialect."""

    number: int
    name: str
    sql: Mapping[str, str]

    def checksum(self, dialect: str) -> str:
        return hashlib.sha256(self.sql[dialect].encode()).hexdigest()

    def statements(self, dialect: str) -> Iterator[str]:
        """Each ends with a semicolon at the end of a line."""
        waiting = ""
        for line in self.sql[dialect].splitlines():
            waiting += line + "\n"
            if line.rstrip().endswith(";") and sqlite3.complete_statement(waiting):
                yield waiting.strip()
                waiting = ""
        if waiting.strip():
            yield waiting.strip()


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """Those of a plugin's folder, from 0001 on without a gap; none where there is no `store/`.

    Raises :class:`MigrationFault`.
    """
    if not (folder / FOLDER).is_dir():
        return ()
    found: dict[int, tuple[str, dict[str, str]]] = {}
    for path in sorted((folder / FOLDER).iterdir()):
        match = _FILE.fullmatch(path.name)
        if match is None or not path.is_file():
            raise MigrationFault(path.name, "it is no migration", "Name it 0001_what_it_makes.sql")
        if path.stat().st_size > BYTES_MAX:
            raise MigrationFault(path.name, f"it is larger than {BYTES_MAX} bytes", "Write less in one")
        number, name, dialect = int(match[1]), match[2], match[3]
        known, sql = found.setdefault(number, (name, {}))
        for one in DIALECTS if dialect is None else (dialect,):
            if known != name or one in sql:
                raise MigrationFault(path.name, "another has its number", "Give it the next number")
            sql[one] = path.read_text(encoding="utf-8")
    for place, (number, (name, sql)) in enumerate(sorted(found.items()), start=1):
        if number != place:
            raise MigrationFault(f"{number:04}_{name}.sql", f"there is no {place:04}", "Number them without a gap")
        if missing := set(DIALECTS) - set(sql):
            raise MigrationFault(f"{number:04}_{name}.sql", f"there is none for {min(missing)}", "Write it for both")
    if not found:
        raise MigrationFault("", "it holds no migration", "Write 0001_what_it_makes.sql, or remove it")
    return tuple(Migration(number, name, sql) for number, (name, sql) in sorted(found.items()))
