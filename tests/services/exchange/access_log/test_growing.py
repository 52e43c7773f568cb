"""A tree that grows by tiles is the tree of RFC 9162, however it grew."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.access_log.growing import edge_of, grown
from services.exchange.access_log.merkle import EMPTY_ROOT, TILE_WIDTH, Tile, root_of, widths_of

LEAVES = [hashlib.sha256(str(n).encode()).digest() for n in range(2 * TILE_WIDTH**2 // 100 + 70_000)]


def grow(parts: list[int]) -> tuple[bytes, dict[Tile, bytes]]:
    tiles: dict[Tile, bytes] = {}
    size, root = 0, EMPTY_ROOT
    for part in parts:
        edge = {tile: tiles[tile] for tile in edge_of(size)}
        made = grown(size, edge, LEAVES[size : size + part])
        tiles.update(made.tiles)
        size, root = made.size, made.root
    return root, tiles


@given(parts=st.lists(st.integers(min_value=0, max_value=700), max_size=6))
def test_however_it_grew_the_root_is_that_of_its_leaves_and_the_tiles_are_full(parts: list[int]) -> None:
    root, tiles = grow(parts)
    assert root == root_of(LEAVES[: sum(parts)])
    assert {tile: len(hashes) // 32 for tile, hashes in tiles.items()} == dict(widths_of(sum(parts)))


@pytest.mark.parametrize("size", [TILE_WIDTH**2 - 1, TILE_WIDTH**2, TILE_WIDTH**2 + 1, 70_000])
def test_a_third_level_begins_where_it_must(size: int) -> None:
    root, tiles = grow([size - 3, 3])
    assert root == root_of(LEAVES[:size])
    assert {tile: len(hashes) // 32 for tile, hashes in tiles.items()} == dict(widths_of(size))


def test_growing_from_an_edge_that_is_not_its_own_is_refused() -> None:
    _, tiles = grow([300])
    edge = {tile: tiles[tile] for tile in edge_of(300)}
    with pytest.raises(ValueError, match="tile 0/1"):
        grown(301, edge, LEAVES[:1])


def test_a_full_tile_is_on_no_edge() -> None:
    assert edge_of(0) == []
    assert edge_of(255) == [Tile(0, 0)]
    assert edge_of(256) == [Tile(1, 0)]
    assert edge_of(257) == [Tile(0, 1), Tile(1, 0)]
