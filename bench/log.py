"""What it takes to verify the access log, and to prove a record out of a large tree.

The records are made up; the tables, the tree and the signatures are as the sequencer writes them. Of the large tree
only the tiles, its head and the places of the records that are asked for are there: what a proof reads.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from core import migrations
from core.attestation.service import Attestor
from core.clock import SystemClock
from core.crypto import KeyRing
from core.database import Database
from core.settings import Settings
from services.exchange.access_log.merkle import HASH_BYTES, TILE_WIDTH, Frontier, fold, root_of
from services.exchange.access_log.proofs import TreeReader
from services.exchange.access_log.verify import HEAD, verify_log
from tests.support.log_tree import BEGAN, leaf_of, record_of
from tests.support.postgres import Postgres

KEYS: Final = KeyRing("bench", {"bench": bytes(range(32))}, bytes(range(32, 64)))
ISSUER: Final = "http://localhost:8000"
HEADS_EVERY: Final = 500
"""Leaves: a log that grows by as many each second."""
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class LogSize:
    records: int
    """That are verified."""
    leaves: int
    """Of the tree that is proved out of."""
    proofs: int


async def bench(folder: Path, footings: Sequence[str], size: LogSize, *, say: Callable[[str], None]) -> None:
    """Measures and prints."""
    for footing in footings:
        for part in (_verification, _proofs):
            with _databases(folder, footing) as url:
                migrations.upgrade(url, keys=lambda: KEYS)
                database = Database(Settings(database_url=url).sqlalchemy_url)
                try:
                    await part(database, url, footing, size, say)
                finally:
                    await database.close()


async def _verification(database: Database, url: str, footing: str, size: LogSize, say: Callable[[str], None]) -> None:
    attestor = Attestor(database, KEYS, SystemClock(), ISSUER)
    say(f"{footing}: a log of {size.records:,} records is made")
    await _log_of(size.records, url, attestor)
    say(f"{footing}: it is verified")
    for processes in sorted({1, os.cpu_count() or 1}):
        began, worked = time.perf_counter(), _cpu_seconds()
        report = await verify_log(database, attestor, processes=processes)
        seconds, worked = time.perf_counter() - began, _cpu_seconds() - worked
        assert report.is_sound, report.findings[:3]
        print(
            f"{footing}: {report.size:,} records under {report.heads:,} signed heads verified in {seconds:.1f} s "
            f"by {processes} processes, {report.size / seconds:,.0f} a second; "
            f"{worked:.1f} s of CPU beside the database's",
            flush=True,
        )


def _cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


async def _proofs(database: Database, url: str, footing: str, size: LogSize, say: Callable[[str], None]) -> None:
    attestor = Attestor(database, KEYS, SystemClock(), ISSUER)
    say(f"{footing}: a tree of {size.leaves:,} leaves is made")
    records = await _tree_of(size.leaves, url, attestor, places=size.proofs)
    tree, taken, used = TreeReader(database), [], []
    for record in records[: len(records) // 10]:
        await tree.inclusions([record])
    worked = time.process_time()
    for record in records:
        began, worked_before = time.perf_counter(), time.process_time()
        proof = (await tree.inclusions([record]))[record]
        taken.append(time.perf_counter() - began)
        used.append(time.process_time() - worked_before)
        assert proof.head.size == size.leaves
    worked = (time.process_time() - worked) / len(records) * 1000
    taken.sort()
    used.sort()
    p50, p99 = taken[len(taken) // 2] * 1000, taken[len(taken) * 99 // 100] * 1000
    print(
        f"{footing}: a proof out of {size.leaves:,} leaves, read from the tiles: p50 {p50:.2f} ms, p99 {p99:.2f} ms, "
        f"{worked:.2f} ms of CPU beside the database's (p99 {used[len(used) * 99 // 100] * 1000:.2f}); "
        f"{len(taken) / sum(taken):,.0f} a second one after the other",
        flush=True,
    )
    began = time.perf_counter()
    for at in range(0, len(records), 20):
        await tree.inclusions(records[at : at + 20])
    seconds = time.perf_counter() - began
    print(f"{footing}: the same, a page of 20 at a time: {len(records) / seconds:,.0f} a second", flush=True)


async def _log_of(records: int, url: str, attestor: Attestor) -> None:
    frontier, heads, leaves = Frontier(), [], []
    for number in range(records):
        leaves.append(leaf_of(number))
        frontier.append(leaves[-1])
        if (number + 1) % HEADS_EVERY == 0 or number + 1 == records:
            heads.append(await _head(frontier.size, frontier.root(), attestor))
    made = map(record_of, range(records))
    names = ("subject", "id", "entry", "at", "commitment", "payload_sealed", "epoch", "xid")
    _insert(url, "access_record", names, (tuple(row[name] for name in names) for row in made))
    placed = ((number, row["subject"], row["id"]) for number, row in enumerate(map(record_of, range(records))))
    _insert(url, "log_leaf", ("leaf_index", "subject", "record"), placed)
    _insert(url, "log_tile", ("level", "number", "hashes"), _tiles(leaves))
    _insert(url, "log_head", ("size", "at", "root", "signed"), heads)
    _insert(url, "log_state", _STATE, [_state(records)])


async def _tree_of(leaves: int, url: str, attestor: Attestor, *, places: int) -> list[UUID]:
    """Its leaves are random bytes, which is what leaves look like. Answers records with a place, all over the tree."""
    rows: list[list[bytes]] = [[]]
    root: list[bytes] = []

    def tiles() -> Iterator[Row]:
        frontier = Frontier()
        for number in range(-(-leaves // TILE_WIDTH)):
            hashes = os.urandom(min(TILE_WIDTH, leaves - number * TILE_WIDTH) * HASH_BYTES)
            yield 0, number, hashes
            row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
            if len(row) == TILE_WIDTH:
                rows[0].append(root_of(row))
                frontier.append(rows[0][-1])
            else:
                rest = Frontier()
                for leaf in row:
                    rest.append(leaf)
                root.extend([*frontier.peaks, *rest.peaks])
        root[:] = root or frontier.peaks
        for level, number, hashes in _tiles(rows[0]):
            yield level + 1, number, hashes

    _insert(url, "log_tile", ("level", "number", "hashes"), tiles())
    _insert(url, "log_head", ("size", "at", "root", "signed"), [await _head(leaves, fold(root), attestor)])
    step = max(1, leaves // places)
    chosen = [(number, record_of(number)) for number in range(0, leaves, step)][:places]
    placed = [(number, row["subject"], row["id"]) for number, row in chosen]
    _insert(url, "log_leaf", ("leaf_index", "subject", "record"), placed)
    mixed = sorted(range(len(chosen)), key=lambda at: chosen[at][1]["commitment"])
    return [chosen[at][1]["id"] for at in mixed]


async def _head(size: int, root: bytes, attestor: Attestor) -> Row:
    claims = {"size": size, "root": root.hex(), "at": BEGAN.isoformat(), "log": ISSUER}
    return size, BEGAN, root, await attestor.sign(claims, typ=HEAD)


def _tiles(row: Sequence[bytes]) -> Iterator[Row]:
    level = 0
    while row:
        above = []
        for at in range(0, len(row), TILE_WIDTH):
            part = row[at : at + TILE_WIDTH]
            yield level, at // TILE_WIDTH, b"".join(part)
            if len(part) == TILE_WIDTH:
                above.append(root_of(part))
        level, row = level + 1, above


_STATE: Final = ("id", "size", "epoch", "cluster", "snapshot", "backlog")


def _state(size: int) -> Row:
    return 1, size, 1, "", f"{size + 1}:{size + 1}:", False


def _insert(url: str, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """As fast as each database takes them; on SQLite as SQLAlchemy's types write them."""
    names = ", ".join(columns)
    if url.startswith("sqlite"):
        marks = ", ".join("?" * len(columns))
        with closing(sqlite3.connect(str(make_url(url).database))) as lite, lite:
            statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - our own words
            lite.executemany(statement, (tuple(map(_lite, row)) for row in rows))
        return
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()
        connection.autocommit = True
        cursor.execute(f"VACUUM ANALYZE {table}")


def _lite(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if hasattr(value, "isoformat"):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


@contextmanager
def _databases(folder: Path, footing: str) -> Iterator[str]:
    """The URL of an empty one, with the disk's safety as in production."""
    with ExitStack() as stack:
        if footing == "sqlite":
            file = folder / f"log-{len(list(folder.glob('log-*.sqlite')))}.sqlite"
            yield f"sqlite:///{file}"
            for leftover in folder.glob(f"{file.name}*"):
                leftover.unlink()
            return
        postgres = stack.enter_context(Postgres.running(durable=True))
        yield postgres.create("sitthi")
