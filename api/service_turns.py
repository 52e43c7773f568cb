"""Where the registry of services and the applications to them meet: neither knows the other."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import FEE_UNPAID, KINDS, Step
from services.plugins.contract import OperationKind
from services.plugins.registry.repository import Name, ServiceRepository


class RegistryTurns:
    """Fulfils `api.services_applied.ServiceTurns`."""

    async def turn_of_operations(self, session: AsyncSession, slug: str, *, shared: bool = False) -> None:
        await ServiceRepository(session).turn_of_operations(slug, shared=shared)

    async def current_version(self, session: AsyncSession, agency: str, slug: str) -> str | None:
        return await ServiceRepository(session).current_version(Name(agency, slug))


class OwedToServices:
    """Fulfils `services.plugins.registry.passing.Owing`: what the cases of applications wait for."""

    async def owed(self, session: AsyncSession, slug: str) -> Mapping[OperationKind, int]:
        """A withdrawal that waits for its `submit` to be answered needs `cancel` after it. What was given up counts:
        an operator may have it tried again. Whoever makes another wait does so before, or waits (`stands_still`)."""
        await ServiceRepository(session).turn_of_operations(slug)
        query = (
            select(col(ServiceCase.step), col(ServiceCase.cancel_wanted), func.count())
            .where(
                col(ServiceCase.plugin) == slug,
                or_(
                    col(ServiceCase.due_at).is_not(None),
                    col(ServiceCase.failed_at).is_not(None),
                    col(ServiceCase.trouble) == FEE_UNPAID,
                ),
            )
            .group_by(col(ServiceCase.step), col(ServiceCase.cancel_wanted))
        )
        owed: dict[OperationKind, int] = {}
        for step, cancel_wanted, count in (await session.execute(query)).tuples():
            kinds = {KINDS[Step(step)], *([OperationKind.CANCEL] if cancel_wanted else [])}
            for kind in kinds:
                owed[kind] = owed.get(kind, 0) + count
        return owed
