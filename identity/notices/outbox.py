"""What is owed to channels: written with the message, taken by whoever delivers, closed by what became of it.

Rows carry their own state (docs/inbox.md): who takes one moves its `due_at` past the time that sending may last, so
that what a killed process had in hand is due again by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Select, and_, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.database import Instant
from identity.notices.models import NoticeChannel, NoticeOutgoing
from identity.notices.topics import NoticeTopic, is_urgent

CHANNELS_AT_ONCE: Final = 20
ROWS_OF_A_CHANNEL: Final = 500
HOUR: Final = timedelta(hours=1)
_PEOPLE_AT_ONCE: Final = 1_000
"""Of one statement."""


class Outcome(StrEnum):
    """How a notice ended."""

    SENT = "SENT"
    FOLDED = "FOLDED"
    """Another tells of it: many came within an hour."""
    OFF = "OFF"
    """Its person does not want to be told of this."""
    GONE = "GONE"
    REFUSED = "REFUSED"
    TOO_OLD = "TOO_OLD"


async def owe(
    session: AsyncSession, person: UUID, message: UUID, template: str, topic: NoticeTopic, now: datetime
) -> None:
    """A notice of the message to each channel of the person's that is tried, in the message's own transaction."""
    at = literal(now, Instant)
    columns = [
        "channel",
        "message",
        "person",
        "template",
        "topic",
        "urgent",
        "created_at",
        "due_at",
        "attempts",
        "covers",
    ]
    its = select(
        col(NoticeChannel.id),
        literal(message),
        literal(person),
        literal(template),
        literal(topic.value),
        literal(is_urgent(topic)),
        at,
        at,
        literal(0),
        literal(1),
    ).where(
        col(NoticeChannel.person) == person,
        col(NoticeChannel.verified_at).is_not(None),
        col(NoticeChannel.left_at).is_(None),
    )
    await session.execute(insert(NoticeOutgoing).from_select(columns, its, include_defaults=False))


async def owe_each(
    session: AsyncSession, messages: Mapping[UUID, UUID], template: str, topic: NoticeTopic, now: datetime
) -> None:
    """As :func:`owe`, of a message to each of many people, by person: by a few statements however many they are."""
    people = list(messages)
    for first in range(0, len(people), _PEOPLE_AT_ONCE):
        tried = select(col(NoticeChannel.id), col(NoticeChannel.person)).where(
            col(NoticeChannel.person).in_(people[first : first + _PEOPLE_AT_ONCE]),
            col(NoticeChannel.verified_at).is_not(None),
            col(NoticeChannel.left_at).is_(None),
        )
        rows = [
            {
                "channel": channel,
                "message": messages[person],
                "person": person,
                "template": template,
                "topic": topic.value,
                "urgent": is_urgent(topic),
                "created_at": now,
                "due_at": now,
                "attempts": 0,
                "covers": 1,
            }
            for channel, person in await session.execute(tried)
        ]
        if rows:
            await session.execute(insert(NoticeOutgoing), rows)


class OutboxRows:
    """Queries for whoever delivers, in whosever name: it sees rows and channels, and no message but by its key."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def channels_due(self, now: datetime) -> Sequence[NoticeChannel]:
        """Channels that are owed something now, those that wait longest first; nobody else has them in hand as long as
        this transaction lasts."""
        waiting = (
            select(col(NoticeOutgoing.channel), func.min(col(NoticeOutgoing.due_at)).label("since"))
            .join(NoticeChannel, col(NoticeChannel.id) == col(NoticeOutgoing.channel))  # some may be owed to nobody now
            .where(col(NoticeOutgoing.closed_at).is_(None), col(NoticeOutgoing.due_at) <= now)
            .group_by(col(NoticeOutgoing.channel))
            .order_by(func.min(col(NoticeOutgoing.due_at)))
            .limit(CHANNELS_AT_ONCE * 5)
            .subquery()
        )
        query: Select[tuple[NoticeChannel]] = (
            select(NoticeChannel)
            .where(col(NoticeChannel.id).in_(select(waiting.c.channel)))
            .limit(CHANNELS_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        return (await self._session.scalars(query)).all()

    async def due(self, channel: UUID, now: datetime) -> Sequence[NoticeOutgoing]:
        """What the channel is owed now, the eldest first."""
        query = select(NoticeOutgoing).where(
            col(NoticeOutgoing.channel) == channel,
            col(NoticeOutgoing.closed_at).is_(None),
            col(NoticeOutgoing.due_at) <= now,
        )
        ordered = query.order_by(col(NoticeOutgoing.created_at), col(NoticeOutgoing.message))
        return (await self._session.scalars(ordered.limit(ROWS_OF_A_CHANNEL))).all()

    async def told_lately(self, channel: UUID, now: datetime) -> tuple[int, datetime | None]:
        """How many notices went there within the hour, or are under way, urgent ones apart; and when the eldest
        of them went."""
        row = col(NoticeOutgoing.sent_at)
        under_way = and_(
            col(NoticeOutgoing.closed_at).is_(None),
            col(NoticeOutgoing.attempts) > 0,
            col(NoticeOutgoing.due_at) > now,
        )
        query = select(func.count(), func.min(row)).where(
            col(NoticeOutgoing.channel) == channel,
            col(NoticeOutgoing.urgent).is_(False),
            or_(row > now - HOUR, under_way),
        )
        count, eldest = (await self._session.execute(query)).one()
        return count, eldest

    async def close(
        self, channel: UUID, messages: Collection[UUID], outcome: Outcome, now: datetime, attempts: int | None = None
    ) -> int:
        """Answers how many it closed. With `attempts`, only as they were taken: another may have taken them since."""
        query = update(NoticeOutgoing).where(
            col(NoticeOutgoing.channel) == channel,
            col(NoticeOutgoing.message).in_(messages),
            col(NoticeOutgoing.closed_at).is_(None),
        )
        if attempts is not None:
            query = query.where(col(NoticeOutgoing.attempts) == attempts)
        sent = now if outcome is Outcome.SENT else None
        done = await self._session.execute(query.values(closed_at=now, outcome=outcome.value, sent_at=sent))
        return done.rowcount  # type: ignore[attr-defined,no-any-return]  # of a CursorResult, which DML answers

    async def close_all(self, channel: UUID, outcome: Outcome, now: datetime) -> None:
        await self._session.execute(
            update(NoticeOutgoing)
            .where(col(NoticeOutgoing.channel) == channel, col(NoticeOutgoing.closed_at).is_(None))
            .values(closed_at=now, outcome=outcome.value)
        )

    async def put_off(self, channel: UUID, message: UUID, attempts: int, due_at: datetime) -> None:
        await self._session.execute(
            update(NoticeOutgoing)
            .where(
                col(NoticeOutgoing.channel) == channel,
                col(NoticeOutgoing.message) == message,
                col(NoticeOutgoing.attempts) == attempts,
                col(NoticeOutgoing.closed_at).is_(None),
            )
            .values(due_at=due_at)
        )

    async def is_owed(self, channel: UUID) -> bool:
        query = select(col(NoticeOutgoing.message)).where(
            col(NoticeOutgoing.channel) == channel, col(NoticeOutgoing.closed_at).is_(None)
        )
        return (await self._session.scalar(query.limit(1))) is not None

    async def codes_since(self, person: UUID, template: str, since: datetime) -> int:
        """How many codes the person asked for, whatever became of them."""
        query = select(func.count()).where(
            col(NoticeOutgoing.person) == person,
            col(NoticeOutgoing.template) == template,
            col(NoticeOutgoing.created_at) > since,
        )
        return (await self._session.scalar(query)) or 0
