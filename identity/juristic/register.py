"""The register of juristic persons: who they are, who directs them, and who may act for them at this moment.

Every change of one juristic person first takes its row, so that changes of one come one after the other, and each is an
event that stays. Nothing is remembered between requests: what ended is refused by the next one, in every process.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, bangkok_day
from core.errors import NotFound
from core.ids import new_id
from core.text import Text
from identity.inbox.service import Inbox
from identity.inbox.templates import MessageTemplate
from identity.juristic.directors import Directing, directors_of
from identity.juristic.errors import NotItsDirector, NotItsOfficer, NotItsSignatory, PowerMissing
from identity.juristic.models import (
    AppointmentEnd,
    JuristicDirector,
    JuristicEvent,
    JuristicKind,
    JuristicOfficer,
    JuristicPerson,
    JuristicStep,
)
from identity.juristic.numbers import JuristicNumber
from identity.messages import MESSAGES
from identity.provider.endings import Endings
from identity.provider.models import Client

DIRECTOR = MESSAGES["juristic.director"]
DIRECTOR_NO_MORE = MESSAGES["juristic.director-ended"]
ENDED = MESSAGES["juristic.ended"]
ENDED_BY_OTHERS = MESSAGES["juristic.officer-ended"]
EVENTS_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Represented:
    """That somebody acts for a juristic person, found out at this moment."""

    juristic: UUID
    agency: str
    number: str
    title: Text
    kind: JuristicKind
    appointment: UUID
    person: UUID
    """The officer."""
    client: str | None = None
    """The juristic person's own system, where that asked in the officer's name."""


@dataclass(frozen=True, slots=True)
class By:
    """Who did it: a person, or an officer of an agency."""

    person: UUID | None
    agency: str | None = None


class JuristicRegister:
    def __init__(self, clock: Clock) -> None:
        self._clock, self._inbox = clock, Inbox(clock)

    async def enter(
        self,
        session: AsyncSession,
        number: JuristicNumber,
        *,
        agency: str,
        kind: JuristicKind,
        title: Text,
        directors: Collection[UUID],
        by: By,
    ) -> JuristicPerson:
        """Enters it with exactly these directors, or brings what is entered up to date; one struck off comes back."""
        row = await self.find(session, agency, number, lock=True)
        was_active, now = row is not None and row.active, self._clock.now()
        if row is None:
            row = JuristicPerson(
                id=new_id(),
                agency=agency,
                number=number.digits,
                title_th=title.th,
                title_en=title.en,
                kind=kind.value,
                active=True,
                updated_at=now,
            )
            session.add(row)
            await session.flush()
        row.title_th, row.title_en, row.kind, row.active, row.updated_at = title.th, title.en, kind.value, True, now
        self.note(session, row.id, JuristicStep.CHANGED if was_active else JuristicStep.REGISTERED, by)
        await self.set_directors(session, row, {one: Directing() for one in directors}, by)
        return row

    async def strike_off(self, session: AsyncSession, agency: str, number: JuristicNumber, by: By) -> None:
        """From now on nobody acts for it: appointments end, open ones too, and its systems end.

        Raises :class:`NotFound`.
        """
        row = await self.find(session, agency, number, lock=True)
        if row is None or not row.active:
            raise NotFound
        row.active, row.updated_at = False, self._clock.now()
        for one in await self.appointments(session, row.id):
            if one.ended_at is None:
                await self.close(session, row, one, AppointmentEnd.STRUCK_OFF, by)
        for client in await self.clients(session, row.id):
            if client.ended_at is None:
                await Endings(self._clock).end_client(session, client.id)
                self.note(session, row.id, JuristicStep.CLIENT_ENDED, by, client=client.id)
        self.note(session, row.id, JuristicStep.STRUCK_OFF, by)
        await session.flush()

    async def find(
        self, session: AsyncSession, agency: str, number: JuristicNumber, *, lock: bool = False
    ) -> JuristicPerson | None:
        """In the register of that agency, also one that was struck off; held until the transaction ends, if `lock`."""
        query = select(JuristicPerson).where(
            col(JuristicPerson.agency) == agency, col(JuristicPerson.number) == number.digits
        )
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await session.scalars(query)).first()

    async def get(self, session: AsyncSession, juristic: UUID, *, lock: bool = False) -> JuristicPerson | None:
        """The same by its key, if it is not struck off."""
        row = await session.get(JuristicPerson, juristic, with_for_update=lock or None, populate_existing=True)
        return row if row is not None and row.active else None

    async def all(self, session: AsyncSession, agency: str) -> Sequence[JuristicPerson]:
        query = select(JuristicPerson).where(col(JuristicPerson.agency) == agency).order_by(col(JuristicPerson.number))
        return (await session.scalars(query)).all()

    async def with_number(self, session: AsyncSession, number: JuristicNumber) -> Sequence[JuristicPerson]:
        """In whichever agency's register, those struck off left out."""
        query = select(JuristicPerson).where(col(JuristicPerson.number) == number.digits, col(JuristicPerson.active))
        return (await session.scalars(query.order_by(col(JuristicPerson.agency)))).all()

    async def of_person(self, session: AsyncSession, person: UUID) -> Sequence[JuristicPerson]:
        """Those that the person directs, and those for which an appointment of theirs is there that has not ended."""
        directs = select(col(JuristicDirector.juristic)).where(
            col(JuristicDirector.person) == person, col(JuristicDirector.ended_at).is_(None)
        )
        serves = select(col(JuristicOfficer.juristic)).where(
            col(JuristicOfficer.person) == person,
            col(JuristicOfficer.ended_at).is_(None),
            col(JuristicOfficer.approved_at).is_not(None),
        )
        query = (
            select(JuristicPerson)
            .where(col(JuristicPerson.active), col(JuristicPerson.id).in_(directs.union(serves)))
            .order_by(col(JuristicPerson.agency), col(JuristicPerson.number))
        )
        return (await session.scalars(query)).all()

    async def insiders(self, session: AsyncSession, number: JuristicNumber) -> frozenset[UUID]:
        """Who directs what bears that number, in whichever agency's register, or has an appointment of it that did not
        end."""
        found = set[UUID]()
        for row in await self.with_number(session, number):
            found |= await self.directors(session, row.id)
            found |= {
                one.person
                for one in await self.appointments(session, row.id)
                if one.accepted_at is not None and one.ended_at is None
            }
        return frozenset(found)

    async def directors(self, session: AsyncSession, juristic: UUID) -> frozenset[UUID]:
        return frozenset(await directors_of(session, juristic))

    async def must_direct(self, session: AsyncSession, juristic: UUID, person: UUID) -> JuristicPerson:
        """The juristic person, held until the transaction ends. Raises :class:`NotItsDirector`."""
        row = await self.get(session, juristic, lock=True)
        if row is None or person not in await self.directors(session, juristic):
            raise NotItsDirector
        return row

    async def must_sign(self, session: AsyncSession, juristic: UUID, person: UUID) -> JuristicPerson:
        """The same, of a director who signs for it. Raises :class:`NotItsSignatory` too."""
        row = await self.must_direct(session, juristic, person)
        if not (await directors_of(session, juristic))[person].signs:
            raise NotItsSignatory
        return row

    async def appointments(self, session: AsyncSession, juristic: UUID) -> Sequence[JuristicOfficer]:
        """All there are or were, the newest first."""
        query = (
            select(JuristicOfficer)
            .where(col(JuristicOfficer.juristic) == juristic)
            .order_by(col(JuristicOfficer.id).desc())
            .execution_options(populate_existing=True)
        )
        return (await session.scalars(query)).all()

    async def clients(self, session: AsyncSession, juristic: UUID) -> Sequence[Client]:
        """Its own systems, those that were ended too."""
        query = select(Client).where(col(Client.juristic) == juristic).order_by(col(Client.id))
        return (await session.scalars(query)).all()

    async def acting(
        self, session: AsyncSession, person: UUID, *, agency: str, number: JuristicNumber, power: str
    ) -> Represented:
        """That this person acts for that juristic person before that agency with that power, now.

        Whoever asks names the juristic person each time: nobody acts for one by being its only officer. Raises
        :class:`NotItsOfficer`, :class:`PowerMissing`.
        """
        row = await self.find(session, agency, number)
        return await self._acting(session, person, row, power)

    async def acting_for(self, session: AsyncSession, person: UUID, juristic: UUID, power: str) -> Represented:
        """The same by the juristic person's key: what a field of the graph or a form is given. Raises as
        :meth:`acting`."""
        return await self._acting(session, person, await self.get(session, juristic), power)

    async def acting_by_client(
        self, session: AsyncSession, client: str, *, agency: str, appointment: UUID, power: str
    ) -> Represented:
        """That a juristic person's own system acts in the name of that officer of it. Raises as :meth:`acting`; a
        client that is no juristic person's, or another's, is :class:`NotItsOfficer` as well."""
        known = await session.get(Client, client, populate_existing=True)
        if known is None or known.ended_at is not None or known.juristic is None:
            raise NotItsOfficer
        row = await self.get(session, known.juristic)
        if row is None or row.agency != agency:
            raise NotItsOfficer
        held = await session.get(JuristicOfficer, (row.id, appointment), populate_existing=True)
        return self._represented(row, held, power, client)

    def holds(self, row: JuristicOfficer) -> bool:
        today = bangkok_day(self._clock.now())
        return row.accepted_at is not None and row.ended_at is None and row.starts_on <= today < row.ends_on

    def note_act(self, session: AsyncSession, acting: Represented, what: str) -> None:
        """Writes down what was done in the juristic person's name; `what` says nothing of whom it was about."""
        self.note(
            session,
            acting.juristic,
            JuristicStep.ACTED,
            By(acting.person),
            appointment=acting.appointment,
            client=acting.client,
            note=what,
        )

    async def events(
        self, session: AsyncSession, juristic: UUID, *, limit: int = EVENTS_SHOWN_MAX
    ) -> Sequence[JuristicEvent]:
        """What happened and was done, latest first."""
        query = select(JuristicEvent).where(col(JuristicEvent.juristic) == juristic)
        return (await session.scalars(query.order_by(col(JuristicEvent.id).desc()).limit(limit))).all()

    async def close(
        self,
        session: AsyncSession,
        row: JuristicPerson,
        held: JuristicOfficer,
        why: AppointmentEnd,
        by: By,
        note: str = "",
    ) -> None:
        """Ends an appointment that has not ended, of a juristic person whose row is held; who had it is told."""
        held.ended_at, held.ended_by, held.end_reason = self._clock.now(), by.person, why.value
        self.note(
            session,
            row.id,
            JuristicStep.APPOINTMENT_ENDED,
            by,
            appointment=held.id,
            person=held.person,
            note=f"{why}: {note}" if note else why.value,
        )
        await session.flush()
        if held.approved_at is not None and by.person != held.person and why is not AppointmentEnd.RENEWED:
            await self._inbox.send(session, held.person, ENDED, title=title_of(row))
        if why not in (AppointmentEnd.RENEWED, AppointmentEnd.STRUCK_OFF):
            await self.tell_directors(session, row, ENDED_BY_OTHERS, but=(by.person, held.person))

    async def tell_directors(
        self, session: AsyncSession, row: JuristicPerson, what: MessageTemplate, but: Collection[UUID | None]
    ) -> None:
        """All but those who did it, or hear of it otherwise."""
        for director in sorted(await self.directors(session, row.id) - frozenset(but)):
            await self._inbox.send(session, director, what, title=title_of(row))

    def note(
        self,
        session: AsyncSession,
        juristic: UUID,
        kind: JuristicStep,
        by: By,
        *,
        appointment: UUID | None = None,
        person: UUID | None = None,
        client: str | None = None,
        note: str = "",
    ) -> None:
        session.add(
            JuristicEvent(
                juristic=juristic,
                id=new_id(),
                kind=kind.value,
                appointment=appointment,
                person=person,
                by="" if by.person is None else by.person.hex,
                by_officer_of=by.agency,
                client=client,
                note=note,
                at=self._clock.now(),
            )
        )

    async def leave(self, session: AsyncSession, person: UUID) -> None:
        """The person leaves: what they direct and whom they act for ends."""
        for row in await self.of_person(session, person):
            await self.get(session, row.id, lock=True)
            others = {one: directs for one, directs in (await self.directing(session, row.id)).items() if one != person}
            await self.set_directors(session, row, others, By(None))
            for held in await self.appointments(session, row.id):
                if held.person == person and held.ended_at is None:
                    await self.close(session, row, held, AppointmentEnd.RENOUNCED, By(person))

    def _represented(
        self, row: JuristicPerson, held: JuristicOfficer | None, power: str, client: str | None = None
    ) -> Represented:
        if held is None or not self.holds(held):
            raise NotItsOfficer
        if power not in held.powers:
            raise PowerMissing(power=power)
        return Represented(
            juristic=row.id,
            agency=row.agency,
            number=row.number,
            title=title_of(row),
            kind=JuristicKind(row.kind),
            appointment=held.id,
            person=held.person,
            client=client,
        )

    async def _acting(self, session: AsyncSession, person: UUID, row: JuristicPerson | None, power: str) -> Represented:
        if row is None or not row.active:
            raise NotItsOfficer
        query = select(JuristicOfficer).where(
            col(JuristicOfficer.juristic) == row.id,
            col(JuristicOfficer.person) == person,
            col(JuristicOfficer.accepted_at).is_not(None),
            col(JuristicOfficer.ended_at).is_(None),
        )
        held = (await session.scalars(query.execution_options(populate_existing=True))).first()
        return self._represented(row, held, power)

    async def directing(self, session: AsyncSession, juristic: UUID) -> Mapping[UUID, Directing]:
        found = await directors_of(session, juristic)
        return {person: Directing(one.signs, one.name_sealed) for person, one in found.items()}

    async def set_directors(
        self, session: AsyncSession, row: JuristicPerson, wanted: Mapping[UUID, Directing], by: By
    ) -> None:
        """Exactly these direct it from now on; its row is held. Whoever begins is told, and whose directing ends."""
        now, query = self._clock.now(), select(JuristicDirector).where(col(JuristicDirector.juristic) == row.id)
        known = {one.person: one for one in await session.scalars(query.execution_options(populate_existing=True))}
        for person, directs in sorted(wanted.items()):
            found = known.get(person)
            if found is None:
                found = JuristicDirector(juristic=row.id, person=person, since=now, ended_at=now)
                session.add(found)
            found.signs, found.name_sealed = directs.signs, directs.name_sealed or found.name_sealed
            if found.ended_at is None:
                continue
            found.since, found.ended_at = now, None
            self.note(session, row.id, JuristicStep.DIRECTOR_ENTERED, by, person=person)
            await self._inbox.send(session, person, DIRECTOR, title=title_of(row))
        for person, found in sorted(known.items()):
            if person not in wanted and found.ended_at is None:
                found.ended_at = now
                self.note(session, row.id, JuristicStep.DIRECTOR_ENDED, by, person=person)
                if by != By(None):  # who leaves Sitthi has no inbox any more
                    await self._inbox.send(session, person, DIRECTOR_NO_MORE, title=title_of(row))
        await session.flush()


def title_of(row: JuristicPerson) -> Text:
    return Text(th=row.title_th, en=row.title_en)
