"""Queries of the ways in which a person is told things. Each takes the person first."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from identity.notices.models import NoticeChannel, NoticeSettings


async def one_at_a_time(session: AsyncSession, person: UUID) -> None:
    """Of two transactions of one person the second waits here for the first to end: under a lock on PostgreSQL, by the
    one writer on SQLite."""
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 4))"), {"key": person.hex})


class NoticeRows:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def settings(self, person: UUID) -> NoticeSettings | None:
        return await self._session.get(NoticeSettings, person, populate_existing=True)

    async def channels(self, person: UUID) -> Sequence[NoticeChannel]:
        """The eldest first."""
        query = select(NoticeChannel).where(col(NoticeChannel.person) == person)
        return (await self._session.scalars(query.order_by(col(NoticeChannel.id)))).all()

    async def channel(self, person: UUID, key: UUID) -> NoticeChannel | None:
        return await self._session.get(NoticeChannel, (person, key), populate_existing=True)

    async def at(self, person: UUID, kind: str, index: bytes) -> NoticeChannel | None:
        query = select(NoticeChannel).where(
            col(NoticeChannel.person) == person,
            col(NoticeChannel.kind) == kind,
            col(NoticeChannel.address_index) == index,
        )
        found: NoticeChannel | None = await self._session.scalar(query)
        return found

    async def person_of(self, key: UUID) -> UUID | None:
        """Whose channel it is: for who has its key from us, in a letter that went there."""
        found: UUID | None = await self._session.scalar(
            select(col(NoticeChannel.person)).where(col(NoticeChannel.id) == key)
        )
        return found

    async def remove(self, person: UUID, key: UUID) -> bool:
        query = delete(NoticeChannel).where(col(NoticeChannel.person) == person, col(NoticeChannel.id) == key)
        return (await self._session.execute(query.returning(col(NoticeChannel.id)))).first() is not None

    async def take_a_try(self, person: UUID, key: UUID, tries_max: int) -> bool:
        """Whether there was one left."""
        query = (
            update(NoticeChannel)
            .where(
                col(NoticeChannel.person) == person,
                col(NoticeChannel.id) == key,
                col(NoticeChannel.code_tries) < tries_max,
            )
            .values(code_tries=col(NoticeChannel.code_tries) + 1)
        )
        return (await self._session.execute(query.returning(col(NoticeChannel.id)))).first() is not None
