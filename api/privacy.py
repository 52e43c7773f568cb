"""Every room's stores of personal data, in the order in which they are erased."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import core.personal_core
import identity.personal_data
import services.apply.personal_data
import services.exchange.personal_data
import services.exchange.privacy.personal_data
import services.pay.personal_data
import services.plugins.documents.personal_data
import services.receive.credentials.personal_data
import services.receive.personal_data
import services.receive.shares.personal_data
import services.receive.standing.personal_data
import welfare.determination.personal_data
from core.personal_data import PersonalData, Store
from services.exchange.privacy.holds import LegalHolds
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.states import Kind, Status
from services.plugins.documents.models import IssuedDocument
from services.plugins.documents.orders import Orders

if TYPE_CHECKING:
    from api.house import House
    from services.apply.service import ApplyService

_MODULES: Final = (
    core.personal_core,
    identity.personal_data,
    services.apply.personal_data,
    services.exchange.personal_data,
    services.exchange.privacy.personal_data,
    services.pay.personal_data,
    services.plugins.documents.personal_data,
    services.receive.credentials.personal_data,
    services.receive.personal_data,
    services.receive.shares.personal_data,
    services.receive.standing.personal_data,
    welfare.determination.personal_data,
)


def declared_stores() -> list[Store]:
    """Every store that a room declares, by name; needs no database."""
    found = {value.name: value for module in _MODULES for value in vars(module).values() if isinstance(value, Store)}
    return [found[name] for name in sorted(found)]


def stores_of(house: House, apply: ApplyService) -> list[PersonalData]:
    """The stores over a house's database. What hangs on something goes before it; the data key goes last."""
    keys, clock = house.keys, house.clock
    return [
        *core.personal_core.first(keys),
        *services.apply.personal_data.personal_data(keys, apply, house.deliveries),
        *services.plugins.documents.personal_data.personal_data(keys, lambda: house.rooms.get(Orders)),
        *services.receive.credentials.personal_data.personal_data(keys),
        *services.receive.personal_data.personal_data(keys),
        *services.receive.shares.personal_data.personal_data(keys),
        *services.receive.standing.personal_data.personal_data(keys),
        *services.pay.personal_data.personal_data(keys),
        *welfare.determination.personal_data.personal_data(keys),
        *services.exchange.personal_data.personal_data(keys, clock),
        *identity.personal_data.personal_data(keys, clock, house.delegations),
        *services.exchange.privacy.personal_data.personal_data(keys),
        *core.personal_core.last(keys),
    ]


class KeepersOfDocuments:
    """Fulfils the `Keepers` of the rooms that keep documents, for the table whose rows they are."""

    def __init__(self, holds: LegalHolds, table: str = str(IssuedDocument.__tablename__)) -> None:
        self._holds, self._table = holds, table

    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        return (await self._holds.held_tables(session)).get(self._table, set())

    async def has_left(self, session: AsyncSession, person: UUID, since: datetime) -> bool:
        """Also of whom a hold keeps the number: what was on its way when the rest went is not to come back."""
        query = select(col(PrivacyRequest.id)).where(
            col(PrivacyRequest.person) == person,
            col(PrivacyRequest.kind) == Kind.EXIT.value,
            or_(col(PrivacyRequest.status) == Status.ERASING.value, col(PrivacyRequest.finished_at) >= since),
        )
        return await session.scalar(query.limit(1)) is not None
