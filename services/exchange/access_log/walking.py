"""Walks a stretch of the log: records in the order of the tree, hashed anew and held against its tiles.

A process of its own walks each stretch, so all of this is synchronous, and what goes in and out is plain data. What the
tree holds of a leaf is what roots are made of here: whether the tree or the record was changed, the signed heads tell.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeAlias

from sqlalchemy import make_url

from services.exchange.access_log.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    Frontier,
    Tile,
    fold,
    paired,
)

CHUNK: Final = TILE_WIDTH * TILE_WIDTH
"""Leaves under one hash of a tile of level 2."""
FAULTS_MAX: Final = 1_000
"""Of one stretch: what is wrong beyond that is counted, and no more told."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PG_EPOCH_MICROSECONDS: Final = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND

Found: TypeAlias = tuple[int, bytes | None]
"""A place in the tree, and the leaf that its record gives; None where the record is missing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one leaf. `made` is what its record gives, `held` what the tree has of it; None: nothing."""

    index: int
    made: bytes | None
    held: bytes | None
    is_placed: bool = True
    """Whether the log knows which record belongs there."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The leaves from `start`, a multiple of :data:`CHUNK`, to before `end`."""

    start: int
    end: int
    sizes: Sequence[int]
    """Where roots are wanted, rising; all in this stretch, its end at most."""


@dataclass(slots=True)
class Walked:
    """`roots` has for each wanted size one hash over the leaves from the beginning of its chunk; `chunks` one for each
    chunk that is full."""

    stretch: Stretch
    chunks: list[bytes] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    faults_more: int = 0
    tiles: list[Tile] = field(default_factory=list)
    """Those of level 1 that do not hold the roots of the tiles below them; of level 0, those that are cut off."""


def walk(url: str, stretch: Stretch) -> Walked:
    """`url` names a synchronous driver. Raises what the database raises."""
    walked = Walked(stretch)
    with opened(url) as log:
        rows = log.leaves(stretch.start, stretch.end)
        for start in range(stretch.start, stretch.end, CHUNK):
            _walk_chunk(log, rows, start, min(start + CHUNK, stretch.end), walked)
    return walked


