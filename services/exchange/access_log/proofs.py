"""Proofs out of the log's tree: that a record stands in it, and that a later tree holds all of an earlier one.

Everything here tells of hashes alone. Whose record it is, and whether they may learn of it yet, is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from sqlalchemy import and_, bindparam, or_, select, true
from sqlmodel import SQLModel, col

from core.database import Database
from core.errors import BadInput
from core.text import Text
from services.exchange.access_log.merkle import (
    HASH_BYTES,
    TILE_LEVELS,
    TILE_WIDTH,
    Node,
    Plan,
    Tile,
    carried_out,
    consistency_plan,
    inclusion_plan,
    node_of,
    place_of,
    pyramid,
    tiles_of,
)
from services.exchange.access_log.models import LogHead, LogTile

NO_SUCH_TREE: Final = Text(
    th="ขนาดของบันทึกต้องอยู่ระหว่าง 1 ถึงขนาดปัจจุบัน และ from ต้องไม่เกิน to",
    en="sizes of the log are from 1 to what it holds now, and `from` is not more than `to`",
)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The tree at a moment. `signed` is the JWS over all the rest; `root` has 32 bytes."""

    size: int
    root: bytes
    at: datetime
    signed: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a leaf is the `index`-th of the tree of that head (RFC 9162 §2.1.3)."""

    index: int
    head: TreeHead
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Consistency:
    """That a tree of `second` leaves begins with the one of `first` (RFC 9162 §2.1.4)."""

    first: int
    second: int
    path: Sequence[bytes]


_NEWEST: Final = (
    select(col(LogHead.size), col(LogHead.root), col(LogHead.at), col(LogHead.signed))
    .order_by(col(LogHead.size).desc())
    .limit(1)
)
_newest = _NEWEST.subquery("newest")
_leaf = SQLModel.metadata.tables["log_leaf"]
_PLACES: Final = (
    select(_newest.c.size, _newest.c.root, _newest.c.at, _newest.c.signed, _leaf.c.record, _leaf.c.leaf_index)
    .select_from(_leaf.join(_newest, true()))
    .where(_leaf.c.record.in_(bindparam("records", expanding=True)))
)
_LEVELS: Final = 6
"""Of tiles: enough for 2^48 leaves."""
_TILES: Final = select(col(LogTile.level), col(LogTile.number), col(LogTile.hashes)).where(
    or_(
        *(
            and_(col(LogTile.level) == level, col(LogTile.number).in_(bindparam(f"of_{level}", expanding=True)))
            for level in range(_LEVELS)
        )
    )
)
"""A level at a time: SQLite looks through the whole table for pairs."""


@lru_cache(maxsize=256)
def _pyramid(hashes: bytes) -> Sequence[Sequence[bytes]]:
    """By content. Tiles above the leaves are few (153 of ten million leaves), and every proof needs some of them."""
    return pyramid(hashes)


class TreeReader:
    """Reads what the sequencer wrote. Two statements make a proof; the tree only grows, so they need no transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def head(self) -> TreeHead | None:
        """The newest; None before the first record is in the tree."""
        rows = await self._database.alone(_NEWEST, {})
        return TreeHead(*rows[0]) if rows else None

    async def inclusions(self, records: Collection[UUID]) -> Mapping[UUID, Inclusion]:
        """By record, all under one head; whoever is missing is not in the tree yet."""
        rows = await self._database.alone(_PLACES, {"records": list(records)}) if records else ()
        if not rows:
            return {}
        head = TreeHead(*rows[0][:4])
        places: dict[UUID, int] = {record: index for *_, record, index in rows}
        paths = await self._carried_out([inclusion_plan(index, head.size) for index in places.values()])
        return {
            record: Inclusion(index, head, path) for (record, index), path in zip(places.items(), paths, strict=True)
        }

    async def consistency(self, first: int, second: int) -> Consistency:
        """Raises `BadInput` for sizes that the log never had in that order."""
        head = await self.head()
        if head is None or not 0 < first <= second <= head.size:
            raise BadInput(NO_SUCH_TREE)
        [path] = await self._carried_out([consistency_plan(first, second)])
        return Consistency(first, second, path)

    async def tile(self, tile: Tile, width: int) -> bytes | None:
        """The first `width` hashes of a tile; None while it does not hold as many."""
        hashes = (await self._tiles({tile})).get(tile, b"") if tile.level < _LEVELS else b""
        end = width * HASH_BYTES
        return hashes[:end] if 0 < width <= TILE_WIDTH and len(hashes) >= end else None

    async def _carried_out(self, plans: Sequence[Plan]) -> Sequence[list[bytes]]:
        tiles = await self._tiles({tile for plan in plans for tile in tiles_of(plan)})

        def hash_of(node: Node) -> bytes:
            place = place_of(node)
            hashes = tiles[place.tile]
            if not place.tile.level:
                return node_of(hashes, place)
            within = node.level % TILE_LEVELS
            return _pyramid(hashes)[within][place.start >> within]

        return [carried_out(plan, hash_of) for plan in plans]

    async def _tiles(self, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        if not tiles:  # a tree of one leaf proves it by nothing
            return {}
        wanted = {f"of_{level}": [one.number for one in tiles if one.level == level] for level in range(_LEVELS)}
        rows = await self._database.alone(_TILES, wanted)
        return {Tile(level, number): hashes for level, number, hashes in rows}
