from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.clock import FixedClock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.ids import check_digit
from core.text import Text
from identity.juristic.appointing import Appointing, Wish
from identity.juristic.models import JuristicOfficer
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import JuristicRegister, Represented
from identity.officers.register import Officer
from identity.proposals.acts import ProposalKind
from tests.identity.officers_of_tests import REASON, Office, number

POWERS = ("report:policies", "verify:bulk")


def juristic_number(running: int) -> JuristicNumber:
    first = f"01{running:010d}"
    return JuristicNumber(first + str(check_digit(first)))


@dataclass
class Companies:
    """Two officers of an agency, and the juristic persons they enter."""

    office: Office
    maker: Officer
    checker: Officer
    agency: str = "oic"
    people: dict[int, UUID] = field(default_factory=dict)

    @property
    def register(self) -> JuristicRegister:
        return self.office.juristic

    @property
    def appointing(self) -> Appointing:
        return self.office.appointing

    async def do(self, kind: ProposalKind, given: dict[str, Any]) -> str:
        async with self.office.database.write() as session:
            made = await self.office.proposals.propose(session, self.maker, kind, given, REASON)
        async with self.office.database.write() as session:
            return (await self.office.proposals.approve(session, self.checker, made)).told

    async def enter(self, running: int, *directors: int) -> UUID:
        """The key of the juristic person."""
        given = {
            "number": juristic_number(running).digits,
            "kind": "INSURER",
            "title_th": f"บริษัท {running}",
            "title_en": f"Company {running}",
            "directors": [number(one).digits for one in directors],
        }
        await self.do(ProposalKind.JURISTIC_SET, given)
        async with self.office.database.read() as session:
            row = await self.register.find(session, self.agency, juristic_number(running))
        assert row is not None
        return row.id

    async def person(self, running: int) -> UUID:
        if running not in self.people:
            self.people[running] = await self.office.person(number(running))
        return self.people[running]

    def today(self) -> date:
        return bangkok_day(self.office.clock.now())

    async def propose(self, company: UUID, director: int, who: int, *powers: str, days: int = 30) -> JuristicOfficer:
        """One who acts from today on, for so many days, today included."""
        name = Text(th=f"นาย {who}", en=f"Mr {who}")
        until = self.today() + timedelta(days=days - 1)
        wish = Wish(await self.person(who), name, powers or POWERS, until)
        by = await self.person(director)
        async with self.office.database.write() as session:
            return await self.appointing.propose(session, by, company, wish)

    async def approve(self, held: JuristicOfficer, director: int) -> JuristicOfficer:
        by = await self.person(director)
        async with self.office.database.write() as session:
            return await self.appointing.approve(session, by, held.juristic, held.id)

    async def accept(self, held: JuristicOfficer, who: int) -> JuristicOfficer:
        person = await self.person(who)
        async with self.office.database.write() as session:
            return await self.appointing.accept(session, person, held.juristic, held.id)

    async def offer(self, company: UUID, who: int, *powers: str, days: int = 30) -> JuristicOfficer:
        """By directors 10 and 11; it waits for who is appointed."""
        return await self.approve(await self.propose(company, 10, who, *powers, days=days), 11)

    async def appoint(self, company: UUID, who: int, *powers: str, days: int = 30) -> JuristicOfficer:
        """The same, and accepted."""
        return await self.accept(await self.offer(company, who, *powers, days=days), who)

    async def end(self, held: JuristicOfficer, by: int) -> JuristicOfficer:
        person = await self.person(by)
        async with self.office.database.write() as session:
            return await self.appointing.end(session, person, held.juristic, held.id)

    async def acting(self, who: int, running: int, power: str = POWERS[0], agency: str = "oic") -> Represented:
        person = await self.person(who)
        async with self.office.database.read() as session:
            return await self.register.acting(
                session, person, agency=agency, number=juristic_number(running), power=power
            )

    async def events(self, company: UUID) -> list[str]:
        async with self.office.database.read() as session:
            return [one.kind for one in reversed(await self.register.events(session, company))]


@pytest.fixture
async def companies(database: Database, keys: KeyRing, clock: FixedClock) -> Companies:
    office = Office(database, keys, clock)
    roles = ("juristic.propose", "juristic.approve")
    return Companies(office, await office.officer(1, "oic", *roles), await office.officer(2, "oic", *roles))
