"""Queries of checks. What reads a candidate's rows takes the candidate first; what reads a list, whose it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.receive.shares.checks.models import CheckAsked, CheckLine, CheckRequest

NEW_MAX: Final = 100
"""Lists that one turn of the job looks at."""
Asked: TypeAlias = tuple[CheckAsked, CheckRequest, CheckLine]


async def by_reference(session: AsyncSession, juristic: UUID, reference: str) -> CheckRequest | None:
    query = select(CheckRequest).where(col(CheckRequest.juristic) == juristic, col(CheckRequest.reference) == reference)
    return (await session.scalars(query)).first()


async def new(session: AsyncSession) -> Sequence[UUID]:
    """Lists whose candidates nobody has looked for yet, the first first."""
    query = select(col(CheckRequest.id)).where(~col(CheckRequest.people_asked)).order_by(col(CheckRequest.id))
    return (await session.scalars(query.limit(NEW_MAX))).all()


async def hold_new(session: AsyncSession, request: UUID) -> CheckRequest | None:
    """The list, held until the transaction ends; None once somebody else has looked."""
    row = await session.get(CheckRequest, request, with_for_update=True, populate_existing=True)
    return None if row is None or row.people_asked else row


async def of_juristic(session: AsyncSession, juristic: UUID, request: UUID) -> CheckRequest | None:
    """Foreign and unknown are alike."""
    found = await session.get(CheckRequest, request)
    return found if found is not None and found.juristic == juristic else None


async def lines_since(session: AsyncSession, juristic: UUID, since: datetime) -> int:
    query = select(func.sum(CheckRequest.lines)).where(
        col(CheckRequest.juristic) == juristic, col(CheckRequest.asked_at) >= since
    )
    return int(await session.scalar(query) or 0)


async def waiting(session: AsyncSession, person: UUID, now: datetime, *, of: UUID | None = None) -> int:
    """How many checks the person has not answered that can be answered still; `of` one juristic person, if named."""
    query = (
        select(func.count())
        .select_from(CheckAsked)
        .where(col(CheckAsked.person) == person, col(CheckAsked.answer).is_(None), col(CheckAsked.until) > now)
    )
    if of is not None:
        query = query.join(CheckRequest, col(CheckRequest.id) == col(CheckAsked.request))
        query = query.where(col(CheckRequest.juristic) == of)
    return int(await session.scalar(query) or 0)


async def lines(session: AsyncSession, request: UUID) -> Sequence[tuple[CheckLine, CheckAsked | None]]:
    """All of a list, with whose they are."""
    joined = (col(CheckAsked.request) == col(CheckLine.request)) & (col(CheckAsked.line) == col(CheckLine.line))
    query = (
        select(CheckLine, CheckAsked)
        .outerjoin(CheckAsked, joined)
        .where(col(CheckLine.request) == request)
        .order_by(col(CheckLine.line))
    )
    return [(line, asked) for line, asked in (await session.execute(query)).tuples()]


async def own(session: AsyncSession, person: UUID, check: UUID, *, lock: bool = False) -> Asked | None:
    """The candidate's; held until the transaction ends, if `lock`."""
    row = await session.get(CheckAsked, (person, check), with_for_update=lock or None, populate_existing=True)
    return None if row is None else (await _with_requests(session, [row]))[0]


async def page(session: AsyncSession, person: UUID, limit: int, before: UUID | None) -> Sequence[Asked]:
    """The candidate's, the newest first, older than `before`."""
    query = select(CheckAsked).where(col(CheckAsked.person) == person)
    if before is not None:
        query = query.where(col(CheckAsked.id) < before)
    rows = (await session.scalars(query.order_by(col(CheckAsked.id).desc()).limit(limit))).all()
    return await _with_requests(session, rows)


async def by_key(session: AsyncSession, check: UUID) -> CheckAsked | None:
    """For whoever has a receipt of it."""
    return (await session.scalars(select(CheckAsked).where(col(CheckAsked.id) == check))).first()


async def forget(session: AsyncSession, before: datetime, held: Collection[UUID | None]) -> None:
    """Lists that were over before, with all that hangs on them, but for those of whom a hold keeps it (None: all)."""
    if None in held:
        return
    over = [col(CheckRequest.until) <= before]
    named = [one for one in held if one is not None]
    if named:
        kept = exists().where(col(CheckAsked.request) == col(CheckRequest.id), col(CheckAsked.person).in_(named))
        over.append(~kept)
    await session.execute(delete(CheckRequest).where(*over))


async def _with_requests(session: AsyncSession, rows: Sequence[CheckAsked]) -> list[Asked]:
    found = []
    for row in rows:
        request = await session.get(CheckRequest, row.request)
        line = await session.get(CheckLine, (row.request, row.line))
        assert request is not None
        assert line is not None
        found.append((row, request, line))
    return found
