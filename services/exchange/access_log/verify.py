"""Verifies the whole log: every record against its leaf, the tree against its tiles, the signed heads against the tree.

Whoever changes the database can change any of these. What they cannot make is a signed head of a tree that they made up
(unless they have the key that signs), or one that somebody outside kept: so heads are compared with kept ones too.
"""

from __future__ import annotations

import asyncio
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final, Protocol

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.attestation.errors import AttestationInvalid
from core.database import Database, synchronous
from services.exchange.access_log.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    Frontier,
    Tile,
    fold,
    root_of,
    widths_of,
)
from services.exchange.access_log.models import AccessRecord, LogHead, LogLeaf, LogState, LogTile
from services.exchange.access_log.walking import CHUNK, Fault, Stretch, Walked, walk

HEAD: Final = "sitthi-tree-head+jwt"
STRETCH_CHUNKS_MAX: Final = 16


class Attestations(Protocol):
    """What is needed of :class:`core.attestation.service.Attestor`."""

    async def verify(self, token: str, *, typ: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be. `index` is the first place in the tree that it is about, if there is one."""

    code: str
    sentence: str
    index: int | None = None


@dataclass(slots=True)
class Report:
    """What was verified, and what was found wrong; the first place first."""

    size: int = 0
    heads: int = 0
    waiting: int = 0
    """Records that are not in the tree yet, and need not be."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.findings

    def find(self, code: str, sentence: str, index: int | None = None) -> None:
        self.findings.append(Finding(code, sentence, index))


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head: as it is stored, or as somebody kept it."""

    size: int
    root: bytes
    signed: str
    is_kept: bool = False

    @property
    def name(self) -> str:
        return f"the {'kept ' if self.is_kept else ''}head of {self.size} records"


async def verify_log(
    database: Database, attestor: Attestations, *, kept: Sequence[str] = (), processes: int | None = None
) -> Report:
    """`kept` are signed heads that somebody kept outside. Reads only; the log may grow meanwhile."""
    report = Report()
    async with database.read() as session:
        state = await session.scalar(select(LogState))
        rows = (await session.scalars(select(LogHead).order_by(col(LogHead.size)))).all()
        last = await session.scalar(select(func.max(col(LogLeaf.leaf_index))))
    stored = [Head(row.size, row.root, row.signed) for row in rows]
    report.heads, report.size = len(stored), 0 if last is None else int(last) + 1
    _compare_sizes(report, stored[-1].size if stored else 0, state)
    heads = [*stored, *await _kept_heads(attestor, kept, report)]
    sizes = sorted({head.size for head in heads if 0 < head.size <= report.size})
    workers = processes or max(1, os.cpu_count() or 1)
    url = synchronous(database.engine.url.render_as_string(hide_password=False))
    with _pool(workers) as pool:
        walks = [pool.submit(walk, url, stretch) for stretch in _stretches(report.size, sizes, workers)]
        await _verify_signatures(attestor, stored, report)
        walked = [await asyncio.wrap_future(one) for one in walks]
    are_right = _compare_heads(report, heads, _roots(walked))
    _tell_faults(report, walked, are_heads_right=are_right)
    async with database.read() as session:
        await _verify_tiles(session, report, walked)
        await _find_left_out(session, report, state)
    report.findings.sort(key=lambda one: (one.index is None, one.index or 0))
    return report


def _pool(workers: int) -> Executor:
    """One worker needs no process of its own."""
    return ThreadPoolExecutor(1) if workers == 1 else ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def _compare_sizes(report: Report, claimed: int, state: LogState | None) -> None:
    if claimed > report.size:
        told = f"the newest head has {claimed} records, and the log ends before record {report.size}"
        report.find("LOG_TRUNCATED", told, report.size)
    if claimed < report.size:
        told = f"the log has {report.size} records, and the newest head covers those before record {claimed} only"
        report.find("RECORDS_UNDER_NO_HEAD", told, claimed)
    counted = state.size if state is not None else 0
    if counted != claimed:
        told = f"the sequencer counts {counted} records, and the newest head has {claimed}"
        report.find("STATE_DIFFERS", told, min(counted, claimed))


async def _kept_heads(attestor: Attestations, kept: Sequence[str], report: Report) -> list[Head]:
    heads = []
    for number, token in enumerate(kept, 1):
        try:
            claims = await attestor.verify(token, typ=HEAD)
            head = Head(int(claims["size"]), bytes.fromhex(claims["root"]), token, is_kept=True)
        except (AttestationInvalid, KeyError, TypeError, ValueError):
            report.find("KEPT_HEAD_INVALID", f"the kept head no. {number} was not signed with a key of this log")
            continue
        if head.size > report.size:
            told = f"{head.name} knows more than the log, which ends before record {report.size}"
            report.find("LOG_TRUNCATED", told, report.size)
        heads.append(head)
    return heads


async def _verify_signatures(attestor: Attestations, stored: Sequence[Head], report: Report) -> None:
    for head in stored:
        try:
            claims = await attestor.verify(head.signed, typ=HEAD)
        except AttestationInvalid:
            report.find("HEAD_NOT_SIGNED", f"the signature of {head.name} is not one of this log", head.size - 1)
            continue
        if (claims.get("size"), claims.get("root")) != (head.size, head.root.hex()):
            report.find("HEAD_NOT_SIGNED", f"{head.name} was signed with another size or root", head.size - 1)


def _stretches(size: int, sizes: Sequence[int], workers: int) -> Iterator[Stretch]:
    """Parts of the log of whole chunks: enough for all workers to end at about the same time."""
    chunks = -(-size // CHUNK)
    step = CHUNK * max(1, min(STRETCH_CHUNKS_MAX, -(-chunks // (2 * workers))))
    for start in range(0, size, step):
        end = min(start + step, size)
        yield Stretch(start, end, sizes[bisect_right(sizes, start) : bisect_right(sizes, end)])


def _roots(walked: Sequence[Walked]) -> Mapping[int, bytes]:
    """By size, the roots that were wanted."""
    roots: dict[int, bytes] = {}
    before = Frontier()
    for part in walked:
        chunk, chunks = part.stretch.start // CHUNK, iter(part.chunks)
        for size in part.stretch.sizes:
            while (size - 1) // CHUNK > chunk:
                before.append(next(chunks))
                chunk += 1
            roots[size] = fold([*before.peaks, part.roots[size]])
        for rest in chunks:
            before.append(rest)
    return roots


def _compare_heads(report: Report, heads: Sequence[Head], roots: Mapping[int, bytes]) -> bool:
    """Whether every head has the root of the tree as it is stored. Tells the first that has not, of each kind."""
    compared = [head for head in heads if head.size in roots]
    wrong = [head for head in compared if head.root != roots[head.size]]
    right = sorted(head.size for head in compared if head.root == roots[head.size])
    for is_kept in (False, True):
        first = min((head.size for head in wrong if head.is_kept is is_kept), default=None)
        if first is not None:
            agreed = max(right[: bisect_left(right, first)], default=0)
            head = next(head for head in wrong if head.size == first and head.is_kept is is_kept)
            told = f"{head.name} is not of this tree: something changed from record {agreed} on"
            report.find("KEPT_HEAD_DIFFERS" if is_kept else "HEAD_DIFFERS", told, agreed)
    return not wrong


def _tell_faults(report: Report, walked: Sequence[Walked], *, are_heads_right: bool) -> None:
    faults = [fault for part in walked for fault in part.faults]
    belongs = {fault.held: fault.index for fault in faults if fault.held is not None}
    for fault in faults:
        report.findings.append(_told(fault, belongs.get(fault.made or b""), are_heads_right=are_heads_right))
    more = sum(part.faults_more for part in walked)
    if more:
        report.find("MORE", f"{more} more records are not what the tree holds")


def _told(fault: Fault, belongs: int | None, *, are_heads_right: bool) -> Finding:
    index, tile = fault.index, f"the tree's tile {fault.index // TILE_WIDTH} of level 0"
    if not fault.is_placed:
        return Finding("LEAF_REMOVED", f"which record is number {index} was removed from log_leaf", index)
    if fault.made is None:
        return Finding("RECORD_REMOVED", f"record {index} is not there any more", index)
    if fault.held is None:
        return Finding("TILE_CUT", f"{tile} ends before record {index}", index)
    if belongs is not None:
        return Finding("RECORD_MOVED", f"at place {index} stands the record that belongs at {belongs}", index)
    if are_heads_right:
        return Finding("RECORD_CHANGED", f"record {index} was changed: its time, its id or its commitment", index)
    return Finding("LEAF_DIFFERS", f"record {index} and {tile} differ, and the heads are not of this tree", index)


async def _verify_tiles(session: AsyncSession, report: Report, walked: Sequence[Walked]) -> None:
    """The levels above, and that no tile holds more or less than the tree has."""
    for tile in (tile for part in walked for tile in part.tiles):
        told = f"the tree's tile {tile.number} of level {tile.level} does not hold the roots of those below it"
        report.find("TILE_WRONG", told)
    row, level = [chunk for part in walked for chunk in part.chunks], 2
    while row:
        above = []
        for number in range(-(-len(row) // TILE_WIDTH)):
            part = row[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            held = await session.scalar(_TILE, {"level": level, "number": number})
            if (held or b"")[: len(part) * HASH_BYTES] != b"".join(part):
                told = f"the tree's tile {number} of level {level} does not hold the roots of those below it"
                report.find("TILE_WRONG", told)
            if len(part) == TILE_WIDTH:
                above.append(root_of(part))
        row, level = above, level + 1
    columns = (col(LogTile.level), col(LogTile.number), func.length(col(LogTile.hashes)))
    stored = {Tile(level, number): length for level, number, length in (await session.execute(select(*columns))).all()}
    size = await session.scalar(select(col(LogState.size))) or 0  # read after the tiles: they hold no more than that
    due = {tile: width * HASH_BYTES for tile, width in widths_of(size)}
    for tile in sorted(tile for tile, length in stored.items() if length > due.get(tile, 0)):
        told = f"the tree's tile {tile.number} of level {tile.level} holds more than the tree"
        report.find("TILE_HAS_MORE", told)


async def _find_left_out(session: AsyncSession, report: Report, state: LogState | None) -> None:
    """Records without a place though the sequencer has been there: put in, or taken out of the tree, afterwards."""
    of_same = col(LogLeaf.subject) == col(AccessRecord.subject)  # a copy of a placed one may be about somebody else
    is_placed = exists().where(col(LogLeaf.record) == col(AccessRecord.id), of_same)
    columns = (col(AccessRecord.id), col(AccessRecord.at), col(AccessRecord.epoch), col(AccessRecord.xid))
    for record, at, epoch, xid in (await session.execute(select(*columns).where(~is_placed))).all():
        if state is not None and _was_taken(state, epoch, xid):
            told = f"the record {record} of {at:%Y-%m-%d %H:%M:%S} UTC is not in the tree, and must be"
            report.find("RECORD_NOT_IN_TREE", told)
        else:
            report.waiting += 1


def _was_taken(state: LogState, epoch: int, xid: int) -> bool:
    """Whether all that this transaction appended is in the tree, as the sequencer has it."""
    if epoch != state.epoch:
        return epoch < state.epoch and not state.backlog
    xmin, xmax, under_way = state.snapshot.split(":")
    return xid < int(xmin) or (xid < int(xmax) and str(xid) not in under_way.split(","))


_TILE: Final = select(col(LogTile.hashes)).where(
    col(LogTile.level) == bindparam("level"), col(LogTile.number) == bindparam("number")
)
