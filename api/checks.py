"""Checks of juristic persons put together: whose register is compared, who is asked, whose systems are let in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession

from api.doors import door_of
from api.privacy import KeepersOfDocuments
from core.assurance import Demand
from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.rooms import Rooms
from core.text import Text
from core.viewer import Viewer
from services.exchange.facts import Asker, Purpose
from services.exchange.handing.receipts import HandingReceipts
from services.exchange.rest.auth import INGEST_SCOPE
from services.plugins.documents.service import demand_of
from services.plugins.plugin import Plugin
from services.plugins.standing import must_be_open
from services.receive.shares.checks.answering import Answering
from services.receive.shares.checks.asking import Asking
from services.receive.shares.checks.comparing import Degree
from services.receive.shares.checks.needs import System
from services.receive.shares.checks.routes import checks_router, results_verification

if TYPE_CHECKING:
    from api.house import House

SERVICE: Final = "mhesi"
OPERATION: Final = "degrees"
AGENT: Final = "sitthi-checks"
"""The AgentID under which the register is asked; in whose name it was is in the access log."""
_REGISTER: Final = Text(th="ทะเบียนปริญญา", en="The register of degrees")


class DegreesOfHigherEducation:
    """Fulfils `services.receive.shares.checks.needs.Records` by the plugin that keeps academic records."""

    agency = SERVICE
    what = f"{SERVICE}:{OPERATION}"

    def __init__(self, house: House) -> None:
        self._house = house

    def demand(self) -> Demand:
        return demand_of(self._plugin().manifest)

    async def degrees(self, viewer: Viewer, asker: Asker, purpose: Purpose) -> Sequence[Degree]:
        plugin, runner = self._plugin(), self._house.runner

        async def read(person: NationalId) -> Any:
            return await runner.run(plugin, OPERATION, asker=AGENT, person=person, arguments={}, viewer=viewer)

        told = await self._house.gate.look(viewer.person, self.what, self.agency, read, asker=asker, purpose=purpose)
        return [
            Degree(
                Text(th=one["institution"], en=one["institutionEn"]),
                one["level"],
                Text(th=one["title"], en=one["titleEn"]),
                int(str(one["awardedOn"])[:4]),
            )
            for one in told or ()
        ]

    def _plugin(self) -> Plugin:
        plugin = self._house.registry.get(SERVICE)
        if plugin is None:
            raise ServiceUnavailable(_REGISTER)
        must_be_open(plugin.standing, plugin.manifest.title.text)
        return plugin


class HoldsOfChecks:
    """Fulfils `services.receive.shares.checks.needs.Holds`."""

    def __init__(self, house: House) -> None:
        self._documents = KeepersOfDocuments(house.privacy.holds, "check_asked")

    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        return await self._documents.held(session)


def furnish(house: House, rooms: Rooms) -> None:
    """Adds the rooms that the graph, the routes and the jobs ask for."""
    db, clock, keys = house.db, house.clock, house.keys
    records, identity = DegreesOfHigherEducation(house), house.identity
    register, people, holds = identity.office.juristic, identity.people, HoldsOfChecks(house)
    asking = Asking(db, clock, keys, register, records, people, house.attestor, house.inbox, holds)
    rooms.add(Asking, asking)
    receipts = HandingReceipts(keys, house.attestor)
    rooms.add(Answering, Answering(db, clock, keys, asking, records, receipts))


def router(house: House) -> APIRouter:
    """Where our own provider is switched off, no system could get a token to ask with."""
    made = results_verification(house.attestor)
    if house.settings.own_provider:
        door = door_of(house, INGEST_SCOPE)

        async def system(request: Request) -> System:
            machine = await door.machine(request)
            return System(machine.client, machine.headers)

        made.include_router(checks_router(house.rooms.get(Asking), system))
    return made
