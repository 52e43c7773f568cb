"""Credentials put together: which services give any, how their agencies are asked, who keeps what of people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.privacy import KeepersOfDocuments
from core.assurance import Aal, Assurance, Demand, Ial
from core.errors import NotFound, ServiceUnavailable
from core.ids import NationalId
from core.rooms import Rooms
from core.text import Text
from core.viewer import Viewer
from identity.people import PeopleRegister
from identity.provider.replay import Replays
from services.exchange.facts import Asker, AskerKind, Purpose
from services.know.entries import service_id
from services.know.operating import CredentialTypes
from services.plugins.contract import Credential
from services.plugins.documents.forms import read_arguments
from services.plugins.documents.service import AGENT, DocumentDesk, Wish
from services.plugins.plugin import Plugin
from services.plugins.standing import must_be_open
from services.receive.credentials.batches import Batches
from services.receive.credentials.errors import CredentialNotOffered
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.needs import Asking, Offered, configuration_of
from services.receive.credentials.proofs import Nonces
from services.receive.credentials.routes import credentials_router
from services.receive.credentials.service import Credentials
from services.receive.credentials.showing import NONCES_OF, Showings
from services.receive.credentials.statuses import StatusLists
from services.receive.credentials.types import vct_of
from services.receive.credentials.verify_routes import verify_router
from services.receive.offline.making import Bundles
from services.receive.offline.routes import offline_router
from services.receive.papers.authority import Authority
from services.receive.standing.register import PaperRegister

if TYPE_CHECKING:
    from api.house import House


BATCH: Final = "credential-batch"
"""The registered purpose."""
_MAKES: Final = Text(th="ระบบออกเอกสารรับรองของหน่วยงาน", en="The agency's system that makes credentials")


class ServicesThatIssue:
    """Fulfils `services.receive.credentials.needs.Offerings` by the registry and the desk that asks agencies."""

    def __init__(self, house: House, desk: DocumentDesk) -> None:
        self._house, self._desk = house, desk

    def find(self, service: UUID, name: str) -> Offered:
        for plugin in self._house.registry.plugins:
            manifest = plugin.manifest
            if service_id(f"service:{manifest.slug}") == service and name in manifest.credentials:
                must_be_open(plugin.standing, manifest.title.text)
                return _offered(plugin, name)
        raise CredentialNotOffered(path=("credential",))

    def of(self, agency: str) -> Sequence[Offered]:
        return [
            _offered(plugin, name)
            for plugin in self._house.registry.plugins
            if plugin.manifest.agency.slug == agency
            for name in plugin.manifest.credentials
        ]

    def title(self, agency: str) -> Text:
        return self._house.catalogue.agency_title(agency)

    def arguments(self, given: Any) -> Mapping[str, Any]:
        return read_arguments(given)

    async def ask(self, asking: Asking, viewer: Viewer, asker: Asker, purpose: Purpose) -> Credential:
        offered = asking.offered
        plugin = self._house.registry.get(offered.service)
        if plugin is None:
            raise CredentialNotOffered(path=("credential",))
        wish = Wish(plugin, offered.spec.operation, asking.arguments, asking.key, asking.at)
        told = await self._desk.told(wish, viewer, asker, purpose)
        if not isinstance(told, Credential):
            raise ServiceUnavailable(offered.agency_title)
        return told


class TypesOfCredentials:
    """Fulfils `services.know.operating.CredentialTypes`."""

    def __init__(self, issuers: IssuerKeys) -> None:
        self._issuers = issuers

    def vct(self, agency: str, service: str, name: str, version: int) -> str:
        return vct_of(self._issuers, agency, configuration_of(service, name, version))


class AgenciesAskedInBatches:
    """Fulfils `services.receive.credentials.needs.Sources`: each question is a look of the gate, by a system of the
    agency's own, in the log of whom it is about."""

    def __init__(self, house: House, offerings: ServicesThatIssue) -> None:
        self._house, self._offerings = house, offerings

    def of(self, agency: str) -> Sequence[Offered]:
        return self._offerings.of(agency)

    async def ask_about(self, offered: Offered, person: UUID, key: str) -> Credential:
        house, operation = self._house, offered.spec.operation
        plugin = house.registry.get(offered.service)
        if plugin is None:
            raise ServiceUnavailable(offered.agency_title)

        async def read(number: NationalId) -> Any:
            return await house.runner.run(plugin, operation, asker=AGENT, person=number, key=key)

        asker = Asker(AskerKind.SYSTEM, AGENT, offered.agency, _MAKES)
        purpose = house.catalogue.purposes[BATCH].purpose
        what = f"{offered.agency}:{operation}"
        told = await house.gate.look(person, what, offered.agency, read, asker=asker, purpose=purpose)
        if not isinstance(told, Credential):
            raise ServiceUnavailable(offered.agency_title)
        return told


class KeepersOfOffers:
    """Fulfils `services.receive.credentials.needs.Keepers`."""

    def __init__(self, house: House) -> None:
        self._documents = KeepersOfDocuments(house.privacy.holds, "credential_offer")
        self._people = PeopleRegister(house.keys, house.clock)

    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        return await self._documents.held(session)

    async def must_be_there(self, session: AsyncSession, person: UUID, since: datetime) -> None:
        if not await self._people.keep_there(session, person) or await self._documents.has_left(session, person, since):
            raise NotFound


def furnish(house: House, rooms: Rooms) -> None:
    """Adds the room that the graph, the routes and the jobs ask for; after that of documents."""
    db, clock, keys = house.db, house.clock, house.keys
    issuers = IssuerKeys(db, keys, clock, house.settings.issuer)
    lists = StatusLists(db, keys, clock, issuers)
    offerings = ServicesThatIssue(house, rooms.get(DocumentDesk))
    nonces = Nonces(keys, clock, Replays(house.redis, keys), "credential")
    made = Credentials(db, clock, keys, issuers, lists, offerings, KeepersOfOffers(house), nonces)
    rooms.add(Credentials, made)
    rooms.add(CredentialTypes, TypesOfCredentials(issuers))  # type: ignore[type-abstract]  # known by its protocol alone
    sources, keepers = AgenciesAskedInBatches(house, offerings), KeepersOfOffers(house)
    rooms.add(
        Batches,
        Batches(db, clock, keys, issuers, lists, sources, keepers, house.inbox, house.identity.people, made.types),
    )
    shown = Nonces(keys, clock, Replays(house.redis, keys), NONCES_OF)
    rooms.add(Showings, Showings(clock, issuers, lists, shown, house.settings.issuer))
    rooms.add(Bundles, Bundles(clock, made, rooms.get(Authority), rooms.get(PaperRegister), house.attestor))


def router(house: House) -> APIRouter:
    room = house.rooms.get(Credentials)
    made = credentials_router(room, house.attestor)
    made.include_router(verify_router(house.rooms.get(Showings), room.issuers, room.offerings))
    made.include_router(offline_router(house.rooms.get(Bundles)))
    return made


def _offered(plugin: Plugin, name: str) -> Offered:
    manifest = plugin.manifest
    demand = Demand(Assurance(Ial(manifest.assurance.value), Aal.AAL_1))
    title = manifest.agency.title.text
    return Offered(manifest.slug, manifest.agency.slug, title, name, manifest.credentials[name], demand)
