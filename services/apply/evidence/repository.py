"""Queries of evidence. Each that reads a citizen's rows takes the citizen first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.apply.evidence.models import Evidence, EvidencePiece
from services.apply.models import Application


async def one_at_a_time(session: AsyncSession, person: UUID) -> None:
    """Of two transactions of one person, on two processes too, the second waits here for the first to end: under a lock
    on PostgreSQL, by the one writer on SQLite."""
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 2))"), {"key": person.hex})


async def own(session: AsyncSession, person: UUID, evidence: UUID) -> Evidence | None:
    return await session.get(Evidence, (person, evidence))


async def own_of(session: AsyncSession, person: UUID, evidence: Collection[UUID]) -> Sequence[Evidence]:
    query = select(Evidence).where(col(Evidence.person) == person, col(Evidence.id).in_(evidence))
    return (await session.scalars(query)).all()


async def claimed(session: AsyncSession, person: UUID, claim: bytes) -> Evidence | None:
    """What was sent under that idempotency key and is still kept."""
    query = select(Evidence).where(col(Evidence.person) == person, col(Evidence.claim) == claim)
    found: Evidence | None = await session.scalar(query)
    return found


async def unused(session: AsyncSession, person: UUID) -> tuple[int, int]:
    """How many files of the person no application has named, and of how many bytes together."""
    query = select(func.count(), func.coalesce(func.sum(col(Evidence.size)), 0)).where(
        col(Evidence.person) == person, col(Evidence.application).is_(None)
    )
    files, size = (await session.execute(query)).one()
    return int(files), int(size)


async def submitted(session: AsyncSession, person: UUID, applications: Collection[UUID]) -> dict[UUID, list[Evidence]]:
    """By application, oldest first."""
    query = select(Evidence).where(col(Evidence.person) == person, col(Evidence.application).in_(applications))
    found: dict[UUID, list[Evidence]] = {key: [] for key in applications}
    for row in await session.scalars(query.order_by(col(Evidence.id))):
        if row.application is not None:
            found[row.application].append(row)
    return found


async def submit(
    session: AsyncSession, person: UUID, evidence: Collection[UUID], application: UUID, now: datetime
) -> None:
    await session.execute(
        update(Evidence)
        .where(col(Evidence.person) == person, col(Evidence.id).in_(evidence), col(Evidence.application).is_(None))
        .values(application=application, submitted_at=now)
        .execution_options(synchronize_session=False)
    )


async def piece(session: AsyncSession, person: UUID, evidence: UUID, position: int) -> bytes | None:
    """One piece, sealed."""
    row = await session.get(EvidencePiece, (person, evidence, position))
    return None if row is None else row.content_sealed


async def delete_own(session: AsyncSession, person: UUID, evidence: UUID) -> None:
    """With what it holds."""
    await session.execute(delete(Evidence).where(col(Evidence.person) == person, col(Evidence.id) == evidence))


async def delete_over(session: AsyncSession, before: datetime, held: Collection[UUID | None]) -> int:
    """What no application named by then, and what belongs to an application that was blanked; but of whom a hold keeps
    them (None: of all). Answers how many."""
    if None in held:
        return 0
    is_blanked = exists().where(
        col(Application.person) == col(Evidence.person),
        col(Application.id) == col(Evidence.application),
        col(Application.unit_key).startswith("erased:", autoescape=True),
    )
    over = [or_(and_(col(Evidence.application).is_(None), col(Evidence.uploaded_at) < before), is_blanked)]
    if held:
        over.append(col(Evidence.person).not_in([one for one in held if one is not None]))
    gone = await session.execute(delete(Evidence).where(*over).execution_options(synchronize_session=False))
    return gone.rowcount  # type: ignore[attr-defined,no-any-return]  # a deletion has one
