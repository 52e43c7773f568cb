"""Shares put together: which documents there are, whose registers name a verifier, who keeps what of people."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.errors import status_of
from api.privacy import KeepersOfDocuments
from core.envelope import SubjectKeys
from core.errors import NotFound
from core.rooms import Rooms
from core.sealed import bound_to
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import title_of
from identity.people import PeopleRegister
from services.exchange.handing.giving import Handing
from services.exchange.privacy.bars import StoppedUses
from services.plugins.documents import repository as documents
from services.plugins.documents.models import IssuedContent
from services.plugins.documents.service import DocumentDesk
from services.receive.credentials.service import Credentials
from services.receive.papers.service import Papers
from services.receive.shares.making import Making
from services.receive.shares.needs import IssuedPaper, Registered
from services.receive.shares.opening import Openings
from services.receive.shares.routes import shares_router
from services.receive.shares.service import Shares

if TYPE_CHECKING:
    from api.house import House


class DocumentsOfPlugins:
    """Fulfils `services.receive.shares.needs.Documents` by what agencies issued."""

    def __init__(self, house: House, desk: DocumentDesk) -> None:
        self._house, self._desk, self._subjects = house, desk, SubjectKeys(house.keys)

    async def find(self, person: UUID, document: UUID) -> IssuedPaper | None:
        kept = await self._desk.own(person, document)
        plugin = None if kept is None else self._house.registry.get(kept.row.plugin)
        if kept is None or plugin is None:
            return None
        async with self._house.db.read() as session:
            sealed = await documents.content(session, person, document)
            key = await self._subjects.find(session, person)
        if sealed is None or key is None:  # erased just now
            return None
        content = key.open(sealed, bound_to=bound_to(IssuedContent.content_sealed, document))
        agency, row = plugin.manifest.agency.slug, kept.row
        return IssuedPaper(agency, row.operation, kept.title, kept.demand, row.expires_at, content)


class RegistersOfAgencies:
    """Fulfils `services.receive.shares.needs.Registers`."""

    def __init__(self, house: House) -> None:
        self._db, self._register = house.db, house.identity.office.juristic

    async def find(self, agency: str, number: str) -> Registered | None:
        parsed = JuristicNumber.parse(number)
        async with self._db.read() as session:
            row = await self._register.find(session, agency, parsed)
        return None if row is None or not row.active else Registered(row.number, title_of(row))


class KeepersOfShares:
    """Fulfils `services.receive.shares.needs.Keepers`."""

    def __init__(self, house: House) -> None:
        self._documents = KeepersOfDocuments(house.privacy.holds, "share")
        self._people = PeopleRegister(house.keys, house.clock)

    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        return await self._documents.held(session)

    async def must_be_there(self, session: AsyncSession, person: UUID, since: datetime) -> None:
        if not await self._people.keep_there(session, person) or await self._documents.has_left(session, person, since):
            raise NotFound


def furnish(house: House, rooms: Rooms) -> None:
    """Adds the rooms that the graph, the routes and the jobs ask for; after those of documents and credentials."""
    db, clock, keys, issuer = house.db, house.clock, house.keys, house.settings.issuer
    credentials, papers = rooms.get(Credentials), rooms.get(Papers)
    of_plugins, keepers = DocumentsOfPlugins(house, rooms.get(DocumentDesk)), KeepersOfShares(house)
    making = Making(db, clock, keys, credentials, papers, of_plugins, RegistersOfAgencies(house), keepers)
    rooms.add(Shares, Shares(db, clock, keys, credentials, making, keepers, issuer))
    handing = Handing(db, clock, keys, StoppedUses())
    rooms.add(Handing, handing)
    issuers = credentials.issuers
    rooms.add(Openings, Openings(db, clock, keys, handing, issuers, papers, of_plugins, house.inbox, issuer))


def router(house: House) -> APIRouter:
    return shares_router(house.rooms.get(Openings), house.catalogue.agency_title, status_of)
