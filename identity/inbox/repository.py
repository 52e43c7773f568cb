"""Reading what citizens are told. The person comes first: nobody reads another's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from identity.inbox.models import Change, Message


class Messages:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, person: UUID, size: int, after: UUID | None) -> Sequence[Message]:
        """The newest first, one more than `size`, older than `after`."""
        query = select(Message).where(col(Message.person) == person)
        if after is not None:
            query = query.where(col(Message.id) < after)
        return (await self._session.scalars(query.order_by(col(Message.id).desc()).limit(size + 1))).all()

    async def unread(self, person: UUID) -> int:
        query = select(func.count()).where(col(Message.person) == person, col(Message.read_at).is_(None))
        return (await self._session.scalar(query)) or 0

    async def of(self, person: UUID, keys: Collection[UUID]) -> Sequence[Message]:
        return (
            await self._session.scalars(select(Message).where(col(Message.person) == person, col(Message.id).in_(keys)))
        ).all()


class ChangesRead:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def since(self, people: Collection[UUID], floor: UUID) -> Sequence[Change]:
        """Changes of these people with ids above `floor`, in the order of their ids."""
        query = select(Change).where(col(Change.person).in_(people), col(Change.id) > floor)
        return (await self._session.scalars(query.order_by(col(Change.id)))).all()

    async def of_one(self, person: UUID, floor: UUID, limit: int) -> Sequence[Change]:
        """As :meth:`since`, the first so many."""
        query = select(Change).where(col(Change.person) == person, col(Change.id) > floor)
        return (await self._session.scalars(query.order_by(col(Change.id)).limit(limit))).all()
