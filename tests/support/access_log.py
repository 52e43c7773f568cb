"""The access log as a test looks at it: everybody's records, decoded."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import col, select

from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from services.exchange.access_log.models import AccessRecord
from services.exchange.access_log.records import AccessEntry, AccessOutcome, Record
from services.exchange.access_log.sealing import opened


async def records(database: Database, keys: KeyRing, subject: UUID | None = None) -> list[Record]:
    """All records, or those about one person, in the order of their making; undisclosed ones too."""
    query = select(AccessRecord).order_by(col(AccessRecord.id))
    if subject is not None:
        query = query.where(col(AccessRecord.subject) == subject)
    found: list[Record] = []
    async with database.read() as session:
        for row in (await session.scalars(query)).all():
            key = await SubjectKeys(keys).find(session, row.subject)
            assert key is not None, "its subject was not erased"
            found.append(opened(row, key).record)
    return found


async def entries(database: Database, keys: KeyRing, subject: UUID | None = None) -> list[AccessEntry]:
    """The decisions."""
    return [one for one in await records(database, keys, subject) if isinstance(one, AccessEntry)]


async def outcomes(database: Database, keys: KeyRing, subject: UUID | None = None) -> list[AccessOutcome]:
    """What came of them, where it stands in a record of its own or in the decision's."""
    found = await records(database, keys, subject)
    told = [one.outcome if isinstance(one, AccessEntry) else one for one in found]
    return [one for one in told if isinstance(one, AccessOutcome)]
