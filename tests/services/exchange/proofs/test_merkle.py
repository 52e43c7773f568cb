"""The tree against the definitions of RFC 9162 §2.1, written down here as they stand there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from random import Random  # noqa: TID251 (trees and faults from a seed)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.access_log.merkle import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Frontier,
    Node,
    Tile,
    carried_out,
    consistency_holds,
    consistency_plan,
    fold,
    inclusion_holds,
    inclusion_plan,
    leaf_hash,
    node_of,
    peaks_of,
    place_of,
    root_of,
    tiles_of,
    widths_of,
)

EVERY_SIZE = range(301)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def k_of(n: int) -> int:
    """ "the largest power of two smaller than n (i.e., k < n <= 2k)"."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: Sequence[bytes]) -> bytes:
    """§2.1.1: MTH({}) = HASH(); MTH({d[0]}) = HASH(0x00 || d[0]);
    MTH(D_n) = HASH(0x01 || MTH(D[0:k]) || MTH(D[k:n]))."""
    if not d:
        return sha256(b"")
    if len(d) == 1:
        return sha256(b"\x00" + d[0])
    k = k_of(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:]))


def path(m: int, d: Sequence[bytes]) -> list[bytes]:
    """§2.1.3.1."""
    if len(d) == 1:
        return []
    k = k_of(len(d))
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def proof(m: int, d: Sequence[bytes]) -> list[bytes]:
    """§2.1.4.1."""
    return subproof(m, d, b=True)


def subproof(m: int, d: Sequence[bytes], *, b: bool) -> list[bytes]:
    if m == len(d):
        return [] if b else [mth(d)]
    k = k_of(len(d))
    if m <= k:
        return [*subproof(m, d[:k], b=b), mth(d[k:])]
    return [*subproof(m - k, d[k:], b=False), mth(d[:k])]


def entries_of(size: int) -> list[bytes]:
    return [f"entry {number}".encode() for number in range(size)]


