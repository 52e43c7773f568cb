"""Queries of what was accepted and is owed a decision: of the state's own work, over everybody's applications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.apply.desk.repository import in_hands
from services.apply.models import Application


async def claim(session: AsyncSession, now: datetime, until: datetime, limit: int) -> Sequence[Application]:
    """What is due, the longest first, and now nobody else's before `until`; without what an officer works on."""
    due = (
        select(Application)
        .where(col(Application.decide_at) <= now, ~in_hands(now))
        .order_by(col(Application.decide_at))
        .limit(limit)
        .with_for_update(skip_locked=True, of=Application)
    )
    rows = (await session.scalars(due)).all()
    if rows:
        await session.execute(
            update(Application)
            .where(col(Application.id).in_([row.id for row in rows]), col(Application.decide_at).is_not(None))
            .values(decide_at=until)
            .execution_options(synchronize_session=False)
        )
    return rows


async def settle(session: AsyncSession, person: UUID, application: UUID) -> bool:
    """It is owed no decision any more. False: it was not. Waits for a concurrent attempt to end."""
    return await _write(session, person, application, None)


async def put_off(session: AsyncSession, person: UUID, application: UUID, until: datetime) -> bool:
    return await _write(session, person, application, until)


async def oldest(session: AsyncSession) -> datetime | None:
    """When the one was accepted that has been owed a decision for longest."""
    query = select(func.min(col(Application.created_at))).where(col(Application.decide_at).is_not(None))
    found: datetime | None = await session.scalar(query)
    return found


async def _write(session: AsyncSession, person: UUID, application: UUID, until: datetime | None) -> bool:
    query = (
        update(Application)
        .where(
            col(Application.person) == person,
            col(Application.id) == application,
            col(Application.decide_at).is_not(None),
        )
        .values(decide_at=until)
        .returning(col(Application.id))
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(query)).first() is not None
