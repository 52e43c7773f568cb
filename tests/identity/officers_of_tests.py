"""Officers at their desks, signed in as strongly as a test wants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import NationalId, check_digit
from core.text import Text
from identity.delegation.service import DelegationService
from identity.inbox.models import Message
from identity.inbox.service import Inbox
from identity.juristic.acts import JuristicAppoint, JuristicClientAdd, JuristicEnd, JuristicSet
from identity.juristic.appointing import Appointing
from identity.juristic.register import JuristicRegister
from identity.officers.models import OfficerAct
from identity.officers.register import Officer, OfficerRegister, SignIn
from identity.officers.trail import Trail
from identity.people import PeopleRegister
from identity.people.correction import Correction
from identity.proposals.agency_acts import ClientAdd, ClientKeys, OfficerAdd
from identity.proposals.registry_acts import GuardianshipAdd, GuardianshipEnd, IdCorrection
from identity.proposals.service import Proposals

BY = "command line: tester"
WEAK, THAID, PASSKEY = "ial2.3-aal1", "ial2.3-aal2.1", "ial2.3-aal2.2"
REASON = "as the file of today says"


def number(running: int, person_type: int = 1) -> NationalId:
    """A valid number of nobody; the registry office 00 does not exist."""
    first = f"{person_type}1000{running:07d}"
    return NationalId(first + str(check_digit(first)))


def titled(slug: str) -> Text:
    return Text(th=f"หน่วยงาน {slug}", en=f"agency {slug}")


class Office:
    """The agencies' officers, and the rooms they act in."""

    def __init__(self, database: Database, keys: KeyRing, clock: FixedClock) -> None:
        self.database, self.keys, self.clock = database, keys, clock
        self.people = PeopleRegister(keys, clock)
        self.officers = OfficerRegister(self.people, clock)
        self.inbox, self.trail = Inbox(clock), Trail(clock)
        self.delegations = DelegationService(clock, keys, self.people)
        self.juristic = JuristicRegister(clock)
        self.appointing = Appointing(self.juristic, self.officers, keys, clock)
        correction = Correction(self.people, self.inbox, clock)
        self.proposals = Proposals(
            keys,
            clock,
            self.officers,
            self.inbox,
            [
                OfficerAdd(self.officers, self.people),
                IdCorrection(self.people, correction, self.delegations, titled),
                GuardianshipAdd(self.people, self.delegations, clock),
                GuardianshipEnd(self.people, self.delegations),
                ClientAdd(self.trail, clock),
                ClientKeys(self.trail, clock),
                JuristicSet(self.juristic, self.people),
                JuristicEnd(self.juristic),
                JuristicAppoint(self.juristic, self.appointing, self.people, clock),
                JuristicClientAdd(self.juristic, clock),
            ],
        )

    async def officer(self, running: int, agency: str, *roles: str, acr: str = PASSKEY) -> Officer:
        """An officer who has just signed in."""
        async with self.database.write() as session:
            added = await self.officers.add(
                session,
                number(running),
                agency=agency,
                roles=roles,
                name=Text(th=f"เจ้าหน้าที่ {running}", en=f"Officer {running}"),
                by=BY,
            )
        return self.signed_in(added, acr)

    def signed_in(self, officer: Officer, acr: str, ago: timedelta = timedelta(0)) -> Officer:
        return replace(officer, sign_in=SignIn(acr, self.clock.now() - ago))

    async def end(self, officer: Officer) -> None:
        async with self.database.write() as session:
            await self.officers.end(session, officer.person, by=BY)

    async def acts(self, agency: str) -> list[tuple[str, str, str]]:
        async with self.database.read() as session:
            rows = await session.scalars(
                select(OfficerAct).where(col(OfficerAct.agency) == agency).order_by(col(OfficerAct.id))
            )
            return [(row.kind, row.by, row.note) for row in rows]

    async def told(self, person: UUID) -> list[str]:
        """Templates of the messages in a person's inbox."""
        async with self.database.read() as session:
            query = select(col(Message.template)).where(col(Message.person) == person).order_by(col(Message.id))
            return list(await session.scalars(query))

    async def person(self, national_id: NationalId) -> UUID:
        async with self.database.write() as session:
            return (await self.people.resolve(session, [national_id]))[national_id.digits]

    def at(self) -> datetime:
        return self.clock.now()
