"""Queries of orders of documents. Each that reads a citizen's rows takes the citizen first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.database import Database
from services.plugins.documents.models import DocumentOrder
from services.plugins.documents.states import OrderStatus

KEPT: Final = timedelta(days=400)
"""After it ended: longer than any repeat of it is free."""
_ENDED: Final = (OrderStatus.MADE.value, OrderStatus.REFUSED.value, OrderStatus.EXPIRED.value)


async def own(session: AsyncSession, person: UUID, order: UUID, *, lock: bool = False) -> DocumentOrder | None:
    query = select(DocumentOrder).where(col(DocumentOrder.person) == person, col(DocumentOrder.id) == order)
    if lock:
        query = query.with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).first()


async def page(session: AsyncSession, person: UUID, limit: int, before: UUID | None) -> Sequence[DocumentOrder]:
    """Newest first, older than `before`."""
    query = select(DocumentOrder).where(col(DocumentOrder.person) == person)
    if before is not None:
        query = query.where(col(DocumentOrder.id) < before)
    return (await session.scalars(query.order_by(col(DocumentOrder.id).desc()).limit(limit))).all()


async def under_way(session: AsyncSession, person: UUID) -> int:
    query = select(func.count()).where(
        col(DocumentOrder.person) == person,
        col(DocumentOrder.status).in_([OrderStatus.OWED.value, OrderStatus.PAID.value]),
    )
    return int(await session.scalar(query) or 0)


async def paid_for(session: AsyncSession, person: UUID) -> Sequence[DocumentOrder]:
    """Those that cost something and are not made yet; locked."""
    query = select(DocumentOrder).where(
        col(DocumentOrder.person) == person,
        col(DocumentOrder.status) == OrderStatus.PAID.value,
        col(DocumentOrder.satang) > 0,
    )
    return (await session.scalars(query.order_by(col(DocumentOrder.id)).with_for_update())).all()


async def add(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """False where its free place is taken; of two at once, one has it."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(DocumentOrder).values(**values).on_conflict_do_nothing().returning(DocumentOrder.id)
    return (await session.execute(insert)).first() is not None


async def was_paid(session: AsyncSession, like: DocumentOrder, since: datetime) -> bool:
    """Whether the person paid for one of the same since then, and has it: what is not made yet may be refused and go
    back, and others that were free because of it would not."""
    query = select(col(DocumentOrder.id)).where(
        col(DocumentOrder.person) == like.person,
        col(DocumentOrder.plugin) == like.plugin,
        col(DocumentOrder.operation) == like.operation,
        col(DocumentOrder.satang) > 0,
        col(DocumentOrder.paid_at) > since,
        col(DocumentOrder.status) == OrderStatus.MADE.value,
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def due(db: Database, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Person and order of those that are to be made, the longest due first."""
    query = select(col(DocumentOrder.person), col(DocumentOrder.id)).where(
        col(DocumentOrder.status) == OrderStatus.PAID.value, col(DocumentOrder.due_at) <= now
    )
    async with db.read() as session:
        return [
            (row[0], row[1]) for row in await session.execute(query.order_by(col(DocumentOrder.due_at)).limit(limit))
        ]


async def expire(session: AsyncSession, now: datetime, held: Collection[UUID | None]) -> None:
    """What nobody paid for in time is over; what is over is forgotten in time, but for what was one of the first that
    are free, and of whom a hold keeps it (None: of all)."""
    await session.execute(
        update(DocumentOrder)
        .where(col(DocumentOrder.status) == OrderStatus.OWED.value, col(DocumentOrder.due_at) <= now)
        .values(status=OrderStatus.EXPIRED.value)
    )
    if None in held:
        return
    over = [
        col(DocumentOrder.status).in_(_ENDED),
        col(DocumentOrder.due_at) <= now - KEPT,
        col(DocumentOrder.free_place).is_(None),
    ]
    if held:
        over.append(col(DocumentOrder.person).not_in([one for one in held if one is not None]))
    await session.execute(delete(DocumentOrder).where(*over))
