"""Opens what the records hold, and compares it with what they are committed to. Needs the keys; never tells a content.

Apart from :mod:`verify`, because it takes longer than all the hashing, and because who keeps watch over the tree need
not be one who can read it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import Uuid, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.crypto import SealBroken
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from services.exchange.access_log.canonical import commitment
from services.exchange.access_log.models import AccessRecord, LogLeaf
from services.exchange.access_log.sealing import opened
from services.exchange.access_log.verify import Finding

_PAGE: Final = 1_000


@dataclass(slots=True)
class Contents:
    """How many records were opened, how many no key opens (their people were erased), and what is wrong."""

    opened: int = 0
    erased: int = 0
    findings: list[Finding] = field(default_factory=list)


async def verify_contents(database: Database, keys: SubjectKeys) -> Contents:
    """Reads only.

    What no key opens is of a person who was erased: their key is gone, or they have another one since. But what was
    made after something that the key does open, it must open too.
    """
    contents = Contents()
    of_one = _OfOne(None)
    person: UUID | None = None
    async for rows, session in _pages(database):
        for row in rows:
            if row.subject != person:
                await _close(session, of_one, contents)
                person, of_one = row.subject, _OfOne(await keys.find(session, row.subject))
            problem = of_one.look_at(row)
            if problem is not None:
                await _find(session, contents, row.id, problem)
    async with database.read() as session:
        await _close(session, of_one, contents)
    contents.findings.sort(key=lambda one: (one.index is None, one.index or 0))
    return contents


class _OfOne:
    """What was found of one person's records."""

    def __init__(self, key: DataKey | None) -> None:
        self._key = key
        self.opened = 0
        self.shut: list[tuple[datetime, UUID]] = []
        self.opens_from: datetime | None = None
        """The time of the oldest record that the key opens."""

    def look_at(self, row: AccessRecord) -> str | None:
        """What is wrong with a record that opens."""
        try:
            content = opened(row, self._key) if self._key is not None else None
        except SealBroken:
            content = None
        except (KeyError, TypeError, ValueError):
            return "holds what is no record"
        if content is None:
            self.shut.append((row.at, row.id))
            return None
        self.opened += 1
        self.opens_from = row.at if self.opens_from is None else min(self.opens_from, row.at)
        if commitment(content.salt, content.canonical) != row.commitment:
            return "holds something else than it is committed to"
        document = orjson.loads(content.canonical)
        if document["subject"] != row.subject.hex or document.get("entry", row.entry.hex) != row.entry.hex:
            return "belongs to another person or decision than it says"
        return None


async def _close(session: AsyncSession, of_one: _OfOne, contents: Contents) -> None:
    contents.opened += of_one.opened
    for at, record in of_one.shut:
        if of_one.opens_from is not None and at > of_one.opens_from:
            await _find(session, contents, record, "is sealed with what is not its person's key")
        else:
            contents.erased += 1


async def _find(session: AsyncSession, contents: Contents, record: UUID, problem: str) -> None:
    index = await session.scalar(select(col(LogLeaf.leaf_index)).where(col(LogLeaf.record) == record))
    named = f"record {index}" if index is not None else f"the record {record}, which has no place yet,"
    contents.findings.append(Finding("CONTENT_CHANGED", f"{named} {problem}", index))


async def _pages(database: Database) -> AsyncIterator[tuple[Sequence[AccessRecord], AsyncSession]]:
    last: tuple[UUID, UUID] | None = None
    while True:
        async with database.read() as session:
            query = select(AccessRecord).order_by(col(AccessRecord.subject), col(AccessRecord.id)).limit(_PAGE)
            if last is not None:
                after = tuple_(*(literal(key, Uuid()) for key in last))
                query = query.where(tuple_(col(AccessRecord.subject), col(AccessRecord.id)) > after)
            rows = (await session.scalars(query)).all()
            if not rows:
                return
            yield rows, session
            last = rows[-1].subject, rows[-1].id
