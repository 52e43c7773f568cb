"""The trail of what was done with requests and holds: written in the transaction of the act, and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.ids import new_id
from services.exchange.privacy.models import NOBODY, PrivacyEvent
from services.exchange.privacy.states import Step


class Trail:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def note(
        self, session: AsyncSession, step: Step, *, person: UUID | None, subject: UUID | None, by: str, **detail: Any
    ) -> None:
        """`by` and `detail` as :class:`PrivacyEvent` says."""
        session.add(
            PrivacyEvent(
                person=person or NOBODY,
                id=new_id(),
                subject=subject,
                kind=step.value,
                detail=detail,
                by=by,
                at=self._clock.now(),
            )
        )
        await session.flush()

    async def of(self, session: AsyncSession, person: UUID | None, subject: UUID) -> Sequence[PrivacyEvent]:
        """All that happened to a request or a hold, oldest first."""
        query = (
            select(PrivacyEvent)
            .where(col(PrivacyEvent.person) == (person or NOBODY), col(PrivacyEvent.subject) == subject)
            .order_by(col(PrivacyEvent.id))
        )
        return (await session.scalars(query)).all()


async def key_destroyed_at(session: AsyncSession, person: UUID) -> datetime | None:
    """When an erasure destroyed the person's data key last; None: never."""
    is_it = (col(PrivacyEvent.person) == person) & (col(PrivacyEvent.kind) == Step.KEY_DESTROYED.value)
    newest = select(col(PrivacyEvent.at)).where(is_it).order_by(col(PrivacyEvent.id).desc()).limit(1)
    found: datetime | None = await session.scalar(newest)
    return found
