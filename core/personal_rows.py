"""A store that is tables and nothing else: told and erased by what its :class:`core.personal_data.Store` declares."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Table, Uuid, delete, func, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from core.crypto import KeyRing, SealBroken
from core.envelope import SubjectKeys
from core.personal_data import Erased, Erasure, Fate, Record, Rows, Stay, Store
from core.sealed import Binding, binding_of

PAGE: Final = 500
UNREADABLE: Final = {"unreadable": True}
"""Stands for what no key opens any more."""


class TableStore:
    """Implements :class:`core.personal_data.PersonalData`. A room with holds or things to end derives from it."""

    def __init__(self, about: Store, keys: KeyRing) -> None:
        self._about, self._keys, self._subjects = about, keys, SubjectKeys(keys)

    @property
    def about(self) -> Store:
        return self._about

    async def export(self, session: AsyncSession, person: UUID) -> AsyncIterator[Record]:
        for rows in self._about.rows:
            async for row in pages(session, rows, person):
                yield rows.table, await self._told(session, rows, row)

    async def check(self, _session: AsyncSession, _person: UUID) -> None:
        return None

    async def stays(self, _session: AsyncSession, _erasure: Erasure) -> Sequence[Stay]:
        return ()

    async def prepare(self, _session: AsyncSession, _erasure: Erasure) -> None:
        return None

    async def erase(self, session: AsyncSession, erasure: Erasure) -> Erased:
        deleted = blanked = 0
        for rows in self._about.rows:
            if rows.table in erasure.spared or not rows.of:
                continue
            if rows.fate is Fate.DELETED:
                gone = await session.execute(delete(table_of(rows)).where(is_of(rows, erasure.person)))
                deleted += gone.rowcount  # type: ignore[attr-defined]
            elif rows.fate is Fate.BLANKED:
                blanked += await self._blank(session, rows, erasure.person)
        return Erased(self._about.name, deleted, blanked)

    async def _told(self, session: AsyncSession, rows: Rows, row: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for column in table_of(rows).columns:
            if column.name in rows.hidden or column.name in rows.people:
                continue
            value = row[column.name]
            if isinstance(column.info.get("sealed"), Binding) and value is not None:
                name = column.name.removesuffix("_sealed") or column.name
                told[name] = await self._opened(session, binding_of(column), row, value)
            else:
                told[column.name] = plain(value)
        return told

    async def _opened(self, session: AsyncSession, binding: Binding, row: dict[str, Any], seal: bytes) -> Any:
        try:
            if binding.subject is None:
                opened = self._keys.open(seal, bound_to=binding.of_row(row))
            else:
                subject = row[binding.subject]
                opened = await self._subjects.open(session, subject, seal, bound_to=binding.of_row(row))
        except SealBroken:
            return UNREADABLE
        return decoded(opened)

    async def _blank(self, session: AsyncSession, rows: Rows, person: UUID) -> int:
        table = table_of(rows)
        key = list(table.primary_key.columns)
        found = 0
        async for row in pages(session, rows, person):
            values = blanked(rows, row, self._keys)
            chosen = [c == row[c.name] for c in key]
            await session.execute(update(table).where(*chosen).values(values))
            found += 1
        return found


def table_of(rows: Rows) -> Table:
    return SQLModel.metadata.tables[rows.table]


def is_of(rows: Rows, person: UUID) -> ColumnElement[bool]:
    """Whether a row is the person's own. A column of text names people by 32 hex digits."""
    table = table_of(rows)
    columns = [table.c[name] for name in rows.of]
    return or_(*(c == (person if isinstance(c.type, Uuid) else person.hex) for c in columns))


async def pages(session: AsyncSession, rows: Rows, person: UUID) -> AsyncIterator[dict[str, Any]]:
    """The person's rows by key, read page by page, so that no length of history fills the memory."""
    if not rows.of:
        return
    table = table_of(rows)
    key = list(table.primary_key.columns)
    last: tuple[Any, ...] | None = None
    while True:
        query = select(table).where(is_of(rows, person)).order_by(*key).limit(PAGE)
        if last is not None:
            query = query.where(tuple_(*key) > tuple_(*(literal(v, c.type) for v, c in zip(last, key, strict=True))))
        page = (await session.execute(query)).mappings().all()
        for row in page:
            yield dict(row)
        if len(page) < PAGE:
            return
        last = tuple(page[-1][c.name] for c in key)


def blanked(rows: Rows, row: dict[str, Any], keys: KeyRing) -> dict[str, Any]:
    """What is written over a row that stays (:attr:`core.personal_data.Rows.blank`)."""
    table = table_of(rows)
    values: dict[str, Any] = {}
    for name, value in rows.blank.items():
        binding = table.c[name].info.get("sealed")
        if isinstance(binding, Binding) and value is not None:
            values[name] = keys.seal(value, bound_to=binding.of_row(row))
        else:
            values[name] = value(row) if callable(value) else value
    return values


async def count_of(session: AsyncSession, rows: Rows, person: UUID) -> int:
    """How many rows are the person's own."""
    if not rows.of:
        return 0
    query = select(func.count()).select_from(table_of(rows)).where(is_of(rows, person))
    return int(await session.scalar(query) or 0)


def plain(value: Any) -> Any:
    """A column's value as JSON: times in ISO 8601 with their zone, keys as 32 hex digits, bytes in base64url."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode().rstrip("=")
    return value


def decoded(opened: bytes) -> Any:
    """What was sealed: JSON where it is JSON and no bare number (a national ID is no quantity), else text."""
    try:
        found = orjson.loads(opened)
        if not isinstance(found, int | float):
            return found
    except orjson.JSONDecodeError:
        pass
    try:
        return opened.decode()
    except UnicodeDecodeError:
        return plain(opened)
