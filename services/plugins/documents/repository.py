"""Queries of issued documents. Each that reads a citizen's rows takes the citizen first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.plugins.documents.models import IssuedContent, IssuedDocument


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


async def delete_expired(session: AsyncSession, now: datetime) -> None:
    """With what they say: it goes with them."""
    await session.execute(delete(IssuedDocument).where(col(IssuedDocument.expires_at) <= now))
