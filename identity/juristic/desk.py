"""What a director or officer of a juristic person sees of it and does, by the graph or by the pages.

A director sees all of it; an officer what their own appointment is about, and its systems if they keep them. Who is
neither sees nothing, and learns nothing by asking.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import OF_THAID, Demand
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound, ServiceUnavailable
from core.ids import NationalId
from core.text import Text
from identity.juristic.appointing import Appointing, Wish
from identity.juristic.companies import DBD
from identity.juristic.directors import directors_of, name_of
from identity.juristic.errors import NotItsDirector
from identity.juristic.looks import Looks
from identity.juristic.models import JuristicDirector, JuristicEvent, JuristicOfficer, JuristicPerson
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import EVENTS_SHOWN_MAX, JuristicRegister
from identity.juristic.systems import MANAGE, Systems
from identity.people import PeopleRegister
from identity.provider.models import Client

APPOINTING: Final = Demand(OF_THAID, age_seconds_max=900)
"""Letting somebody act is asked for by who has just proved who they are, as with delegations."""
NAMED_MAX: Final = 200
ENDING: Final = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is to a juristic person at this moment."""

    row: JuristicPerson
    person: UUID
    directs: bool
    signs: bool
    own: tuple[JuristicOfficer, ...]
    """Appointments of theirs that hold or wait for their yes, the newest first."""
    keeps_systems: bool

    @property
    def is_something(self) -> bool:
        return self.directs or bool(self.own)


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and who did it as far as the one who asks may know."""

    event: JuristicEvent
    actor: str
    """`DIRECTOR`, `OFFICER`, `AGENCY`, `REGISTER`, or `GONE` for somebody who left."""
    name: Text | None = None
    about: Text | None = field(default=None)
    """The officer it is about."""


class JuristicDesk:
    def __init__(
        self,
        db: Database,
        keys: KeyRing,
        register: JuristicRegister,
        appointing: Appointing,
        people: PeopleRegister,
        looks: Looks,
        systems: Systems,
    ) -> None:
        self._db, self._keys, self._people = db, keys, people
        self.register, self.appointing, self.looks, self.systems = register, appointing, looks, systems

    # Before a director's act, outside any transaction.

    async def look(self, person: UUID, juristic: UUID) -> None:
        """Who directs it, from the register of companies. Asked by its directors alone.

        Raises :class:`NotItsDirector`, `ServiceUnavailable`.
        """
        async with self._db.read() as session:
            row = await self.register.get(session, juristic)
            if row is None or person not in await self.register.directors(session, juristic):
                raise NotItsDirector
        await self.looks.look(juristic)

    async def look_before_ending(self, person: UUID, juristic: UUID) -> None:
        """The same before one of its directors ends something; a register that is silent keeps nobody from that."""
        with contextlib.suppress(NotItsDirector, ServiceUnavailable):
            await self.look(person, juristic)

    async def find(self, person: UUID, number: JuristicNumber) -> Sequence[UUID]:
        """Those of that number that the person directs, as the register of companies says now.

        Raises :class:`NotItsDirector` where that is none, `ServiceUnavailable`.
        """
        await self.looks.look_for(number)
        async with self._db.read() as session:
            rows = await self.register.with_number(session, number)
            found = [one.id for one in rows if person in await self.register.directors(session, one.id)]
        if not found:
            raise NotItsDirector
        return found

    # In a transaction.

    async def propose(
        self, session: AsyncSession, director: UUID, juristic: UUID, number: NationalId, wish: Wish
    ) -> JuristicOfficer:
        """`wish.person` is whoever bears the number. Raises as :meth:`Appointing.propose`."""
        await self.register.must_sign(session, juristic, director)  # before the number is entered
        person = (await self._people.resolve(session, [number]))[number.digits]
        made = Wish(person, wish.name, wish.powers, wish.until, wish.since)
        return await self.appointing.propose(session, director, juristic, made)

    # What is seen.

    async def standings(self, session: AsyncSession, person: UUID) -> Sequence[Standing]:
        """All that the person is something to, by agency and number."""
        found = [await self._standing(session, person, row) for row in await self.register.of_person(session, person)]
        return [one for one in found if one.is_something]

    async def standing(self, session: AsyncSession, person: UUID, juristic: UUID) -> Standing:
        """Raises `NotFound`, alike for one that is unknown."""
        row = await self.register.get(session, juristic)
        found = None if row is None else await self._standing(session, person, row)
        if found is None or not found.is_something:
            raise NotFound
        return found

    async def appointment(self, session: AsyncSession, person: UUID, appointment: UUID) -> JuristicOfficer:
        """One of theirs, also of one that ended, or of a juristic person that they direct. Raises `NotFound`."""
        query = select(JuristicOfficer).where(
            col(JuristicOfficer.person) == person, col(JuristicOfficer.id) == appointment
        )
        own = (await session.scalars(query.execution_options(populate_existing=True))).first()
        if own is not None and self._is_own(own, person):
            return own
        for row in await self.register.of_person(session, person):
            held = await session.get(JuristicOfficer, (row.id, appointment), populate_existing=True)
            if held is not None and person in await self.register.directors(session, row.id):
                return held
        raise NotFound

    async def directors(self, session: AsyncSession, seen: Standing) -> Sequence[tuple[JuristicDirector, Text | None]]:
        if not seen.directs:
            return []
        found = await directors_of(session, seen.row.id)
        return [(one, name_of(self._keys, one)) for one in found.values()]

    async def appointments(self, session: AsyncSession, seen: Standing) -> Sequence[JuristicOfficer]:
        """The newest first; to an officer their own, those that ended too."""
        rows = await self.register.appointments(session, seen.row.id)
        shown = rows if seen.directs else [one for one in rows if self._is_own(one, seen.person)]
        return shown[:NAMED_MAX]

    async def endings(self, session: AsyncSession, rows: Collection[JuristicOfficer]) -> Mapping[UUID, str]:
        """The last digits of the national IDs of those who are appointed, by person, without those who left: a name is
        as who proposed it wrote it, and whoever approves has to know whom."""
        found = await self._people.reveal_all(session, {one.person for one in rows})
        return {person: number.digits[-ENDING:] for person, number in found.items()}

    async def clients(self, session: AsyncSession, seen: Standing) -> Sequence[Client]:
        """Those that work, for directors and who keeps them."""
        if not (seen.directs or seen.keeps_systems):
            return []
        return [one for one in await self.register.clients(session, seen.row.id) if one.ended_at is None]

    async def history(self, session: AsyncSession, seen: Standing, first: int = EVENTS_SHOWN_MAX) -> Sequence[Told]:
        """Latest first; to an officer what is about their appointments, and what they did."""
        events = await self.register.events(session, seen.row.id)
        appointments = await self.register.appointments(session, seen.row.id)
        own = {one.id for one in appointments if self._is_own(one, seen.person)}
        shown = [one for one in events if seen.directs or one.appointment in own or one.by == seen.person.hex][
            : min(first, EVENTS_SHOWN_MAX)
        ]
        directors = {
            row.person: name_of(self._keys, row) for row in (await directors_of(session, seen.row.id)).values()
        }
        officers = {one.person: self.appointing.name(one) for one in reversed(appointments)}
        return [_told(one, directors, officers) for one in shown]

    async def _standing(self, session: AsyncSession, person: UUID, row: JuristicPerson) -> Standing:
        directs = (await directors_of(session, row.id)).get(person)
        own = tuple(
            one
            for one in await self.register.appointments(session, row.id)
            if self._is_own(one, person) and one.ended_at is None and self._lives(one)
        )
        keeps = any(MANAGE in one.powers and self.register.holds(one) for one in own)
        return Standing(row, person, directs is not None, directs is not None and directs.signs, own, keeps)

    def _is_own(self, one: JuristicOfficer, person: UUID) -> bool:
        return one.person == person and one.approved_at is not None

    def _lives(self, one: JuristicOfficer) -> bool:
        return self.register.holds(one) or self.appointing.is_coming(one) or self.appointing.is_offered(one)


def _told(event: JuristicEvent, directors: Mapping[UUID, Text | None], officers: Mapping[UUID, Text]) -> Told:
    about = None if event.appointment is None or event.person is None else officers.get(event.person)
    if event.by_officer_of is not None:
        return Told(event, "REGISTER" if event.by_officer_of == DBD and not event.by else "AGENCY", None, about)
    if not event.by:
        return Told(event, "GONE", None, about)
    by = UUID(hex=event.by)
    if by in directors:
        return Told(event, "DIRECTOR", directors[by] or officers.get(by), about)
    if by in officers:
        return Told(event, "OFFICER", officers[by], about)
    return Told(event, "DIRECTOR", None, about)
