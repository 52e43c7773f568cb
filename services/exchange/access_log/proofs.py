"""Proofs out of the log's tree: that a record stands in it, and that a later tree holds all of an earlier one.

Everything here tells of hashes alone. Whose record it is, and whether they may learn of it yet, is asked elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import and_, bindparam, or_, select, true
from sqlmodel import SQLModel, col

from core.database import Database
from core.database_faults import driver_told_as_unavailable
from core.errors import BadInput
from core.text import Text
from services.exchange.access_log.merkle import (
    HASH_BYTES,
    TILE_LEVELS,
    TILE_WIDTH,
    Node,
    Place,
    Plan,
    Tile,
    carried_out,
    consistency_plan,
    inclusion_holds,
    inclusion_plan,
    node_of,
    place_of,
    pyramid,
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
_tile = SQLModel.metadata.tables["log_tile"]
_PLACES: Final = (
    select(
        *(_newest.c[name] for name in ("size", "root", "at", "signed")),
        _leaf.c.record,
        _leaf.c.leaf_index,
        _tile.c.hashes,
    )
    .select_from(
        _leaf.join(_newest, true()).outerjoin(
            _tile, and_(_tile.c.level == 0, _tile.c.number == _leaf.c.leaf_index.op(">>")(TILE_LEVELS))
        )
    )
    .where(_leaf.c.record.in_(bindparam("records", expanding=True)))
)
_PG_PLACES: Final = """
SELECT newest.size, newest.root, newest.at, newest.signed, record, leaf_index, hashes
  FROM (SELECT size, root, at, signed FROM log_head ORDER BY size DESC LIMIT 1) AS newest
 CROSS JOIN log_leaf LEFT JOIN log_tile ON level = 0 AND number = leaf_index >> 8
 WHERE record = ANY ($1::uuid[])
