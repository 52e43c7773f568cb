"""Sealing every row anew under the current key, while servers serve, and counting what is sealed under which key.

A row is replaced only as it was read (compare and swap), so nobody's change is lost; what was busy waits for the next
pass. Nothing is remembered between runs: whatever is not sealed under the current key is still to do. So it can be
killed at any moment and started again, and two may run at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, Update, and_, bindparam, func, literal, or_, select, tuple_, update

from core.crypto import DERIVED, DIRECT, KeyRing, SealBroken, key_mark, seal_prefix
from core.database import Database, load_models
from core.sealed import SealedColumn, sealed_columns

BATCH: Final = 200
"""Rows of one transaction: on SQLite everybody who writes waits for it."""
PASSES_MAX: Final = 20
"""A server that still seals under an old key after so many passes was not told of the new one."""
_BUSY_SECONDS: Final = 0.2

Key = tuple[Any, ...]


class Tally(NamedTuple):
    """Rows of a batch: sealed anew; that no key opens; that somebody else held or had changed."""

    moved: int
    broken: int
    busy: int


@dataclass(slots=True)
class Resealed:
    """What became of a column: rows sealed anew, rows that no key we hold opens, and whether none is left to do."""

    rows: int = 0
    broken: int = 0
    done: bool = True


@dataclass(slots=True)
class Counts:
    """How many seals of a column are under each key id; `other` are under none of those that were asked for."""

    by_key: dict[str, int] = field(default_factory=dict)
    other: int = 0


def declared() -> list[SealedColumn]:
    """Every sealed column of every room."""
    return sealed_columns(load_models())


async def reseal(
    db: Database, keys: KeyRing, columns: Iterable[SealedColumn], progress: Callable[[str, Resealed], object]
) -> dict[str, Resealed]:
    """Seals what is not sealed under the current key, column by column; tells of each column when it is through.

    Rows under people's data keys never change and need not (core/envelope.py): those keys are resealed.
    """
    found = {}
    for column in columns:
        if column.binding.subject is None:
            found[column.name] = await _reseal_column(db, keys, column)
            progress(column.name, found[column.name])
    return found


async def count(db: Database, column: SealedColumn, key_ids: Collection[str]) -> Counts:
    """Reads the whole column. Seals under people's data keys are under no key of the ring, and not counted."""
    ids = sorted(key_ids)
    sums = [func.count().filter(_is_under(column, key_id)) for key_id in ids]
    of_the_ring = func.count().filter(_is_of_the_ring(column))
    async with db.read() as session:
        *under, total = (await session.execute(select(*sums, of_the_ring).select_from(column.table))).one()
    return Counts(dict(zip(ids, under, strict=True)), total - sum(under))


async def _reseal_column(db: Database, keys: KeyRing, column: SealedColumn) -> Resealed:
    outcome = Resealed()
    for _ in range(PASSES_MAX):
        broken, busy, moved, last = 0, 0, 0, None
        while page := await _page(db, keys, column, last):
            last = page[-1]
            tally = await _reseal_rows(db, keys, column, page)
            moved, broken, busy = moved + tally.moved, broken + tally.broken, busy + tally.busy
        outcome.rows, outcome.broken = outcome.rows + moved, broken
        if moved == busy == 0:
            return outcome
        if busy:
            await asyncio.sleep(_BUSY_SECONDS)
    outcome.done = False
    return outcome


async def _page(db: Database, keys: KeyRing, column: SealedColumn, last: Key | None) -> Sequence[Key]:
    """Keys of the next rows that are to be sealed anew. Nothing is locked for it, however long the way is to them."""
    pk = list(column.table.primary_key.columns)
    query = select(*pk).where(_is_old(column, keys.current)).order_by(*pk).limit(BATCH)
    if last is not None:
        query = query.where(tuple_(*pk) > tuple_(*(literal(v, c.type) for v, c in zip(last, pk, strict=True))))
    async with db.read() as session:
        return [tuple(row) for row in await session.execute(query)]


async def _reseal_rows(db: Database, keys: KeyRing, column: SealedColumn, wanted: Sequence[Key]) -> Tally:
    """One transaction. Rows that somebody else holds are left out (PostgreSQL), so that nobody waits for a waiter."""
    pk = list(column.table.primary_key.columns)
    chosen = or_(*(_has_key(column, key) for key in wanted))
    names = dict.fromkeys([*(c.name for c in pk), *column.binding.by])
    query = select(*(column.table.c[name] for name in names), column.column.label("seal")).where(
        chosen, _is_old(column, keys.current)
    )
    swaps = []
    async with db.write() as session:
        rows = (await session.execute(query.with_for_update(skip_locked=True, key_share=True))).mappings().all()
        for row in rows:
            bound_to = column.binding.of_row(dict(row))
            try:
                plain = keys.open(row["seal"], bound_to=bound_to)
            except SealBroken:
                continue
            key = {f"key_{c.name}": row[c.name] for c in pk}
            swaps.append({**key, "old": row["seal"], "new": keys.seal(plain, bound_to=bound_to)})
        if swaps:
            await (await session.connection()).execute(_swap(column), swaps)
    return Tally(moved=len(swaps), broken=len(rows) - len(swaps), busy=len(wanted) - len(rows))


def _swap(column: SealedColumn) -> Update:
    """Of a row that is as it was read. It is: we hold it; but then nobody need know how."""
    is_the_row = [c == bindparam(f"key_{c.name}", type_=c.type) for c in column.table.primary_key.columns]
    is_as_read = column.column == bindparam("old", type_=column.column.type)
    new = bindparam("new", type_=column.column.type)
    return update(column.table).where(*is_the_row, is_as_read).values({column.column: new})


def _has_key(column: SealedColumn, key: Key) -> ColumnElement[bool]:
    return and_(*(c == value for c, value in zip(column.table.primary_key.columns, key, strict=True)))


def _is_old(column: SealedColumn, current: str) -> ColumnElement[bool]:
    """Whether a seal is not of today's format and key. An empty column is nothing to seal."""
    prefix = seal_prefix(current)
    return and_(
        column.column.is_not(None), _slice(column, 1, len(prefix)).is_distinct_from(literal(prefix, LargeBinary))
    )


def _is_under(column: SealedColumn, key_id: str) -> ColumnElement[bool]:
    mark = key_mark(key_id)
    return and_(_is_of_the_ring(column), _slice(column, 2, len(mark)) == literal(mark, LargeBinary))


def _is_of_the_ring(column: SealedColumn) -> ColumnElement[bool]:
    return _slice(column, 1, 1).in_([literal(form, LargeBinary) for form in (DIRECT, DERIVED)])


def _slice(column: SealedColumn, start: int, length: int) -> ColumnElement[bytes]:
    return func.substr(column.column, start, length, type_=LargeBinary)
