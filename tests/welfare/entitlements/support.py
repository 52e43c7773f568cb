"""Short ways to say what a test is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from core.text import Text
from services.apply.states import Status
from welfare.entitlements.service import Entitlement


def by_programme(found: Iterable[Entitlement], beneficiary: UUID | None = None) -> dict[str, Entitlement]:
    """By slug, of one beneficiary."""
    return {
        e.assessment.programme.slug: e for e in found if beneficiary is None or e.assessment.beneficiary == beneficiary
    }


class NoAward:
    async def award(
        self,
        session: AsyncSession,
        *,
        application: UUID,
        payee: UUID,
        beneficiary: UUID,
        subject: str,
        title: Text,
        since: date,
    ) -> UUID:
        return new_id()

    async def end(self, session: AsyncSession, *, application: UUID) -> None: ...

    async def end_from(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        return 0

    async def reassessed(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        return 0

    async def reassessed_after_end(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        return 0


class NoNotice:
    async def application_changed(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, status: Status
    ) -> None: ...
