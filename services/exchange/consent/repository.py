"""Queries of consents. Every method takes the person first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from services.exchange.consent.models import Consent


class ConsentRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, person: UUID, requester: str, purpose: str, *, lock: bool = False) -> Consent | None:
        """The one without an end, which may be expired. `lock` makes others that would change it wait."""
        query = select(Consent).where(
            col(Consent.person) == person,
            col(Consent.requester) == requester,
            col(Consent.purpose) == purpose,
            col(Consent.ended_at).is_(None),
        )
        found: Consent | None = await self._session.scalar(query.with_for_update() if lock else query)
        return found

    async def get(self, person: UUID, consent: UUID, *, lock: bool = False) -> Consent | None:
        return await self._session.get(Consent, (person, consent), with_for_update=lock or None)

    async def insert_first(self, row: Mapping[str, Any]) -> bool:
        """Whether it went in: not if another one is open."""
        dialect = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(Consent).values(**row).on_conflict_do_nothing().returning(col(Consent.id))
        return (await self._session.execute(insert)).first() is not None

    async def page(self, person: UUID, *, size: int, before: UUID | None) -> Sequence[Consent]:
        """The newest first."""
        query = select(Consent).where(col(Consent.person) == person)
        if before is not None:
            query = query.where(col(Consent.id) < before)
        return (await self._session.scalars(query.order_by(col(Consent.id).desc()).limit(size))).all()

    async def active(self, person: UUID, requester: str, purpose: str, at: datetime) -> Consent | None:
        found = await self.open(person, requester, purpose)
        return found if found is not None and at < found.expires_at else None
