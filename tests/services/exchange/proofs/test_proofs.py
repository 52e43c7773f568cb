"""Proofs as they come out of the database, held against the definitions; and what the public may see of the tree."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from core.attestation.service import Attestor
from core.database import Database
from core.errors import BadInput, NotFound
from services.exchange.access_log.merkle import HASH_BYTES, Tile, consistency_holds, inclusion_holds, root_of
from services.exchange.access_log.proofs import TILES_KEPT, TreeReader, _KeptTiles
from services.exchange.access_log.routes import log_router, tile_name, tile_named
from tests.support.log_tree import grow, leaf_of, record_of

SIZE = 700


@pytest.fixture
async def tree(database: Database, attestor: Attestor) -> TreeReader:
    await grow(database, attestor, SIZE, [300])
    return TreeReader(database)


async def test_a_record_is_proved_to_stand_in_the_newest_tree(tree: TreeReader) -> None:
    numbers = [0, 1, 255, 256, 511, 512, 698, 699]
    found = await tree.inclusions([record_of(number)["id"] for number in numbers])
    root = root_of(map(leaf_of, range(SIZE)))
    for number in numbers:
        proof = found[record_of(number)["id"]]
        assert (proof.index, proof.head.size, proof.head.root) == (number, SIZE, root)
        assert inclusion_holds(leaf_of(number), number, SIZE, proof.path, root)


async def test_a_record_that_is_not_in_the_tree_yet_has_no_proof(tree: TreeReader) -> None:
    there, not_yet = record_of(3)["id"], record_of(SIZE)["id"]
    assert (await tree.inclusions([there, not_yet])).keys() == {there}
    assert await tree.inclusions([not_yet]) == {}
    assert await tree.inclusions([]) == {}


@pytest.mark.parametrize("kept", [1, 2])
async def test_what_is_kept_of_a_smaller_tree_serves_as_far_as_it_reaches(tree: TreeReader, kept: int) -> None:
    held = await tree.tile(Tile(1, 0), 2)
    assert held is not None
    tree._kept.keep(Tile(1, 0), held[: kept * HASH_BYTES])
    for number in (0, 300, 600, 699):
        proof = (await tree.inclusions([record_of(number)["id"]]))[record_of(number)["id"]]
        assert inclusion_holds(leaf_of(number), number, SIZE, proof.path, proof.head.root)
    assert tree._kept.kept[Tile(1, 0)].hashes == held


async def test_what_was_kept_of_another_tree_proves_nothing_and_is_dropped(tree: TreeReader) -> None:
    tree._kept.keep(Tile(1, 0), bytes(2 * HASH_BYTES))  # the database was put back to an earlier state since
    for number in (0, 699):
        proof = (await tree.inclusions([record_of(number)["id"]]))[record_of(number)["id"]]
        assert inclusion_holds(leaf_of(number), number, SIZE, proof.path, proof.head.root)
    assert tree._kept.kept[Tile(1, 0)].hashes == await tree.tile(Tile(1, 0), 2)


async def test_of_the_levels_above_so_many_tiles_are_kept_and_the_longest_unused_go_first() -> None:
    kept = _KeptTiles()
    for number in range(TILES_KEPT + 1):
        kept.keep(Tile(1, number), bytes(HASH_BYTES))
        kept.get(Tile(1, 0), 1)
    assert len(kept.kept) == TILES_KEPT
    assert kept.get(Tile(1, 0), 1) is not None
    assert kept.get(Tile(1, 1), 1) is None


async def test_a_tree_without_a_record_has_no_head(database: Database) -> None:
    assert await TreeReader(database).head() is None
    with pytest.raises(BadInput):
        await TreeReader(database).consistency(1, 1)


async def test_the_only_record_is_proved_by_nothing(database: Database, attestor: Attestor) -> None:
    await grow(database, attestor, 1)
    [proof] = (await TreeReader(database).inclusions([record_of(0)["id"]])).values()
    assert proof.path == []
    assert inclusion_holds(leaf_of(0), 0, 1, [], proof.head.root)


@pytest.mark.parametrize(("first", "second"), [(1, 700), (256, 257), (300, 700), (512, 700), (699, 700), (300, 300)])
async def test_every_later_tree_is_proved_to_hold_the_earlier(tree: TreeReader, first: int, second: int) -> None:
    proof = await tree.consistency(first, second)
    before, after = (root_of(map(leaf_of, range(size))) for size in (first, second))
    assert consistency_holds(first, before, second, after, proof.path)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (5, 4), (1, SIZE + 1), (-1, 1)])
async def test_sizes_that_the_log_never_had_are_refused(tree: TreeReader, first: int, second: int) -> None:
    with pytest.raises(BadInput):
        await tree.consistency(first, second)


async def test_a_tile_is_told_as_far_as_it_is_filled(tree: TreeReader) -> None:
    row = b"".join(map(leaf_of, range(512, SIZE)))
    assert await tree.tile(Tile(0, 2), SIZE - 512) == row
    assert await tree.tile(Tile(0, 2), 7) == row[: 7 * 32]
    assert await tree.tile(Tile(0, 2), SIZE - 511) is None
    assert await tree.tile(Tile(0, 3), 1) is None
    assert await tree.tile(Tile(0, 2), 0) is None


@pytest.fixture
async def public(database: Database, tree: TreeReader) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(log_router(database))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sitthi.example") as http:
        yield http


async def test_an_auditor_mirrors_the_whole_tree_by_its_tiles(public: httpx2.AsyncClient) -> None:
    head = (await public.get("/verify/log/head")).json()
    leaves = b""
    for name in ("0/000", "0/001", f"0/002.p/{SIZE - 512}"):
        answer = await public.get(f"/verify/log/tile/{name}")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        leaves += answer.content
    assert head["size"] == SIZE
    assert head["root"] == root_of(leaves[at : at + 32] for at in range(0, len(leaves), 32)).hex()


async def test_a_tile_that_is_not_full_is_not_told_as_if_it_were(public: httpx2.AsyncClient) -> None:
    """Caches keep it for ever, so it must never change."""
    for name in ("0/002", "0/003", "1/000", f"0/002.p/{SIZE - 511}", "9/000"):
        with pytest.raises(NotFound):
            await public.get(f"/verify/log/tile/{name}")


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 1234067, 10**9])
def test_tiles_are_named_as_tlog_tiles_names_them(number: int) -> None:
    assert tile_named(tile_name(Tile(3, number))) == (Tile(3, number), 256)


def test_the_name_of_a_large_tile_is_that_of_the_specification() -> None:
    assert tile_name(Tile(0, 1234067)) == "0/x001/x234/067"
    assert tile_named("0/x001/x234/067.p/17") == (Tile(0, 1234067), 17)


@pytest.mark.parametrize(
    "name",
    ["", "0", "0/0", "0/00", "0/0000", "00/000", "-1/000", "0/x000/001", "0/001/234", "0/000.p/0", "0/000.p/256",
     "0/000.p/", "0/000.p/01", "0/000/", "0/ 00", "0/٠٠٠", "100/000"],
)  # fmt: skip
def test_what_is_no_name_of_a_tile_is_none(name: str) -> None:
    assert tile_named(name) is None
