"""Queries of issued documents. Each that reads a citizen's rows takes the citizen first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.plugins.documents.models import IssuedContent, IssuedDocument, IssueWish


async def own(session: AsyncSession, person: UUID, document: UUID, now: datetime) -> IssuedDocument | None:
    """The person's document, while it is kept."""
    row = await session.get(IssuedDocument, (person, document))
    return row if row is not None and now < row.expires_at else None


async def page(
    session: AsyncSession, person: UUID, limit: int, before: UUID | None, now: datetime
) -> Sequence[IssuedDocument]:
    """The person's documents that are kept, newest first, older than `before`."""
    query = select(IssuedDocument).where(col(IssuedDocument.person) == person, col(IssuedDocument.expires_at) > now)
    if before is not None:
        query = query.where(col(IssuedDocument.id) < before)
    return (await session.scalars(query.order_by(col(IssuedDocument.id).desc()).limit(limit))).all()


async def count(session: AsyncSession, person: UUID, now: datetime) -> int:
    query = select(func.count()).where(col(IssuedDocument.person) == person, col(IssuedDocument.expires_at) > now)
    return int(await session.scalar(query) or 0)


async def content(session: AsyncSession, person: UUID, document: UUID) -> bytes | None:
    """What the person's document says, sealed."""
    row = await session.get(IssuedContent, (person, document))
    return None if row is None else row.content_sealed


async def delete_expired(session: AsyncSession, now: datetime, held: Collection[UUID | None]) -> None:
    """With what they say: it goes with them. Of whom a hold keeps them (None: of all), none goes."""
    if None in held:
        return
    over = [col(IssuedDocument.expires_at) <= now]
    if held:
        over.append(col(IssuedDocument.person).not_in([one for one in held if one is not None]))
    await session.execute(delete(IssuedDocument).where(*over))


async def claim(session: AsyncSession, person: UUID, key: bytes, digest: bytes, now: datetime) -> bytes:
    """What the key stands for from now on: this, or what was claimed first. Of two at once, on two processes too, one
    is first."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {"person": person, "key": key, "digest": digest, "at": now}
    await session.execute(dialect.insert(IssueWish).values(**values).on_conflict_do_nothing())
    found = await session.scalar(
        select(col(IssueWish.digest)).where(col(IssueWish.person) == person, col(IssueWish.key) == key)
    )
    assert found is not None, "it was claimed just now"
    return found


async def forget_wishes(session: AsyncSession, before: datetime) -> None:
    await session.execute(delete(IssueWish).where(col(IssueWish.at) < before))
