"""Who appoints the officers of a juristic person: one director proposes and another approves; or a director who signs
alone, as the register of companies says; or two officers of the agency that registered it. Whom directors appoint has
to accept. Whoever was appointed appoints nobody: what they were given cannot be passed on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.inbox.service import Inbox, holds_national_id
from identity.juristic.errors import (
    AppointmentDecided,
    MoreSignaturesNeeded,
    ProposerGone,
    SecondDirectorNeeded,
    TooManyAppointments,
    TooManyProposedToday,
)
from identity.juristic.models import AppointmentEnd, JuristicOfficer, JuristicPerson, JuristicStep
from identity.juristic.numbers import checked_powers
from identity.juristic.register import By, JuristicRegister, title_of
from identity.messages import MESSAGES
from identity.officers.demands import AT_THE_DESK
from identity.officers.reasons import checked_reason
from identity.officers.register import Officer, OfficerRegister
from identity.officers.roles import JURISTIC_APPROVE, JURISTIC_PROPOSE
from identity.provider.endings import Endings

PROPOSAL_LASTS: Final = timedelta(days=7)
"""For another director to approve, and then as long again for who is appointed to accept."""
TOGETHER_MAX: Final = 2
"""Signatures that are given here; a company of which more sign together goes to officers of the agency."""
DAYS_MAX: Final = 3 * 366
AT_ONCE_MAX: Final = 200
"""Appointments of one juristic person that hold or wait."""
A_DAY: Final = timedelta(hours=24)
PROPOSED_A_DAY_MAX: Final = 50
"""By the directors of one juristic person: enough for whoever brings in a whole office, too few to fill inboxes."""
OF_ONE_A_DAY_MAX: Final = 3
"""Of the same person: what was mistyped is proposed anew. Each puts a message in an inbox, and may be ended and
proposed again by a director who signs alone, without anybody's leave."""
NAME_LENGTH_MAX: Final = 200

