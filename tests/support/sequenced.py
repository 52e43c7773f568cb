"""Whether a log's tree holds every record exactly once, and only grew; asked of the rows, with nobody's cleverness."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from core.attestation.service import Attestor
from core.database import Database
from services.exchange.access_log.canonical import leaf_hash
from services.exchange.access_log.merkle import HASH_BYTES, Frontier, Tile, widths_of
from services.exchange.access_log.models import AccessRecord, LogHead, LogLeaf, LogTile
from services.exchange.access_log.verify import HEAD


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What is in the log: its records' ids in the order of their places, and the sizes of its heads."""

    order: list[UUID]
    heads: list[int]


async def sequenced(
    database: Database, attestor: Attestor | None = None, *, acknowledged: Collection[UUID] = ()
) -> Sequenced:
    """Fails unless every record there is, and every acknowledged one, has one place, and tiles and heads say so."""
    async with database.read() as session:
        records = {row.id: row for row in await session.scalars(select(AccessRecord))}
        leaves = (await session.scalars(select(LogLeaf).order_by(col(LogLeaf.leaf_index)))).all()
        tiles = {Tile(row.level, row.number): row.hashes for row in await session.scalars(select(LogTile))}
        heads = (await session.scalars(select(LogHead).order_by(col(LogHead.size)))).all()
    order = [leaf.record for leaf in leaves]
    assert [leaf.leaf_index for leaf in leaves] == list(range(len(leaves))), "a gap"
    assert len(set(order)) == len(order), "a record has two places"
    assert set(acknowledged) <= records.keys(), "an acknowledged record was lost"
    assert set(order) == records.keys(), f"{len(records.keys() - set(order))} records have no place"
    assert all(leaf.subject == records[leaf.record].subject for leaf in leaves)
    hashes = [leaf_hash(one.id, one.at, one.commitment) for one in (records[record] for record in order)]
    assert {tile: len(held) // HASH_BYTES for tile, held in tiles.items()} == dict(widths_of(len(hashes)))
    assert b"".join(held for tile, held in sorted(tiles.items()) if tile.level == 0) == b"".join(hashes)
    frontier = Frontier()
    for head in heads:
        for one in hashes[frontier.size : head.size]:
            frontier.append(one)
        assert (frontier.size, frontier.root()) == (head.size, head.root), "a head of another tree"
        if attestor is not None:
            claims = await attestor.verify(head.signed, typ=HEAD)
            assert (claims["size"], claims["root"]) == (head.size, head.root.hex())
    assert not order or heads[-1].size == len(order), "the newest head does not hold all"
    return Sequenced(order, [head.size for head in heads])