def _walk_chunk(log: Log, rows: Rows, start: int, end: int, walked: Walked) -> None:
    above = Frontier()
    roots: list[bytes] = []
    wanted = {size for size in walked.stretch.sizes if start < size <= end}
    first = start // TILE_WIDTH
    held = log.tiles(0, first, -(-end // TILE_WIDTH))
    for number in range(first, -(-end // TILE_WIDTH)):
        at = number * TILE_WIDTH
        row = _held_against(rows, held.get(number, b""), at, min(at + TILE_WIDTH, end), walked)
        inside = {size for size in wanted if at < size <= at + TILE_WIDTH}
        if inside:
            _roots_inside(row, at, inside, above, walked)
        if len(row) == TILE_WIDTH:
            while len(row) > 1:
                row = paired(row)
            roots.append(row[0])
            above.append(row[0])
    own = log.tiles(1, start // CHUNK, start // CHUNK + 1).get(start // CHUNK, b"")
    if own[: len(roots) * HASH_BYTES] != b"".join(roots):
        walked.tiles.append(Tile(1, start // CHUNK))
    if end - start == CHUNK:
        walked.chunks.append(above.root())


def _held_against(rows: Rows, tile: bytes, start: int, end: int, walked: Walked) -> list[bytes]:
    """What the tree holds of the leaves of one tile; where it holds nothing, what their records give."""
    row = []
    for index in range(start, end):
        offset = (index - start) * HASH_BYTES
        held = tile[offset : offset + HASH_BYTES] or None
        is_placed, made = rows.take(index)
        if made is None or made != held:
            _note(walked, Fault(index, made, held, is_placed))
        row.append(held or made or bytes(HASH_BYTES))
    return row


def _note(walked: Walked, fault: Fault) -> None:
    if len(walked.faults) < FAULTS_MAX:
        walked.faults.append(fault)
    else:
        walked.faults_more += 1


def _roots_inside(row: Sequence[bytes], at: int, sizes: set[int], above: Frontier, walked: Walked) -> None:
    growing = Frontier()
    for leaf in row[: max(sizes) - at]:
        growing.append(leaf)
        size = at + growing.size
        if size in sizes:
            walked.roots[size] = fold([*above.peaks, *growing.peaks])


class Rows:
    """The leaves that the records of a stretch give, by their place."""

    def __init__(self, found: Iterator[Found]) -> None:
        self._found = found
        self._next = next(found, None)

    def take(self, index: int) -> tuple[bool, bytes | None]:
        """Whether a record is placed there, and what it gives. Asked for in rising order."""
        while self._next is not None and self._next[0] < index:
            self._next = next(self._found, None)
        if self._next is None or self._next[0] != index:
            return False, None
        made = self._next[1]
        self._next = next(self._found, None)
        return True, made


class Log:
    """The tables of the log through the database's own driver: a session would take longer than all the hashing."""

    def leaves(self, start: int, end: int) -> Rows:
        raise NotImplementedError

    def tiles(self, level: int, start: int, end: int) -> dict[int, bytes]:
        """By number."""
        raise NotImplementedError


@contextlib.contextmanager
def opened(url: str) -> Iterator[Log]:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with contextlib.closing(sqlite3.connect(f"file:{parsed.database}?mode=ro", uri=True)) as lite:
            yield SqliteLog(lite)
        return
    import psycopg  # noqa: PLC0415 - only where PostgreSQL is

    parts = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(parts) as streaming, psycopg.connect(parts) as beside:
        yield PostgresLog(streaming, beside)


_LEAVES: Final = """
    FROM log_leaf l LEFT JOIN access_record r ON r.subject = l.subject AND r.id = l.record
"""


class SqliteLog(Log):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def leaves(self, start: int, end: int) -> Rows:
        query = f"""
            SELECT l.leaf_index, r.id, r.at, r.commitment {_LEAVES}
             WHERE l.leaf_index >= ? AND l.leaf_index < ? ORDER BY l.leaf_index
        """
        return Rows(map(_of_sqlite, self._connection.execute(query, (start, end))))

    def tiles(self, level: int, start: int, end: int) -> dict[int, bytes]:
        query = "SELECT number, hashes FROM log_tile WHERE level = ? AND number >= ? AND number < ?"
        return dict(self._connection.execute(query, (level, start, end)).fetchall())


def _of_sqlite(row: tuple[int, str | None, str, bytes]) -> Found:
    index, record, at, commitment = row
    if record is None:
        return index, None
    time = (datetime.fromisoformat(at).replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
    return index, sha256(b"\x00" + bytes.fromhex(record) + time.to_bytes(8, "big") + commitment).digest()


class PostgresLog(Log):
    """`streaming` is busy while leaves are read."""

    def __init__(self, streaming: Any, beside: Any) -> None:
        self._streaming, self._beside = streaming, beside

    def leaves(self, start: int, end: int) -> Rows:
        return Rows(self._copied(int(start), int(end)))

    def _copied(self, start: int, end: int) -> Iterator[Found]:
        """Each row in the binary format of COPY: 2 bytes with the number of fields, and each with its length (4)."""
        query = f"""
            COPY (SELECT l.leaf_index, uuid_send(r.id) || timestamptz_send(r.at) || r.commitment {_LEAVES}
                   WHERE l.leaf_index >= {start} AND l.leaf_index < {end} ORDER BY l.leaf_index)
              TO STDOUT (FORMAT binary)
        """
        with self._streaming.cursor() as cursor, cursor.copy(query) as copy:
            is_first = True
            for block in copy:
                # A message of the protocol is one row; the first brings the header (19 bytes), the last is the trailer.
                data = bytes(block)
                at = 19 if is_first else 0
                is_first = False
                while at + 18 <= len(data):
                    length = int.from_bytes(data[at + 14 : at + 18], "big", signed=True)
                    index = int.from_bytes(data[at + 6 : at + 14], "big")
                    at += 18
                    if length < 0:
                        yield index, None
                        continue
                    yield index, _of_copy(data[at : at + length])
                    at += length

    def tiles(self, level: int, start: int, end: int) -> dict[int, bytes]:
        query = "SELECT number, hashes FROM log_tile WHERE level = %s AND number >= %s AND number < %s"
        with self._beside.cursor(binary=True) as cursor:
            return dict(cursor.execute(query, (level, start, end)).fetchall())


def _of_copy(sent: bytes) -> bytes:
    time = int.from_bytes(sent[16:24], "big", signed=True) + _PG_EPOCH_MICROSECONDS
    return sha256(b"\x00" + sent[:16] + time.to_bytes(8, "big") + sent[24:]).digest()
