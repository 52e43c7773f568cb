"""Looks at the register of companies: who directs a juristic person, and how many sign together.

Each act of a director begins with one, so that who left directs nothing from the next act on. What the company decided
stays decided: an appointment is the company's, not the director's who signed it (Civil and Commercial Code s.70 and
s.1167 with s.797). Of the directors only those are entered who are here: the others' numbers are not kept.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable
from identity.juristic.companies import DBD, TITLE, Company, CompanyRegister
from identity.juristic.directors import Directing, directors_of, name_of, sealed_name
from identity.juristic.models import JuristicPerson, JuristicStep
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import By, JuristicRegister
from identity.people import PeopleRegister

AHEAD: Final = timedelta(minutes=5)
"""By which the register's clock may be before ours. What it said as of a day to come would hold until that day."""


class Looks:
    """`companies` is None where no register of companies is connected: then officers of the agency say who directs."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        register: JuristicRegister,
        people: PeopleRegister,
        companies: CompanyRegister | None = None,
    ) -> None:
        self._db, self._clock, self._keys = db, clock, keys
        self._register, self._people = register, people
        self.companies = companies

    async def look(self, juristic: UUID) -> None:
        """Brings its directors up to date, in a transaction of its own; of one that is unknown or struck off nothing is
        asked. Raises `ServiceUnavailable` when the register does not say."""
        async with self._db.read() as session:
            row = await self._register.get(session, juristic)
            known = None if row is None else (JuristicNumber(row.number), row.looked_at is not None)
        if known is None or self.companies is None:
            return
        found = await self.companies.company(known[0])
        if found is not None and found.as_of > self._clock.now() + AHEAD:
            raise ServiceUnavailable(TITLE)
        if found is None:
            if known[1]:  # it stood there before, and companies do not vanish: they are dissolved
                raise ServiceUnavailable(TITLE)
            return
        async with self._db.write() as session:
            row = await self._register.get(session, juristic, lock=True)
            if row is not None:
                await self._follow(session, row, found)

    async def look_for(self, number: JuristicNumber) -> None:
        """The same of every entry with that number, whichever agency's."""
        async with self._db.read() as session:
            rows = [one.id for one in await self._register.with_number(session, number)]
        for juristic in rows:
            await self.look(juristic)

    async def _follow(self, session: AsyncSession, row: JuristicPerson, found: Company) -> None:
        if row.looked_at is not None and found.as_of < row.looked_at:
            return  # another look, which began later, was faster
        by = By(None, DBD)
        if found.is_dissolved:
            await self._register.strike_off(session, row.agency, found.number, by)
            return
        wanted: dict[UUID, Directing] = {}
        known = await directors_of(session, row.id)
        for one in found.directors:
            person = await self._people.find(session, one.number)
            if person is None:
                continue
            before = known.get(person)
            if before is not None and name_of(self._keys, before) == one.name:
                wanted[person] = Directing(one.signs, before.name_sealed)
            else:
                wanted[person] = Directing(one.signs, sealed_name(self._keys, row.id, person, one.name))
        if (row.title_th, row.title_en, row.signatures) != (found.title.th, found.title.en, found.signatures):
            row.title_th, row.title_en, row.signatures = found.title.th, found.title.en, found.signatures
            row.updated_at = self._clock.now()
            self._register.note(session, row.id, JuristicStep.CHANGED, by)
        row.looked_at = found.as_of
        await self._register.set_directors(session, row, wanted, by)
