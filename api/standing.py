"""What agencies do with what they issued, put together: who may be named, what things are called, who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter

from api.desk_of_applications import OfficerTies
from api.doors import door_of
from api.issued_rest import issued_router
from core.ids import MalformedNationalId, NationalId
from core.rooms import Rooms
from core.text import Text
from identity.officers.errors import ConflictOfInterest
from identity.proposals.service import Proposals
from identity.provider.errors import TokenInvalid
from services.exchange.facts import Asker, AskerKind, Assured
from services.exchange.rest.auth import SERVICES_SCOPE, Caller
from services.exchange.rest.errors import AgentUnknown, PersonMalformed
from services.exchange.rest.requests import Agent, AgentKind, PersonNamed
from services.exchange.rest.service import OF_A_SYSTEM, OF_AN_OFFICER
from services.receive.credentials.service import Credentials
from services.receive.standing.desk import PROPOSES, IssuedDesk, WithdrawAct
from services.receive.standing.service import Issued, Standings

if TYPE_CHECKING:
    from api.house import House


class TitlesOfIssued:
    """Fulfils `services.receive.standing.service.Titles`."""

    def __init__(self, house: House, credentials: Credentials) -> None:
        self._house, self._credentials = house, credentials

    def agency(self, agency: str) -> Text:
        return self._house.catalogue.agency_title(agency)

    def credential(self, agency: str, configuration: str) -> Text:
        offered = self._credentials.offerings.of(agency)
        found = next((one for one in offered if one.configuration == configuration), None)
        return Text(configuration, configuration) if found is None else found.spec.title.text


class IssuingAgents:
    """Fulfils `api.issued_rest.Agents`: officers who may propose, and systems by whatever name."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def asker(self, caller: Caller, agent: Agent) -> Asker:
        is_officer = agent.kind is AgentKind.OFFICER
        if agent.officer is not None:
            async with self._house.db.read() as session:
                officer = await self._house.identity.office.officers.find(session, agent.officer)
            if officer is None or officer.agency != caller.agency:
                raise AgentUnknown
            officer.must_have(PROPOSES)
        return Asker(
            AskerKind.OFFICER if is_officer else AskerKind.SYSTEM,
            f"{caller.client}:{agent.id}",
            caller.agency,
            (OF_AN_OFFICER if is_officer else OF_A_SYSTEM).filled(agency=caller.title),
            client=caller.client,
            agent=agent.id,
            assurance=Assured(bound_key=caller.bound_key),
        )

    async def person(self, caller: Caller, named: PersonNamed) -> UUID | None:
        identity = self._house.identity
        try:
            async with self._house.db.read() as session:
                if named.national_id is not None:
                    return await identity.people.find(session, NationalId(named.national_id))
                key = identity.subjects.person(named.reference or "", f"agency:{caller.agency}")
                return key if key in await identity.people.there(session, [key]) else None
        except (MalformedNationalId, TokenInvalid):
            raise PersonMalformed from None

    async def refuse_near(self, agent: Agent, issued: Issued) -> None:
        if agent.officer is None or issued.person is None:
            return
        ties = self._house.rooms.get(OfficerTies)
        if agent.officer == issued.person or await ties.between(agent.officer, {issued.person}):
            raise ConflictOfInterest


def furnish(house: House, rooms: Rooms) -> None:
    """Adds the room, and the act that takes two officers; after that of credentials."""
    titles = TitlesOfIssued(house, rooms.get(Credentials))
    standings = Standings(house.clock, house.keys, house.inbox, titles)
    rooms.add(Standings, standings)
    ties = rooms.get(OfficerTies)
    rooms.add(IssuedDesk, IssuedDesk(house.db, house.clock, house.gate, standings, titles.agency, ties))
    office = house.identity.office
    office.further_acts = [*office.further_acts, WithdrawAct(standings)]
    rooms.add(Proposals, office.proposals)


def router(house: House) -> APIRouter:
    return issued_router(door_of(house, SERVICES_SCOPE), house.rooms.get(IssuedDesk), IssuingAgents(house))
