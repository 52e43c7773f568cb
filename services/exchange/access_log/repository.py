"""Queries of the access log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from services.exchange.access_log.models import AccessEntry, AccessOutcome


class AccessLogRepository:
    """Each reading method takes the subject first: a citizen reads what is about them, and nobody reads across."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, records: Sequence[AccessEntry | AccessOutcome]) -> None:
        """Rows, not objects: the session's book-keeping would cost more than the insert. Entries go first."""
        for kind in (AccessEntry, AccessOutcome):
            table = SQLModel.metadata.tables[kind.__tablename__]
            names = table.columns.keys()
            rows = [{name: getattr(record, name) for name in names} for record in records if isinstance(record, kind)]
            if rows:
                await self._session.execute(insert(table), rows)

    async def page(self, subject: UUID, *, size: int, before: UUID | None) -> Sequence[AccessEntry]:
        """The newest first; those older than `before`, if given."""
        query = select(AccessEntry).where(col(AccessEntry.subject) == subject)
        if before is not None:
            query = query.where(col(AccessEntry.id) < before)
        return (await self._session.scalars(query.order_by(col(AccessEntry.id).desc()).limit(size))).all()

    async def get(self, subject: UUID, entry: UUID) -> AccessEntry | None:
        return await self._session.get(AccessEntry, (subject, entry))

    async def outcomes(self, subject: UUID, entries: Collection[UUID]) -> Mapping[UUID, Sequence[AccessOutcome]]:
        """Of these entries of the subject, each in order."""
        query = (
            select(AccessOutcome)
            .where(col(AccessOutcome.subject) == subject, col(AccessOutcome.entry).in_(entries))
            .order_by(col(AccessOutcome.entry), col(AccessOutcome.id))
        )
        found: dict[UUID, list[AccessOutcome]] = defaultdict(list)
        for outcome in await self._session.scalars(query):
            found[outcome.entry].append(outcome)
        return found
