"""What the made-up world reports to agencies that keep records of their own: read from their files, ready to be sent.

The rows of a table go in sendings of a fixed size, each under a key that names the population, so that the same
population is reported once, whoever reports it and however often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from services.plugins.contract.sandbox import Feed, Record, Refusal
from services.sandbox.agencies.register import Register
from services.sandbox.folders import AGENCIES, stand_ins
from services.sandbox.population.store import agency_file

ROWS_A_SENDING: Final = 2_000


@dataclass(frozen=True, slots=True)
class Report:
    """One sending that is to be made."""

    agency: str
    operation: str
    key: str
    feed: Feed
    register: Register
    first: int
    """Of the table's rows, from 0."""

    def body(self) -> bytes:
        """NDJSON (docs/plugins.md); empty where of none of its rows anything is reported. Raises a 503 `Refusal` when
        the file is gone meanwhile."""
        records = (self.feed.record(self.register, row) for row in self._rows())
        return b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in records if one is not None)

    def _rows(self) -> list[Record]:
        if not self.feed.table:
            return list(self.feed.rows[self.first : self.first + ROWS_A_SENDING])
        table = self.feed.table
        return self.register.all(
            f"SELECT * FROM {table} WHERE rowid > ? AND rowid <= ? ORDER BY rowid",  # noqa: S608 - our own table names
            self.first,
            self.first + ROWS_A_SENDING,
        )


def reports(data_dir: Path, agencies: Path = AGENCIES) -> Iterator[Report]:
    """All that the population on the disk reports, in the order in which it must arrive. Of an agency that has no file
    there is nothing to report."""
    for slug, stand_in in stand_ins(agencies).items():
        register = Register(agency_file(data_dir, slug))
        for place, feed in enumerate(stand_in.sandbox.feeds):
            try:
                [made] = register.all("SELECT citizens, seed, as_of, version FROM meta")
                rows = _count(register, feed)
            except Refusal:
                break
            population = "-".join(str(value) for value in made.values())
            for first in range(0, rows, ROWS_A_SENDING):
                key = f"sandbox/{population}/{stand_in.digest[:12]}/{place}/{first}"
                yield Report(slug, feed.operation, key, feed, register, first)


def _count(register: Register, feed: Feed) -> int:
    if not feed.table:
        return len(feed.rows)
    row = register.one(f"SELECT max(rowid) AS last FROM {feed.table}")  # noqa: S608 - our own table names
    return 0 if row is None else int(row["last"] or 0)
