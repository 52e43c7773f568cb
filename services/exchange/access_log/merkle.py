"""Merkle trees after RFC 9162 §2.1 with SHA-256. Pure: hashes come from whoever keeps them.

A *node* is a complete subtree: `(level, number)` covers the leaves from `number · 2^level` on, `2^level` of them. A
proof is planned first, as the nodes that each of its hashes is folded from, so that a caller reads them all at once; a
*tile* (C2SP tlog-tiles) holds 256 neighbours of one level, and gives every node of the eight levels above them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

HASH_BYTES: Final = 32
TILE_LEVELS: Final = 8
TILE_WIDTH: Final = 1 << TILE_LEVELS
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Of a tree without leaves."""


class Node(NamedTuple):
    """A complete subtree of `2^level` leaves; `number` counts those of its level from 0."""

    level: int
    number: int


class Tile(NamedTuple):
    """The hashes of the nodes of level `8 · level` from `256 · number` on."""

    level: int
    number: int


class Place(NamedTuple):
    """Where in a tile the hashes stand that a node is made of: `width` of them, from the `start`-th."""

    tile: Tile
    start: int
    width: int


Plan = Sequence[Sequence[Node]]
"""For each hash of a proof, the complete subtrees it is folded from, left to right."""
Hashes = Callable[[Node], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """RFC 9162 §2.1.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(peaks: Sequence[bytes]) -> bytes:
    """One hash over neighbouring subtrees, the larger left of the smaller: the root of a tree from its peaks."""
    if not peaks:
        return EMPTY_ROOT
    result = peaks[-1]
    for left in reversed(peaks[:-1]):
        result = node_hash(left, result)
    return result


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


@dataclass(slots=True)
class Frontier:
    """The peaks of a growing tree: what is needed to append to it, and its root at any time.

    `peaks` has one hash for each bit that is set in `size`, the largest subtree first.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError("a tree has a peak for each bit of its size")

    def append(self, leaf: bytes) -> None:
        whole = leaf
        for _ in range(_trailing_ones(self.size)):
            whole = node_hash(self.peaks.pop(), whole)
        self.peaks.append(whole)
        self.size += 1

    def root(self) -> bytes:
        return fold(self.peaks)


def peaks_of(start: int, end: int) -> Sequence[Node]:
    """The complete subtrees over the leaves from `start` to before `end`; `start` is where the RFC splits."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_plan(index: int, size: int) -> Plan:
    """PATH(index, D[size]) of RFC 9162 §2.1.3.1. Raises ValueError for a leaf that the tree does not have."""
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    ranges, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return [peaks_of(*one) for one in reversed(ranges)]


def consistency_plan(first: int, second: int) -> Plan:
    """PROOF(first, D[second]) of RFC 9162 §2.1.4.1. Raises ValueError unless 0 < first <= second."""
    if not 0 < first <= second:
        raise ValueError("a tree is consistent with a later one that is not empty")
    ranges, start, end = [], 0, second
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return [peaks_of(*one) for one in reversed(ranges)]


def carried_out(plan: Plan, hashes: Hashes) -> list[bytes]:
    """The proof."""
    return [fold([hashes(node) for node in nodes]) for nodes in plan]


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2: whether the path proves that the `index`-th leaf of that tree is this."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *path):
        return False
    at, last, made = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            made = node_hash(step, made)
            zeros = _trailing_zeros(at)  # to where the subtree is a right child; none if it is one already
            at, last = at >> zeros, last >> zeros
        else:
            made = node_hash(made, step)
        at, last = at >> 1, last >> 1
    return last == 0 and made == root


def consistency_holds(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 §2.1.4.2: whether the proof shows that the second tree begins with all that the first holds.

    Of an empty first tree nothing has to be shown, so its proof is empty; a tree is consistent with itself.
    """
    if not 0 <= first <= second or not _are_hashes(first_root, second_root, *proof):
        return False
    if first == 0:
        return first_root == EMPTY_ROOT and not proof
    if first == second:
        return first_root == second_root and not proof
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    ones = _trailing_ones(first - 1)
    at, last = (first - 1) >> ones, (second - 1) >> ones
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(step, old), node_hash(step, new)
            zeros = _trailing_zeros(at)
            at, last = at >> zeros, last >> zeros
        else:
            new = node_hash(new, step)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def place_of(node: Node) -> Place:
    """The lowest hashes that give the node, all in one tile."""
    level, within = divmod(node.level, TILE_LEVELS)
    first = node.number << within
    return Place(Tile(level, first // TILE_WIDTH), first % TILE_WIDTH, 1 << within)


def tiles_of(plan: Plan) -> set[Tile]:
    """What has to be read to carry the plan out."""
    return {place_of(node).tile for nodes in plan for node in nodes}


def node_of(tile: bytes, place: Place) -> bytes:
    """A node's hash out of its tile. Raises ValueError when the tile does not reach that far."""
    start, end = place.start * HASH_BYTES, (place.start + place.width) * HASH_BYTES
    if len(tile) < end:
        raise ValueError(f"the tile {place.tile} ends before the hashes that are asked of it")
    if place.width == 1:
        return tile[start:end]
    sha256 = hashlib.sha256
    row = [sha256(b"\x01" + tile[at : at + 2 * HASH_BYTES]).digest() for at in range(start, end, 2 * HASH_BYTES)]
    while len(row) > 1:
        row = paired(row)
    return row[0]


def pyramid(tile: bytes) -> Sequence[Sequence[bytes]]:
    """All nodes of a tile: its hashes, their parents, and so on up to the eighth level as far as it is filled."""
    rows = [[tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]]
    while len(rows[-1]) > 1:
        rows.append(paired(rows[-1]))
    return rows


def paired(row: Iterable[bytes]) -> list[bytes]:
    """The parents of neighbours; a last one without a neighbour has none yet."""
    sha256, hashes = hashlib.sha256, iter(row)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(hashes, hashes, strict=False)]


def widths_of(size: int) -> Iterator[tuple[Tile, int]]:
    """Every tile of a tree of that size, with how many hashes it holds; the lowest level first."""
    level, count = 0, size
    while count:
        for number in range(-(-count // TILE_WIDTH)):
            yield Tile(level, number), min(TILE_WIDTH, count - number * TILE_WIDTH)
        level, count = level + 1, count // TILE_WIDTH


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _are_hashes(*given: bytes) -> bool:
    return all(len(one) == HASH_BYTES for one in given)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1 if number else 0


def _trailing_ones(number: int) -> int:
    return _trailing_zeros(number + 1)
