"""Logs of any length, written into the database as a sequencer would: to be verified, tampered with and measured.

Nothing in them says anything; only hashes, places and signatures are as they must be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, delete, insert
from sqlmodel import SQLModel

from core.attestation.service import Attestor
from core.database import Database
from services.exchange.access_log.canonical import leaf_hash
from services.exchange.access_log.merkle import TILE_WIDTH, Frontier, root_of
from services.exchange.access_log.models import AccessRecord, LogHead, LogLeaf, LogState, LogTile
from services.exchange.access_log.verify import HEAD

BEGAN: Final = datetime(2026, 11, 16, 3, 0, 0, 123_456, tzinfo=UTC)
_BATCH: Final = 5_000


def record_of(number: int) -> dict[str, Any]:
    """A record of somebody, as a row; the same for the same number."""
    made = hashlib.sha256(f"record {number}".encode()).digest()
    return {
        "subject": UUID(bytes=hashlib.sha256(f"subject {number % 1000}".encode()).digest()[:16]),
        "id": UUID(bytes=made[:16]),
        "entry": UUID(bytes=made[:16]),
        "at": BEGAN + timedelta(milliseconds=number),
        "commitment": made,
        "payload_sealed": b"sealed",
        "disclosed_from": None,
        "epoch": 1,
        "xid": number + 1,
    }


def leaf_of(number: int) -> bytes:
    row = record_of(number)
    return leaf_hash(row["id"], row["at"], row["commitment"])


async def grow(database: Database, attestor: Attestor, size: int, heads: Sequence[int] = ()) -> list[str]:
    """A log of that size, with signed heads of these sizes and of its own; answers them, the smallest first."""
    frontier, roots = Frontier(), {}
    leaves = []
    for number in range(size):
        leaves.append(leaf_of(number))
        frontier.append(leaves[-1])
        if number + 1 in heads or number + 1 == size:
            roots[number + 1] = frontier.root()
    signed = {}
    for at, root in roots.items():
        claims = {"size": at, "root": root.hex(), "at": BEGAN.isoformat(), "log": "test"}
        signed[at] = await attestor.sign(claims, typ=HEAD)

    def whole(connection: Connection) -> None:
        _insert(connection, AccessRecord, (record_of(number) for number in range(size)))
        _insert(connection, LogLeaf, map(_placed, range(size)))
        _insert(connection, LogTile, _tiles(leaves))
        _insert(connection, LogHead, (_head(at, roots[at], signed[at]) for at in sorted(roots)))
        _insert(connection, LogState, [_state(size)])

    await database.transaction(whole)
    return [signed[at] for at in sorted(signed)]


async def make_anew(database: Database, attestor: Attestor, leaves: Sequence[bytes]) -> None:
    """Tiles and a head, signed by whoever can, over other leaves than there were."""
    size, root = len(leaves), root_of(leaves)
    signed = await attestor.sign({"size": size, "root": root.hex(), "at": BEGAN.isoformat(), "log": "test"}, typ=HEAD)

    def whole(connection: Connection) -> None:
        for model in (LogTile, LogHead, LogState):
            connection.execute(delete(SQLModel.metadata.tables[str(model.__tablename__)]))
        _insert(connection, LogTile, _tiles(leaves))
        _insert(connection, LogHead, [_head(size, root, signed)])
        _insert(connection, LogState, [_state(size)])

    await database.transaction(whole)


def _placed(number: int) -> dict[str, Any]:
    row = record_of(number)
    return {"leaf_index": number, "subject": row["subject"], "record": row["id"]}


def _tiles(leaves: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    level, row = 0, leaves
    while row:
        above = []
        for at in range(0, len(row), TILE_WIDTH):
            part = row[at : at + TILE_WIDTH]
            yield {"level": level, "number": at // TILE_WIDTH, "hashes": b"".join(part)}
            if len(part) == TILE_WIDTH:
                above.append(root_of(part))
        level, row = level + 1, above


def _head(size: int, root: bytes, signed: str) -> dict[str, Any]:
    return {"size": size, "root": root, "at": BEGAN, "signed": signed}


def _state(size: int) -> dict[str, Any]:
    taken = {"size": size, "epoch": 1, "cluster": "", "snapshot": f"{size + 1}:{size + 1}:", "backlog": False}
    return {"id": 1, **taken, "target": None, "cursor_xid": None, "cursor_id": None}


def _insert(connection: Connection, model: type[SQLModel], rows: Any) -> None:
    table, rest = SQLModel.metadata.tables[str(model.__tablename__)], iter(rows)
    while batch := list(islice(rest, _BATCH)):
        connection.execute(insert(table), batch)
