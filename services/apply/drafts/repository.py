"""Queries of drafts. Each that reads a citizen's rows takes the citizen first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.apply.drafts.models import Draft


async def one_at_a_time(session: AsyncSession, person: UUID) -> None:
    """Of two transactions of one person the second waits here for the first to end: under a lock on PostgreSQL, by the
    one writer on SQLite."""
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 7))"), {"key": person.hex})


async def own(session: AsyncSession, person: UUID, draft: UUID) -> Draft | None:
    return await session.get(Draft, (person, draft), populate_existing=True)


async def of_subject(session: AsyncSession, person: UUID, subject: str, beneficiary: UUID) -> Draft | None:
    query = select(Draft).where(
        col(Draft.person) == person, col(Draft.subject) == subject, col(Draft.beneficiary) == beneficiary
    )
    found: Draft | None = await session.scalar(query)
    return found


async def of_person(session: AsyncSession, person: UUID) -> Sequence[Draft]:
    """The one that was saved last comes first."""
    query = select(Draft).where(col(Draft.person) == person)
    return (await session.scalars(query.order_by(col(Draft.saved_at).desc(), col(Draft.id).desc()))).all()


async def count(session: AsyncSession, person: UUID) -> int:
    return await session.scalar(select(func.count()).select_from(Draft).where(col(Draft.person) == person)) or 0


async def store(session: AsyncSession, person: UUID, draft: UUID, revision: int, changes: dict[str, Any]) -> bool:
    """Writes over that very revision. False: there is another one by now."""
    query = update(Draft).where(col(Draft.person) == person, col(Draft.id) == draft, col(Draft.revision) == revision)
    done = await session.execute(query.values(**changes).execution_options(synchronize_session=False))
    return bool(done.rowcount)  # type: ignore[attr-defined]  # an update has one


async def delete_own(session: AsyncSession, person: UUID, draft: UUID, revision: int | None = None) -> bool:
    """That very revision, or whichever there is. False: it is not there."""
    query = delete(Draft).where(col(Draft.person) == person, col(Draft.id) == draft)
    if revision is not None:
        query = query.where(col(Draft.revision) == revision)
    done = await session.execute(query.execution_options(synchronize_session=False))
    return bool(done.rowcount)  # type: ignore[attr-defined]  # a deletion has one


async def unwarned(session: AsyncSession, saved_before: datetime, limit: int) -> Sequence[Draft]:
    """Drafts that were not saved since, and whose citizens were not told that they will go."""
    query = select(Draft).where(col(Draft.saved_at) < saved_before, col(Draft.warned_at).is_(None))
    return (
        await session.scalars(query.order_by(col(Draft.saved_at)).limit(limit).with_for_update(skip_locked=True))
    ).all()


async def over(
    session: AsyncSession, saved_before: datetime, warned_before: datetime, held: Collection[UUID | None], limit: int
) -> Sequence[Draft]:
    """Drafts that were not saved since, whose citizens have known it for long enough, and whom no hold keeps."""
    if None in held:
        return ()
    query = select(Draft).where(col(Draft.saved_at) < saved_before, col(Draft.warned_at) <= warned_before)
    if held:
        query = query.where(col(Draft.person).not_in([one for one in held if one is not None]))
    return (
        await session.scalars(query.order_by(col(Draft.saved_at)).limit(limit).with_for_update(skip_locked=True))
    ).all()
