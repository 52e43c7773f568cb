"""How what agencies' services award is put together: recorded by those who pay, and told back to the services."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.jobs import Job
from identity.people import PeopleRegister
from services.apply.delivery.desk import DeliveryDesk
from services.pay.benefits.service import Benefits
from services.pay.benefits.subjects import KIND
from services.pay.benefits.telling import BenefitNews, Said
from services.plugins.contract import EventKind
from services.plugins.plugin import Plugin
from services.plugins.records.telling import Telling

if TYPE_CHECKING:
    from api.house import House

_EVENTS: Final = {Said.PAID: EventKind.BENEFIT_PAID, Said.RETURNED: EventKind.BENEFIT_RETURNED}


class _Tells:
    """Fulfils `services.pay.benefits.telling.Tells` by the desk that tells services of all else."""

    def __init__(self, people: PeopleRegister, desk: DeliveryDesk) -> None:
        self._people, self._desk = people, desk

    async def there(self, session: AsyncSession, people: Collection[UUID]) -> Collection[UUID]:
        return await self._people.there(session, people)

    async def tell(
        self, session: AsyncSession, plugin: str, said: Said, about: UUID, person: UUID, *, reference: str, satang: int
    ) -> None:
        await self._desk.tell_of_benefit(
            session, plugin, _EVENTS[said], about, person, reference=reference, satang=satang
        )


def benefits(house: House) -> Benefits:
    return Benefits(house.clock, house.identity.people, house.inbox)


def telling(house: House) -> Telling:
    people, register = house.identity.people, house.identity.office.juristic
    return Telling(house.clock, house.keys, people, register, house.inbox)


def news(house: House) -> BenefitNews:
    return BenefitNews(house.db, house.clock, _Tells(house.identity.people, house.deliveries))


def jobs_of_benefits(house: House) -> list[Job]:
    return [Job("tell services what became of what they awarded", timedelta(minutes=1), news(house).run)]


def awarding(house: House) -> dict[str, str]:
    """Agencies by the subject under which a service of theirs awards: each has a budget."""
    return {KIND + one.slug: one.manifest.agency.slug for one in house.registry.plugins if _awards(one)}


def _awards(plugin: Plugin) -> bool:
    return any(spec.awards_satang_max for spec in plugin.manifest.operations.values())
