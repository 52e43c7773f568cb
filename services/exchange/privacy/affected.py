"""Whose data an agency, an officer or a system was told in a span of time: the question after a breach.

PDPA s.37(4): the Office is told within 72 hours of knowing, and the people where their rights are at high risk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, literal, select, tuple_
from sqlmodel import col

from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from services.exchange.access_log.log import Decision
from services.exchange.access_log.models import AccessRecord
from services.exchange.access_log.records import AccessEntry
from services.exchange.access_log.sealing import opened

PAGE: Final = 1_000


@dataclass(slots=True)
class Affected:
    people: set[UUID] = field(default_factory=set)
    entries: int = 0
    attributes: dict[str, int] = field(default_factory=dict)
    """How often each was looked at."""
    unreadable: int = 0
    """Entries of people who have left: nobody can tell any more who looked."""


@dataclass(frozen=True, slots=True)
class Question:
    since: datetime
    until: datetime
    agency: str | None = None
    asker: str | None = None
    """An officer's or a system's id, as the access log has it."""

    def is_about(self, entry: AccessEntry) -> bool:
        if entry.decision != Decision.ALLOWED:
            return False
        return self.agency in (None, entry.asker_agency) and self.asker in (None, entry.asker_id)


async def affected(db: Database, keys: KeyRing, question: Question) -> Affected:
    """Reads every decision of that time, page by page; it takes as long as the log of that time is."""
    found, subjects = Affected(), SubjectKeys(keys)
    async for page in _pages(db, question):
        known: dict[UUID, DataKey | None] = {}
        async with db.read() as session:
            for subject in {row.subject for row in page}:
                known[subject] = await subjects.find(session, subject)
        for row in page:
            _count(found, question, row, known[row.subject])
    return found


def _count(found: Affected, question: Question, row: AccessRecord, key: DataKey | None) -> None:
    try:
        record = opened(row, key).record if key is not None else None
    except SealBroken:
        record = None
    if not isinstance(record, AccessEntry):
        found.unreadable += 1
    elif question.is_about(record):
        found.people.add(row.subject)
        found.entries += 1
        for name in record.attributes:
            found.attributes[name] = found.attributes.get(name, 0) + 1


async def _pages(db: Database, question: Question) -> AsyncIterator[list[AccessRecord]]:
    key = (col(AccessRecord.subject), col(AccessRecord.id))
    last: tuple[UUID, UUID] | None = None
    while True:
        query = select(AccessRecord).where(
            col(AccessRecord.at) >= question.since,
            col(AccessRecord.at) < question.until,
            col(AccessRecord.id) == col(AccessRecord.entry),
        )
        if last is not None:
            query = query.where(tuple_(*key) > tuple_(*(literal(one, Uuid()) for one in last)))
        async with db.read() as session:
            page = list((await session.scalars(query.order_by(*key).limit(PAGE))).all())
        if page:
            yield page
            last = (page[-1].subject, page[-1].id)
        if len(page) < PAGE:
            return
