"""Queries of what agencies sent. An agency names its own rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from services.plugins.records.models import IngestChunk, IngestNotice, IngestRequest


class IngestRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def enter(self, row: IngestRequest) -> IngestRequest:
        """The row of this key, this one if there was none; nobody else changes it before the transaction is over."""
        table = SQLModel.metadata.tables[str(IngestRequest.__tablename__)]
        is_sqlite = self._session.get_bind().dialect.name == "sqlite"
        made = (sqlite if is_sqlite else postgresql).insert(table).values(row.model_dump())
        await self._session.execute(made.on_conflict_do_nothing())
        query = _of_key(row.agency, row.plugin, row.operation, row.key)
        found: IngestRequest = (await self._session.scalars(query.with_for_update())).one()
        return found

    async def find(self, agency: str, plugin: str, operation: str, key: Any) -> IngestRequest | None:
        found: IngestRequest | None = (
            await self._session.scalars(_of_key(agency, plugin, operation, key))
        ).one_or_none()
        return found

    async def forget(self, before: datetime) -> None:
        """Sendings that came first before that instant."""
        await self._session.execute(delete(IngestRequest).where(col(IngestRequest.at) < before))

    async def hold(self, request: UUID, lease: UUID, values: dict[str, Any]) -> bool:
        """Changes the row of whoever has its lease; whether that is still so."""
        changed = await self._session.execute(
            update(IngestRequest)
            .where(col(IngestRequest.id) == request, col(IngestRequest.lease) == lease)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return bool(changed.rowcount)  # type: ignore[attr-defined]  # an update has one

    def add(self, chunk: IngestChunk) -> None:
        self._session.add(chunk)

    async def first_told(self, key: bytes, now: datetime) -> bool:
        """Whether nobody was told of it before; another who tells of it at the same moment waits."""
        is_sqlite = self._session.get_bind().dialect.name == "sqlite"
        table = SQLModel.metadata.tables[str(IngestNotice.__tablename__)]
        made = (sqlite if is_sqlite else postgresql).insert(table).values(key=key, at=now)
        entered = await self._session.execute(made.on_conflict_do_nothing().returning(table.c.key))
        return entered.first() is not None

    async def get(self, request: UUID) -> IngestRequest:
        return await self._session.get_one(IngestRequest, request)

    async def rejected(self, request: UUID) -> Sequence[list[Any]]:
        """In the order of the lines."""
        query = select(IngestChunk).where(col(IngestChunk.request) == request).order_by(col(IngestChunk.first))
        return [row for chunk in await self._session.scalars(query) for row in chunk.rejected]


def _of_key(agency: str, plugin: str, operation: str, key: Any) -> Any:
    return select(IngestRequest).where(
        col(IngestRequest.agency) == agency,
        col(IngestRequest.plugin) == plugin,
        col(IngestRequest.operation) == operation,
        col(IngestRequest.key) == key,
    )