class Kept:
    """A tree as somebody keeps it who has tiles alone."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.tiles: dict[Tile, bytes] = {}
        level, row = 0, [leaf_hash(entry) for entry in entries]
        while row:
            for index in range(-(-len(row) // TILE_WIDTH)):
                self.tiles[Tile(level, index)] = b"".join(row[index * TILE_WIDTH : (index + 1) * TILE_WIDTH])
            row = [root_of(row[at : at + TILE_WIDTH]) for at in range(0, len(row) - TILE_WIDTH + 1, TILE_WIDTH)]
            level += 1

    def hash(self, node: Node) -> bytes:
        place = place_of(node)
        return node_of(self.tiles[place.tile], place)


def test_the_root_of_every_size_is_that_of_the_definition() -> None:
    frontier, entries = Frontier(), entries_of(EVERY_SIZE[-1])
    assert frontier.root() == EMPTY_ROOT == mth([])
    for size, entry in enumerate(entries, 1):
        frontier.append(leaf_hash(entry))
        assert frontier.size == size
        assert frontier.root() == mth(entries[:size])


@pytest.mark.parametrize("size", [*range(1, 20), 63, 64, 65, 127, 128, 129, 255, 256, 257, 299, 300])
def test_every_leaf_of_a_tree_has_the_proof_of_the_definition(size: int) -> None:
    entries = entries_of(size)
    kept, root = Kept(entries), mth(entries)
    for index, entry in enumerate(entries):
        made = carried_out(inclusion_plan(index, size), kept.hash)
        assert made == path(index, entries)
        assert inclusion_holds(leaf_hash(entry), index, size, made, root)


def test_every_size_proves_one_of_its_leaves_and_an_earlier_size() -> None:
    entries, chance = entries_of(EVERY_SIZE[-1]), Random(9162)
    for size in EVERY_SIZE[1:]:
        index, first = chance.randrange(size), chance.randrange(1, size + 1)
        kept, root = Kept(entries[:size]), mth(entries[:size])
        made = carried_out(inclusion_plan(index, size), kept.hash)
        assert made == path(index, entries[:size])
        assert inclusion_holds(leaf_hash(entries[index]), index, size, made, root)
        shown = carried_out(consistency_plan(first, size), kept.hash)
        assert shown == proof(first, entries[:size])
        assert consistency_holds(first, mth(entries[:first]), size, root, shown)


@pytest.mark.parametrize("second", [*range(1, 40), 64, 65, 256, 257, 300])
def test_every_earlier_size_is_consistent_by_the_proof_of_the_definition(second: int) -> None:
    entries = entries_of(second)
    kept, root = Kept(entries), mth(entries)
    for first in range(1, second + 1):
        made = carried_out(consistency_plan(first, second), kept.hash)
        assert made == proof(first, entries)
        assert consistency_holds(first, mth(entries[:first]), second, root, made)


@given(size=st.integers(1, 70_000), chance=st.randoms(use_true_random=False))
def test_proofs_of_large_trees_hold(size: int, chance: Random) -> None:
    kept, index, first = _LARGE, chance.randrange(size), chance.randrange(1, size + 1)
    root, before = (fold([kept.hash(node) for node in peaks_of(0, end)]) for end in (size, first))
    leaf = kept.hash(Node(0, index))
    made = carried_out(inclusion_plan(index, size), kept.hash)
    assert inclusion_holds(leaf, index, size, made, root)
    assert consistency_holds(first, before, size, root, carried_out(consistency_plan(first, size), kept.hash))


@given(size=st.integers(2, 70_000), chance=st.randoms(use_true_random=False))
def test_no_other_proof_of_inclusion_is_taken(size: int, chance: Random) -> None:
    kept, index = _LARGE, chance.randrange(size)
    root, leaf = fold([kept.hash(node) for node in peaks_of(0, size)]), kept.hash(Node(0, index))
    made = carried_out(inclusion_plan(index, size), kept.hash)
    for other in others_of(made, chance):
        assert not inclusion_holds(leaf, index, size, other, root)
    for at in {chance.randrange(size), index - 1, index + 1, size, -1} - {index}:
        assert not inclusion_holds(leaf, at, size, made, root)
    assert not inclusion_holds(flipped(leaf, chance), index, size, made, root)
    assert not inclusion_holds(leaf, index, size, made, flipped(root, chance))
    assert not inclusion_holds(leaf[:-1], index, size, made, root)


@given(size=st.integers(2, 70_000), chance=st.randoms(use_true_random=False))
def test_no_other_proof_of_consistency_is_taken(size: int, chance: Random) -> None:
    kept, first = _LARGE, chance.randrange(1, size)
    root, before = (fold([kept.hash(node) for node in peaks_of(0, end)]) for end in (size, first))
    made = carried_out(consistency_plan(first, size), kept.hash)
    for other in others_of(made, chance):
        assert not consistency_holds(first, before, size, root, other)
    assert not consistency_holds(first, flipped(before, chance), size, root, made)
    assert not consistency_holds(first, before, size, flipped(root, chance), made)
    assert not consistency_holds(size, before, first, root, made)
    assert not consistency_holds(first, before, size, before, [])
    assert not consistency_holds(first, before, first, root, [])
    assert not consistency_holds(0, before, size, root, made)


def test_every_bit_of_a_proof_counts() -> None:
    entries = entries_of(13)
    kept, root, leaf = Kept(entries), mth(entries), leaf_hash(entries[5])
    made = carried_out(inclusion_plan(5, 13), kept.hash)
    shown = carried_out(consistency_plan(6, 13), kept.hash)
    cases: list[tuple[list[bytes], Callable[[list[bytes]], bool]]] = [
        (made, lambda p: inclusion_holds(leaf, 5, 13, p, root)),
        (shown, lambda p: consistency_holds(6, mth(entries[:6]), 13, root, p)),
    ]
    for proved, holds in cases:
        assert holds(proved)
        for number, one in enumerate(proved):
            for bit in range(256):
                changed = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(32, "big")
                assert not holds([*proved[:number], changed, *proved[number + 1 :]])


def test_the_size_of_another_tree_is_refused_where_the_path_shows_it() -> None:
    """Where both sizes give the leaf a path of one shape, the path cannot tell: the signed head names the size."""
    entries = entries_of(300)
    kept, root = Kept(entries), mth(entries)
    made = carried_out(inclusion_plan(299, 300), kept.hash)
    for size in range(300, 600):
        held = inclusion_holds(leaf_hash(entries[299]), 299, size, made, root)
        assert held is (size == 300 or len(inclusion_plan(299, size)) == len(made))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 4), (4, 4)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_plan(index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 4), (5, 4), (-1, 4)])
def test_sizes_the_wrong_way_round_have_no_proof(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="consistent"):
        consistency_plan(first, second)


def test_of_an_empty_tree_nothing_has_to_be_shown() -> None:
    root = mth(entries_of(3))
    assert consistency_holds(0, EMPTY_ROOT, 3, root, [])
    assert not consistency_holds(0, root, 3, root, [])
    assert not consistency_holds(0, EMPTY_ROOT, 3, root, [root])


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="peak"):
        Frontier(3, [EMPTY_ROOT])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 70_000])
def test_the_tiles_of_a_tree_are_those_that_its_size_says(size: int) -> None:
    widths = dict(widths_of(size))
    assert widths == {tile: len(data) // 32 for tile, data in Kept(entries_of(size)).tiles.items()}


def test_a_proof_out_of_ten_million_reads_few_tiles() -> None:
    widths = dict(widths_of(10_000_000))
    for index in (0, 1, 9_999_999, 9_961_472, 5_000_000):
        tiles = tiles_of(inclusion_plan(index, 10_000_000))
        assert tiles <= widths.keys()
        assert len(tiles) <= 5


def test_a_tile_that_ends_too_early_is_an_error_and_no_hash() -> None:
    with pytest.raises(ValueError, match="ends before"):
        node_of(bytes(32 * 3), place_of(Node(2, 0)))


def others_of(made: Sequence[bytes], chance: Random) -> list[list[bytes]]:
    """The proof with a hash changed, removed, doubled, swapped or put in, at every place."""
    others = []
    for at in range(len(made)):
        others.append([*made[:at], flipped(made[at], chance), *made[at + 1 :]])
        others.append([*made[:at], *made[at + 1 :]])
        others.append([*made[:at], made[at], *made[at:]])
        others.append([*made[:at], made[at][:-1], *made[at + 1 :]])
        if at and made[at] != made[at - 1]:
            others.append([*made[: at - 1], made[at], made[at - 1], *made[at + 1 :]])
    stranger = chance.randbytes(32)
    return [*others, *([*made[:at], stranger, *made[at:]] for at in range(len(made) + 1))]


def flipped(one: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(one))
    return bytes([*one[:at], one[at] ^ 1 << chance.randrange(8), *one[at + 1 :]])


_LARGE = Kept(entries_of(70_000))
