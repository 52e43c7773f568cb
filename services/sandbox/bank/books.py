"""The bank's books: messages, payments, entries, in a SQLite file of its own. Durable, and safe for many processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS message (
    id TEXT PRIMARY KEY, file_hash BLOB NOT NULL, answer BLOB NOT NULL, received_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS payment (
    end_to_end TEXT PRIMARY KEY, message TEXT NOT NULL REFERENCES message (id),
    satang INTEGER NOT NULL CHECK (satang > 0),
    status TEXT NOT NULL CHECK (status IN ('ACCEPTED', 'REJECTED')), reason TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS payer (message TEXT PRIMARY KEY REFERENCES message (id), account TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS ix_payment_message ON payment (message);
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT, end_to_end TEXT NOT NULL UNIQUE REFERENCES payment (end_to_end),
    message TEXT NOT NULL, satang INTEGER NOT NULL CHECK (satang > 0), returned INTEGER NOT NULL,
    booked_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ix_entry_message ON entry (message);
CREATE TABLE IF NOT EXISTS reversal (
    number INTEGER PRIMARY KEY AUTOINCREMENT, end_to_end TEXT NOT NULL UNIQUE REFERENCES entry (end_to_end),
    reversed_at TEXT NOT NULL
) STRICT;
"""
# `end_to_end UNIQUE` on entry is the promise that matters: whatever else goes wrong, a payment is booked once.


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment as it was taken."""

    end_to_end: str
    satang: int
    reason: str
    """Why it was rejected; empty when it was accepted."""


@dataclass(frozen=True, slots=True)
class Booked:
    number: int
    end_to_end: str
    message: str
    satang: int
    returned: bool
    booked_at: datetime


class Books:
    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as connection:
            connection.executescript(_SCHEMA)

    def answer_to(self, message: str) -> tuple[bytes, bytes] | None:
        """Hash of the file that came under this id, and the answer it got."""
        with closing(self._connect()) as connection:
            found = connection.execute("SELECT file_hash, answer FROM message WHERE id = ?", (message,)).fetchone()
        return None if found is None else (found[0], found[1])

    def known(self, end_to_ends: Sequence[str]) -> set[str]:
        """Those that came before, under whatever message."""
        with closing(self._connect()) as connection:
            return {
                row[0]
                for key in end_to_ends
                for row in connection.execute("SELECT end_to_end FROM payment WHERE end_to_end = ?", (key,))
            }

    def take(
        self, message: str, file_hash: bytes, answer: bytes, payments: Sequence[Taken], at: datetime, *, account: str
    ) -> bool:
        """Enters a file with its answer, all or nothing; `account` pays. False: the id, or one of the payments, was
        there already."""
        try:
            with self._writing() as connection:
                connection.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (message, file_hash, answer, _stamp(at)))
                connection.execute("INSERT INTO payer VALUES (?, ?)", (message, account))
                connection.executemany(
                    "INSERT INTO payment VALUES (?, ?, ?, ?, ?)",
                    [
                        (p.end_to_end, message, p.satang, "REJECTED" if p.reason else "ACCEPTED", p.reason)
                        for p in payments
                    ],
                )
        except sqlite3.IntegrityError:
            return False
        return True

    def accepted_and_unbooked(self, message: str | None = None) -> list[tuple[str, datetime]]:
        """With the instant at which their file came."""
        with closing(self._connect()) as connection:
            rows = connection.execute(
                "SELECT p.end_to_end, m.received_at FROM payment p JOIN message m ON m.id = p.message"
                " WHERE p.status = 'ACCEPTED' AND (?1 IS NULL OR p.message = ?1)"
                " AND p.end_to_end NOT IN (SELECT end_to_end FROM entry) ORDER BY p.end_to_end",
                (message,),
            )
            return [(row[0], datetime.fromisoformat(row[1])) for row in rows]

    def take_back(self, end_to_ends: Sequence[str], at: datetime) -> None:
        """What was booked and not returned, each once."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO reversal (end_to_end, reversed_at)"
                " SELECT end_to_end, ? FROM entry WHERE end_to_end = ? AND NOT returned",
                [(_stamp(at), key) for key in end_to_ends],
            )

    def reversals(self) -> dict[str, tuple[int, datetime]]:
        """Number and instant, by end-to-end id."""
        with closing(self._connect()) as connection:
            rows = connection.execute("SELECT end_to_end, number, reversed_at FROM reversal")
            return {key: (number, datetime.fromisoformat(at)) for key, number, at in rows}

    def book(self, end_to_ends: Sequence[str], returned: frozenset[str], at: datetime) -> None:
        """Books accepted payments, each once however often it is asked for."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO entry (end_to_end, message, satang, returned, booked_at)"
                " SELECT end_to_end, message, satang, ?, ? FROM payment WHERE end_to_end = ? AND status = 'ACCEPTED'",
                [(key in returned, _stamp(at), key) for key in end_to_ends],
            )

    def entries(self, *, message: str | None = None, since: datetime | None = None) -> list[Booked]:
        with closing(self._connect()) as connection:
            rows = connection.execute(
                "SELECT number, end_to_end, message, satang, returned, booked_at FROM entry"
                " WHERE (?1 IS NULL OR message = ?1) AND (?2 IS NULL OR booked_at >= ?2) ORDER BY number",
                (message, None if since is None else _stamp(since)),
            )
            return [
                Booked(number, end_to_end, of, satang, bool(returned), datetime.fromisoformat(at))
                for number, end_to_end, of, satang, returned, at in rows
            ]

    def of_account(self, account: str) -> list[tuple[str, int, datetime]]:
        """Everything that moved the account by files: reference, satang (negative of what left), instant. What was sent
        back left first, under the same reference."""
        with closing(self._connect()) as connection:
            rows = connection.execute(
                "SELECT e.number, e.satang, e.returned, e.booked_at, r.number, r.reversed_at FROM entry e"
                " JOIN payer p ON p.message = e.message LEFT JOIN reversal r ON r.end_to_end = e.end_to_end"
                " WHERE p.account = ? ORDER BY e.number",
                (account,),
            ).fetchall()
        found: list[tuple[str, int, datetime]] = []
        for number, satang, returned, booked_at, reversal, reversed_at in rows:
            at = datetime.fromisoformat(booked_at)
            found.append((f"SB{number:012d}", -satang, at))
            if returned:
                found.append((f"SB{number:012d}", satang, at))
            if reversal is not None:
                found.append((f"SR{reversal:012d}", satang, datetime.fromisoformat(reversed_at)))
        return found

    def knows(self, message: str) -> bool:
        return self.answer_to(message) is not None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _stamp(at: datetime) -> str:
    """In UTC and of one length, so that the order of the texts is the order of the instants."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