"""
"""The same for asyncpg itself: SQLAlchemy takes longer than the rest of a proof."""
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


TILES_KEPT: Final = 512
"""Some 20 MB with all their nodes: enough of the levels above thirty million leaves."""


@dataclass(frozen=True, slots=True)
class _Kept:
    hashes: bytes
    nodes: Sequence[Sequence[bytes]]
    """All nodes of the tile (:func:`merkle.pyramid`)."""


@dataclass(slots=True)
class _KeptTiles:
    """Tiles of which every proof needs some of the same few: those above the leaves, and the last of the leaves. What a
    tile holds never changes, it only grows: a kept one serves as long as it reaches far enough."""

    kept: OrderedDict[Tile, _Kept] = field(default_factory=OrderedDict)

    def get(self, tile: Tile, hashes: int) -> _Kept | None:
        found = self.kept.get(tile)
        if found is None or len(found.hashes) < hashes * HASH_BYTES:
            return None
        self.kept.move_to_end(tile)
        return found

    def keep(self, tile: Tile, hashes: bytes) -> _Kept:
        self.kept[tile] = made = _Kept(hashes, pyramid(hashes))
        self.kept.move_to_end(tile)
        while len(self.kept) > TILES_KEPT:
            self.kept.popitem(last=False)
        return made


_KEPT: Final[WeakKeyDictionary[Database, _KeptTiles]] = WeakKeyDictionary()


class TreeReader:
    """Reads what the sequencer wrote. One statement makes a proof, with another for tiles that are not kept; the tree
    only grows, so they need no transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept = _KEPT.setdefault(database, _KeptTiles())

    async def head(self) -> TreeHead | None:
        """The newest; None before the first record is in the tree."""
        rows = await self._database.alone(_NEWEST, {})
        return TreeHead(*rows[0]) if rows else None

    async def inclusions(self, records: Collection[UUID]) -> Mapping[UUID, Inclusion]:
        """By record, all under one head; whoever is missing is not in the tree yet."""
        rows = await self._places(records) if records else ()
        if not rows:
            return {}
        head = TreeHead(*rows[0][:4])
        places: dict[UUID, int] = {row[4]: row[5] for row in rows}
        leaves = {Tile(0, row[5] // TILE_WIDTH): row[6] for row in rows if row[6] is not None}
        plans = [inclusion_plan(index, head.size) for index in places.values()]
        paths = await self._carried_out(plans, leaves)
        if not all(_holds(leaves, index, head, path) for index, path in zip(places.values(), paths, strict=True)):
            self._kept.kept.clear()  # of another tree: the database was put back to an earlier state
            paths = await self._carried_out(plans, leaves)
        return {
            record: Inclusion(index, head, path) for (record, index), path in zip(places.items(), paths, strict=True)
        }

    async def consistency(self, first: int, second: int) -> Consistency:
        """Raises `BadInput` for sizes that the log never had in that order."""
        head = await self.head()
        if head is None or not 0 < first <= second <= head.size:
            raise BadInput(NO_SUCH_TREE)
        [path] = await self._carried_out([consistency_plan(first, second)], {})
        return Consistency(first, second, path)

    async def tile(self, tile: Tile, width: int) -> bytes | None:
        """The first `width` hashes of a tile; None while it does not hold as many."""
        hashes = (await self._tiles({tile})).get(tile, b"") if tile.level < _LEVELS else b""
        end = width * HASH_BYTES
        return hashes[:end] if 0 < width <= TILE_WIDTH and len(hashes) >= end else None

    async def _places(self, records: Collection[UUID]) -> Sequence[Any]:
        """Of each record that has a place: the newest head, the record, its place, and the tile that its leaf is in."""
        if self._database.is_sqlite:
            return await self._database.alone(_PLACES, {"records": list(records)})
        async with self._database.driver() as connection:
            with driver_told_as_unavailable():
                rows: Sequence[Any] = await connection.fetch(_PG_PLACES, list(records))
        return rows

    async def _carried_out(self, plans: Sequence[Plan], leaves: Mapping[Tile, bytes]) -> Sequence[list[bytes]]:
        """`leaves` are tiles of level 0 that were read already."""
        held: dict[Tile, _Kept] = {}
        missing = set()
        places = {node: place_of(node) for plan in plans for nodes in plan for node in nodes}
        for tile, hashes in _reach_of(places.values()).items():
            if tile in leaves:
                continue
            kept = self._kept.get(tile, hashes)
            if kept is None:
                missing.add(tile)
            else:
                held[tile] = kept
        for tile, read in (await self._tiles(missing)).items():
            held[tile] = self._kept.keep(tile, read)

        def hash_of(node: Node) -> bytes:
            place = places[node]
            if place.tile in leaves:
                return node_of(leaves[place.tile], place)
            within = node.level % TILE_LEVELS
            return held[place.tile].nodes[within][place.start >> within]

        return [carried_out(plan, hash_of) for plan in plans]

    async def _tiles(self, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
        if not tiles:  # a tree of one leaf proves it by nothing
            return {}
        wanted = {f"of_{level}": [one.number for one in tiles if one.level == level] for level in range(_LEVELS)}
        rows = await self._database.alone(_TILES, wanted)
        return {Tile(level, number): hashes for level, number, hashes in rows}


def _reach_of(places: Iterable[Place]) -> Mapping[Tile, int]:
    """The tiles that are needed, and how many hashes each must hold."""
    reach: dict[Tile, int] = {}
    for place in places:
        reach[place.tile] = max(reach.get(place.tile, 0), place.start + place.width)
    return reach


def _holds(leaves: Mapping[Tile, bytes], index: int, head: TreeHead, path: Sequence[bytes]) -> bool:
    """Whether the path leads from the leaf, as its tile has it, to the root that was signed."""
    number, within = divmod(index, TILE_WIDTH)
    leaf = leaves.get(Tile(0, number), b"")[within * HASH_BYTES : (within + 1) * HASH_BYTES]
    return inclusion_holds(leaf, index, head.size, path, head.root)
