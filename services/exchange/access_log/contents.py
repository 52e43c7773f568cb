"""Opens what the records hold, and compares it with what they are committed to. Needs the keys; never tells a content.

Apart from :mod:`verify`, because it takes longer than all the hashing, and because who keeps watch over the tree need
not be one who can read it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

import orjson
from sqlalchemy import Uuid, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.crypto import SealBroken
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from services.exchange.access_log.canonical import commitment
from services.exchange.access_log.log import APPROVED
from services.exchange.access_log.models import AccessRecord, LogLeaf
from services.exchange.access_log.sealing import opened
from services.exchange.access_log.verify import Finding

_PAGE: Final = 1_000
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""Of two machines: by so much a record may seem later than the erasure that came after it."""

Destroyed: TypeAlias = Callable[[AsyncSession, UUID], Awaitable[datetime | None]]
"""When the person's key was destroyed last, by the trail of erasures; None: never."""


@dataclass(slots=True)
class Contents:
    """How many records were opened, how many no key opens (their people were erased), and what is wrong."""

    opened: int = 0
    erased: int = 0
    findings: list[Finding] = field(default_factory=list)


async def verify_contents(database: Database, keys: SubjectKeys, destroyed: Destroyed) -> Contents:
    """Reads only.

    What no key opens must be of a person who was erased, and not be newer than that: their key is gone, or they have
    another one since. Anything else that does not open was changed, or its key was taken away.
    """
    contents = Contents()
    of_one: _OfOne | None = None
    async for rows, session in _pages(database):
        for row in rows:
            if of_one is None or row.subject != of_one.person:
                if of_one is not None:
                    await _close(session, of_one, contents)
                key, gone = await keys.find(session, row.subject), await destroyed(session, row.subject)
                of_one = _OfOne(row.subject, key, gone)
            problem = of_one.look_at(row)
            if problem is not None:
                await _find(session, contents, row.id, problem)
    if of_one is not None:
        async with database.read() as session:
            await _close(session, of_one, contents)
    contents.findings.sort(key=lambda one: (one.index is None, one.index or 0))
    return contents


class _OfOne:
    """What was found of one person's records."""

    def __init__(self, person: UUID, key: DataKey | None, destroyed: datetime | None) -> None:
        self.person, self._key, self._destroyed = person, key, destroyed
        self.opened = self.erased = 0
        self._shown_from: dict[UUID, datetime | None] = {}
        """Of the decisions that opened."""
        self._outcomes: list[tuple[UUID, UUID, datetime | None]] = []
        """Record, decision, and from when on it is shown."""

    def look_at(self, row: AccessRecord) -> str | None:
        """What is wrong with the record."""
        try:
            content = opened(row, self._key) if self._key is not None else None
        except SealBroken:
            content = None
        except (KeyError, TypeError, ValueError):
            return "holds what is no record"
        if content is None:
            return self._look_at_shut(row)
        self.opened += 1
        if commitment(content.salt, content.canonical) != row.commitment:
            return "holds something else than it is committed to"
        document = orjson.loads(content.canonical)
        kind = document["kind"]
        if document["subject"] != row.subject.hex or row.entry.hex != document.get("entry", row.id.hex):
            return "belongs to another person or decision than it says"
        if kind == "prolongation" and document["step"] == APPROVED:
            is_as_told = row.disclosed_from is not None and row.disclosed_from.isoformat() == document["until"]
            return None if is_as_told else "puts its decision off to another moment than it says"
        if kind != "entry":
            self._outcomes.append((row.id, row.entry, row.disclosed_from))
            return None
        self._shown_from[row.id] = row.disclosed_from
        told = document.get("disclosed_from")
        if row.disclosed_from != (datetime.fromisoformat(told) if told else None):
            return "is shown from another moment on than it says"
        return None

    def _look_at_shut(self, row: AccessRecord) -> str | None:
        if self._destroyed is not None and row.at <= self._destroyed + _CLOCKS_DIFFER:
            self.erased += 1
            return None
        if self._key is None:
            return "cannot be opened: its person's key is gone, and no erasure tells why"
        return "is sealed with what is not its person's key"

    def shown_otherwise(self) -> Iterator[UUID]:
        """Outcomes that are not shown when their decision is."""
        for record, entry, shown_from in self._outcomes:
            if entry in self._shown_from and self._shown_from[entry] != shown_from:
                yield record


async def _close(session: AsyncSession, of_one: _OfOne, contents: Contents) -> None:
    contents.opened += of_one.opened
    contents.erased += of_one.erased
    for record in of_one.shown_otherwise():
        await _find(session, contents, record, "is shown from another moment on than its decision")


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
