"""Appending leaves to a tree of tiles: which tiles change, and the root it has then. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.exchange.access_log.merkle import HASH_BYTES, TILE_LEVELS, TILE_WIDTH, Tile, fold, paired

_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Grown:
    """A tree after leaves were appended; `tiles` are those that changed, whole."""

    size: int
    root: bytes
    tiles: Mapping[Tile, bytes]


def edge_of(size: int) -> list[Tile]:
    """The tiles on the right edge of a tree of that size that are not full: what appending to it begins from."""
    edge, level = [], 0
    while count := size >> TILE_LEVELS * level:
        if count % TILE_WIDTH:
            edge.append(Tile(level, count // TILE_WIDTH))
        level += 1
    return edge


def grown(size: int, edge: Mapping[Tile, bytes], leaves: Sequence[bytes]) -> Grown:
    """Appends leaf hashes to a tree of `size` leaves, whose unfinished tiles (:func:`edge_of`) are given.

    Raises ValueError for an edge that is not of that size: it would grow into a tree that nobody could prove.
    """
    changed: dict[Tile, bytes] = {}
    open_tiles: list[bytes] = []
    level, new = 0, list(leaves)
    total = size + len(leaves)
    while total >> TILE_LEVELS * level:
        count = size >> TILE_LEVELS * level
        number, kept = divmod(count, TILE_WIDTH)
        held = edge[Tile(level, number)] if kept else b""
        if len(held) != kept * HASH_BYTES:
            raise ValueError(f"tile {level}/{number} does not hold the {kept} hashes it should")
        held += b"".join(new)
        new_above = []
        for start in range(0, len(held), _TILE_BYTES):
            part = held[start : start + _TILE_BYTES]
            if new:
                changed[Tile(level, number + start // _TILE_BYTES)] = part
            if len(part) == _TILE_BYTES:
                new_above.append(_peaks(part)[0])
        open_tiles.append(held[len(held) - len(held) % _TILE_BYTES :])
        level, new = level + 1, new_above
    peaks = [peak for part in reversed(open_tiles) for peak in _peaks(part)]
    return Grown(total, fold(peaks), changed)


def _peaks(part: bytes) -> list[bytes]:
    """The roots of the largest complete subtrees over neighbouring hashes, the largest first."""
    row = [part[at : at + HASH_BYTES] for at in range(0, len(part), HASH_BYTES)]
    peaks = []
    while row:
        if len(row) % 2:
            peaks.append(row.pop())
        row = paired(row)
    peaks.reverse()
    return peaks
