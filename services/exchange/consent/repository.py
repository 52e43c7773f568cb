"""Queries of consents. Every method takes the person first, but for those of jobs and of whoever holds a receipt."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_
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

    async def open_of(self, person: UUID) -> Sequence[Consent]:
        """All without an end, of every requester and purpose."""
        query = select(Consent).where(col(Consent.person) == person, col(Consent.ended_at).is_(None))
        return (await self._session.scalars(query)).all()

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

    async def active(
        self, people: Collection[UUID], requester: str, purpose: str, at: datetime
    ) -> Mapping[UUID, Consent]:
        """Of those people who have one: the consent that is good at that moment."""
        query = select(Consent).where(
            col(Consent.person).in_(people),
            col(Consent.requester) == requester,
            col(Consent.purpose) == purpose,
            col(Consent.ended_at).is_(None),
            col(Consent.expires_at) > at,
        )
        return {row.person: row for row in (await self._session.scalars(query)).all()}

    # For who holds a receipt, and for jobs: not by person.

    async def by_id(self, consent: UUID) -> Consent | None:
        found: Consent | None = await self._session.scalar(select(Consent).where(col(Consent.id) == consent))
        return found

    async def to_receipt(self, at: datetime, *, limit: int) -> Sequence[Consent]:
        """Those that have expired and nobody noticed, and those whose end has no receipt yet."""
        expired = col(Consent.ended_at).is_(None) & (col(Consent.expires_at) <= at)
        query = select(Consent).where(or_(expired, col(Consent.receipt_due).is_(True)))
        return (await self._session.scalars(query.order_by(col(Consent.expires_at)).limit(limit))).all()

    async def ended_of(self, requester: str, after: tuple[datetime, UUID] | None, *, limit: int) -> Sequence[Consent]:
        """Of one agency's: those that ended, the first to end first, after that place in the order."""
        query = select(Consent).where(col(Consent.requester) == requester, col(Consent.ended_at).is_not(None))
        if after is not None:
            at, key = after
            later = (col(Consent.ended_at) > at) | ((col(Consent.ended_at) == at) & (col(Consent.id) > key))
            query = query.where(later)
        order = (col(Consent.ended_at), col(Consent.id))
        return (await self._session.scalars(query.order_by(*order).limit(limit))).all()