PROPOSED: Final = MESSAGES["juristic.proposed"]
APPOINTED: Final = MESSAGES["juristic.appointed"]
OFFERED: Final = MESSAGES["juristic.offered"]
APPROVED: Final = MESSAGES["juristic.approved"]
ACCEPTED: Final = MESSAGES["juristic.accepted"]
_DAYS: Final = Text(
    th="วันแรกต้องไม่อยู่ในอดีต วันสุดท้ายต้องไม่ก่อนวันแรก และรวมไม่เกินสามปี",
    en="the first day is not in the past, the last not before it, and three years lie between them at most",
)
_HOLDS_NOW: Final = Text(
    th="ผู้นี้มีการแต่งตั้งที่มีผลอยู่ การแต่งตั้งใหม่แทนที่ทันที จึงต้องเริ่มวันนี้",
    en="who is appointed acts for it now, which the new appointment ends at once: let it begin today",
)
_NAME: Final = Text(
    th="ต้องมีชื่อผู้ได้รับแต่งตั้งทั้งภาษาไทยและอังกฤษ ไม่เกิน 200 ตัวอักษร",
    en="name who is appointed in Thai and in English, in at most 200 characters",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who is to act, with which powers, and from which day to which (both included, in Bangkok)."""

    person: UUID
    name: Text
    powers: Collection[str]
    until: date
    since: date | None = None
    """None: from today on."""


class Appointing:
    def __init__(self, register: JuristicRegister, officers: OfficerRegister, keys: KeyRing, clock: Clock) -> None:
        self._register, self._officers, self._keys, self._clock = register, officers, keys, clock
        self._inbox = Inbox(clock)

    async def propose(self, session: AsyncSession, director: UUID, juristic: UUID, wish: Wish) -> JuristicOfficer:
        """By a director who signs for it, and the others are told; of one who signs alone it is approved by that.

        Raises :class:`NotItsDirector`, :class:`NotItsSignatory`, :class:`MoreSignaturesNeeded`, :class:`BadInput`,
        :class:`TooManyAppointments`, :class:`TooManyProposedToday`.
        """
        row = await self._register.must_sign(session, juristic, director)
        if row.signatures > TOGETHER_MAX:
            raise MoreSignaturesNeeded(signatures=row.signatures)
        made = await self._made(session, row, wish, director)
        if row.signatures == 1:
            await self._approved(session, row, made, By(director), alone=True)
            return made
        for other in sorted(await self._register.directors(session, juristic) - {director, wish.person}):
            await self._inbox.send(session, other, PROPOSED, title=title_of(row))
        return made

    async def approve(
        self, session: AsyncSession, director: UUID, juristic: UUID, appointment: UUID
    ) -> JuristicOfficer:
        """By another director who signs; it holds as soon as who is appointed accepts, or at once if they proposed it.

        Raises :class:`NotItsDirector`, :class:`NotItsSignatory`, :class:`MoreSignaturesNeeded`, :class:`NotFound`,
        :class:`SecondDirectorNeeded`, :class:`AppointmentDecided`, :class:`ProposerGone`.
        """
        row = await self._register.must_sign(session, juristic, director)
        held = await self._one(session, juristic, appointment)
        if row.signatures > TOGETHER_MAX:
            raise MoreSignaturesNeeded(signatures=row.signatures)
        if director in (held.proposed_by, held.person):
            raise SecondDirectorNeeded
        if not self.is_open(held):
            raise AppointmentDecided
        proposer = (await self._register.directing(session, juristic)).get(held.proposed_by)
        if proposer is None or not proposer.signs:
            raise ProposerGone
        await self._approved(session, row, held, By(director))
        return held

    async def accept(self, session: AsyncSession, person: UUID, juristic: UUID, appointment: UUID) -> JuristicOfficer:
        """By who was appointed, and it holds. What the same person had before is at an end; the directors are told.

        Raises :class:`NotFound`, alike for another's and one that no second director has approved;
        :class:`AppointmentDecided`; :class:`BadInput` for one from a day to come, while they act already.
        """
        row = await self._register.get(session, juristic, lock=True)
        held = None if row is None else await self._one(session, juristic, appointment)
        if row is None or held is None or held.person != person or held.approved_at is None:
            raise NotFound
        if not self.is_offered(held):
            raise AppointmentDecided
        by = By(person)
        self._register.note(session, row.id, JuristicStep.ACCEPTED, by, appointment=held.id, person=person)
        await self._hold(session, row, held, by)
        await self._register.tell_directors(session, row, ACCEPTED, but=(person,))
        return held

    async def end(self, session: AsyncSession, person: UUID, juristic: UUID, appointment: UUID) -> JuristicOfficer:
        """By any one director, or by who was appointed: at once, also before it was approved. Who is neither learns
        nothing. Raises :class:`NotFound`, :class:`AppointmentDecided`."""
        row = await self._register.get(session, juristic, lock=True)
        if row is None:
            raise NotFound
        held = await self._one(session, juristic, appointment)
        is_theirs = held.person == person and held.approved_at is not None
        if not is_theirs and person not in await self._register.directors(session, juristic):
            raise NotFound
        if held.ended_at is not None:
            raise AppointmentDecided
        why = AppointmentEnd.RENOUNCED if is_theirs else AppointmentEnd.REVOKED
        await self._register.close(
            session, row, held, AppointmentEnd.DECLINED if held.accepted_at is None else why, By(person)
        )
        return held

    async def appoint(
        self, session: AsyncSession, row: JuristicPerson, wish: Wish, *, maker: UUID, checker: UUID
    ) -> JuristicOfficer:
        """By two officers of the agency, of whom a proposal saw to it that they are two, and who have the juristic
        person's paper, signed by who is appointed: it holds at once. Raises as :meth:`propose`."""
        if await self._register.get(session, row.id, lock=True) is None:
            raise NotFound
        held = await self._made(session, row, wish, maker, row.agency)
        by = By(checker, row.agency)
        held.approved_by, held.approved_at = checker, self._clock.now()
        self._note_approved(session, row, held, by)
        await self._hold(session, row, held, by)
        await self._inbox.send(session, held.person, APPOINTED, title=title_of(row))
        return held

    async def end_by_agency(self, session: AsyncSession, officer: Officer, appointment: UUID, reason: str) -> None:
        """By one officer of the agency: when somebody must stop at once, nobody waits for a second one.

        Raises :class:`StepUpRequired`, :class:`NotAnOfficer`, :class:`RoleMissing`, :class:`BadInput`,
        :class:`NotFound`, :class:`AppointmentDecided`.
        """
        said = await self._may(session, officer, reason)
        for row in await self._register.all(session, officer.agency):
            held = await session.get(JuristicOfficer, (row.id, appointment))
            if held is not None:
                break
        else:
            raise NotFound
        if await self._register.get(session, row.id, lock=True) is None:
            raise NotFound
        held = await self._one(session, row.id, appointment)
        if held.ended_at is not None:
            raise AppointmentDecided
        await self._register.close(session, row, held, AppointmentEnd.AGENCY, By(officer.person, officer.agency), said)

    async def end_client(self, session: AsyncSession, officer: Officer, client: str, reason: str) -> None:
        """Ends a juristic person's system, by one officer of the agency: its key may have leaked. Raises as
        :meth:`end_by_agency`."""
        said = await self._may(session, officer, reason)
        for row in await self._register.all(session, officer.agency):
            if any(one.id == client and one.ended_at is None for one in await self._register.clients(session, row.id)):
                await Endings(self._clock).end_client(session, client)
                by = By(officer.person, officer.agency)
                self._register.note(session, row.id, JuristicStep.CLIENT_ENDED, by, client=client, note=said)
                await session.flush()
                return
        raise NotFound

    def is_open(self, held: JuristicOfficer) -> bool:
        """Whether it waits for another director."""
        now = self._clock.now()
        waits = held.approved_at is None and held.ended_at is None
        return waits and now < held.proposed_at + PROPOSAL_LASTS and bangkok_day(now) < held.ends_on

    def is_offered(self, held: JuristicOfficer) -> bool:
        """Whether it waits for who is appointed."""
        now, approved = self._clock.now(), held.approved_at
        if approved is None or held.accepted_at is not None or held.ended_at is not None:
            return False
        return now < approved + PROPOSAL_LASTS and bangkok_day(now) < held.ends_on

    def is_coming(self, held: JuristicOfficer) -> bool:
        """Whether it was accepted, and holds from a day that is yet to come."""
        return (
            held.accepted_at is not None and held.ended_at is None and bangkok_day(self._clock.now()) < held.starts_on
        )

    def name(self, held: JuristicOfficer) -> Text:
        opened = self._keys.open(held.name_sealed, bound_to=bound_to(JuristicOfficer.name_sealed, held.id))
        return Text(**orjson.loads(opened))

    async def _may(self, session: AsyncSession, officer: Officer, reason: str) -> str:
        officer.must_meet(AT_THE_DESK, self._clock.now())
        role = JURISTIC_APPROVE if JURISTIC_APPROVE in officer.roles else JURISTIC_PROPOSE
        await self._officers.must_serve(session, officer, role)
        return checked_reason(reason)

    async def _one(self, session: AsyncSession, juristic: UUID, appointment: UUID) -> JuristicOfficer:
        held = await session.get(JuristicOfficer, (juristic, appointment), populate_existing=True)
        if held is None:
            raise NotFound
        return held

    async def _made(
        self, session: AsyncSession, row: JuristicPerson, wish: Wish, by: UUID, agency: str | None = None
    ) -> JuristicOfficer:
        today = bangkok_day(self._clock.now())
        since = wish.since or today
        check_days(since, wish.until, today)
        check_name(wish.name)
        powers, everyone = checked_powers(wish.powers), await self._register.appointments(session, row.id)
        if sum(self._counts(one) for one in everyone) >= AT_ONCE_MAX:
            raise TooManyAppointments
        if agency is None:
            self._check_day(everyone, wish.person)
        self._check_no_gap(everyone, wish.person, since)
        key = new_id()
        name = orjson.dumps({"th": wish.name.th, "en": wish.name.en})
        made = JuristicOfficer(
            juristic=row.id,
            id=key,
            person=wish.person,
            powers=powers,
            name_sealed=self._keys.seal(name, bound_to=bound_to(JuristicOfficer.name_sealed, key)),
            starts_on=since,
            ends_on=wish.until + timedelta(days=1),
            proposed_by=by,
            proposed_at=self._clock.now(),
        )
        session.add(made)
        who = By(by, agency)
        self._register.note(
            session, row.id, JuristicStep.APPOINTMENT_PROPOSED, who, appointment=key, person=wish.person,
            note=" ".join(powers),
        )  # fmt: skip
        await session.flush()
        return made

    def _check_day(self, everyone: Iterable[JuristicOfficer], person: UUID) -> None:
        """Raises :class:`TooManyProposedToday`. Those that were ended count as well."""
        since = self._clock.now() - A_DAY
        today = [one.person for one in everyone if one.proposed_at > since]
        if len(today) >= PROPOSED_A_DAY_MAX or today.count(person) >= OF_ONE_A_DAY_MAX:
            raise TooManyProposedToday

    def _check_no_gap(self, everyone: Iterable[JuristicOfficer], person: UUID, since: date) -> None:
        """Raises :class:`BadInput` for one from a day to come, of somebody whose appointment holds now: as they have
        one at a time, they would act for nobody until that day."""
        if since > bangkok_day(self._clock.now()) and any(
            one.person == person and self._register.holds(one) for one in everyone
        ):
            raise BadInput(_HOLDS_NOW, path=("since",))

    def _counts(self, held: JuristicOfficer) -> bool:
        waits = self.is_open(held) or self.is_offered(held)
        return waits or self.is_coming(held) or self._register.holds(held)

    async def _approved(
        self, session: AsyncSession, row: JuristicPerson, held: JuristicOfficer, by: By, *, alone: bool = False
    ) -> None:
        held.approved_by, held.approved_at = None if alone else by.person, self._clock.now()
        self._note_approved(session, row, held, by)
        await self._register.tell_directors(session, row, APPROVED, but=(by.person, held.person))
        if held.person == held.proposed_by:
            await self._hold(session, row, held, by)
        else:
            await session.flush()
            await self._inbox.send(session, held.person, OFFERED, title=title_of(row))

    def _note_approved(self, session: AsyncSession, row: JuristicPerson, held: JuristicOfficer, by: By) -> None:
        self._register.note(
            session, row.id, JuristicStep.APPOINTED, by, appointment=held.id, person=held.person,
            note=" ".join(held.powers),
        )  # fmt: skip

    async def _hold(self, session: AsyncSession, row: JuristicPerson, held: JuristicOfficer, by: By) -> None:
        everyone = await self._register.appointments(session, row.id)
        self._check_no_gap(everyone, held.person, held.starts_on)
        for one in everyone:
            if one.person == held.person and one.accepted_at is not None and one.ended_at is None:
                await self._register.close(session, row, one, AppointmentEnd.RENEWED, by)
        held.accepted_at = self._clock.now()
        await session.flush()


def check_days(since: date, until: date, today: date) -> None:
    """Raises :class:`BadInput`."""
    if not today <= since <= until or (until - since).days >= DAYS_MAX:
        raise BadInput(_DAYS, path=("until",))


def check_name(name: Text) -> None:
    """Raises :class:`BadInput`."""
    for said in (name.th, name.en):
        if not 0 < len(said.strip()) <= NAME_LENGTH_MAX or not said.isprintable() or holds_national_id(said):
            raise BadInput(_NAME, path=("name",))
