"""Reading an agency's file: one indexed query at a time, read-only, following a new population without a restart."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from datetime import date
from pathlib import Path
from typing import Any

from services.plugins.contract.sandbox import Province, Record, Refusal
from services.sandbox.agencies.errors import DOWN
from services.sandbox.population import places


class Register:
    """One agency's file; the desk of its answers.

    Each thread has a connection of its own, opened anew when the file was replaced.

    An agency without a file, or with a broken one, is down: raises a 503 :class:`Refusal`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def all(self, sql: str, *values: Any) -> list[Record]:
        try:
            return [dict(row) for row in self._connection().execute(sql, values)]
        except sqlite3.Error:
            raise _down() from None

    def one(self, sql: str, *values: Any) -> Record | None:
        return next(iter(self.all(sql, *values)), None)

    @property
    def as_of(self) -> date:
        made = self.one("SELECT as_of FROM meta")
        if made is None:
            raise _down()
        return date.fromisoformat(made["as_of"])

    def province(self, code: str) -> Province:
        return places.province(code)

    def _connection(self) -> sqlite3.Connection:
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            raise _down() from None
        mark = (seen.st_ino, seen.st_mtime_ns)
        if getattr(self._local, "mark", None) != mark:
            if (old := getattr(self._local, "connection", None)) is not None:
                old.close()
            # Immutable is true: files are replaced, never written to; it spares the locks on every read.
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            weakref.finalize(self, connection.close)
            connection.row_factory = sqlite3.Row
            self._local.connection, self._local.mark = connection, mark
        connection_now: sqlite3.Connection = self._local.connection
        return connection_now


def _down() -> Refusal:
    return Refusal(503, "SERVICE_DOWN", DOWN)
