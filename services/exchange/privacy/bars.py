"""What the gate asks before it tells anything: has this person had the use of their data stopped?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.exchange import policy
from services.exchange.facts import Purpose
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.states import Kind, Status
from services.exchange.privacy.stopping import stopping


class StoppedUses:
    """Implements `services.exchange.needs.Bars`."""

    async def barred(self, session: AsyncSession, subjects: Collection[UUID], purpose: Purpose) -> Mapping[UUID, str]:
        """See `services.exchange.needs.Bars`."""
        entry = stopping().get(purpose.id)
        if not subjects or (entry is not None and entry.own):
            return {}
        query = select(col(PrivacyRequest.person), col(PrivacyRequest.kind)).where(
            col(PrivacyRequest.person).in_(list(subjects)),
            col(PrivacyRequest.kind).in_([Kind.RESTRICTION.value, Kind.OBJECTION.value]),
            col(PrivacyRequest.status) == Status.ACTIVE.value,
            col(PrivacyRequest.purpose).in_(["", purpose.id]),
        )
        found: dict[UUID, str] = {}
        for person, kind in (await session.execute(query)).tuples():
            restricts = kind == Kind.RESTRICTION
            if entry is None or (entry.restriction if restricts else entry.objection):
                found[person] = policy.RESTRICTED if restricts else found.get(person, policy.OBJECTED)
        return found
