"""The desk of the data protection officer (PDPA s.41, s.42): what is open, what is held, who was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound
from core.ids import NationalId
from identity.officers import Officer
from identity.people import PeopleRegister
from identity.proposals.errors import MakerIsChecker
from services.exchange.privacy.affected import Affected, Question, affected
from services.exchange.privacy.errors import OwnHold
from services.exchange.privacy.holds import LegalHolds
from services.exchange.privacy.models import LegalHold, PrivacyEvent, PrivacyRequest
from services.exchange.privacy.states import OPEN, Status, Step
from services.exchange.privacy.trail import Trail

ROLE: Final = "privacy.officer"
LISTED_MAX: Final = 200
ENDING_MIN: Final = 6
ASKED_FOR: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """What is to be kept: of one person, or of everybody where `person` is None."""

    store: str
    person: NationalId | None
    law: str
    reason: str
    until: datetime


class Desk:
    """Every method asks for the officer and raises :class:`identity.officers.errors.RoleMissing`."""

    def __init__(self, db: Database, clock: Clock, keys: KeyRing, holds: LegalHolds, people: PeopleRegister) -> None:
        self._db, self._clock, self._keys, self._holds, self._people = db, clock, keys, holds, people
        self._trail = Trail(clock)

    async def requests(self, officer: Officer, *, everything: bool = False) -> Sequence[PrivacyRequest]:
        """Open requests and those that are held, what is due first at the top."""
        officer.must_have(ROLE)
        query = select(PrivacyRequest).order_by(col(PrivacyRequest.due_at), col(PrivacyRequest.id)).limit(LISTED_MAX)
        if not everything:
            wanted = [status.value for status in sorted(OPEN | {Status.HELD})]
            query = query.where(col(PrivacyRequest.status).in_(wanted))
        async with self._db.read() as session:
            return (await session.scalars(query)).all()

    async def show(self, officer: Officer, ending: str) -> tuple[PrivacyRequest, Sequence[PrivacyEvent]]:
        """A request by its id or the end of it, with its history. Raises NotFound for none, and for several."""
        found = [row for row in await self.requests(officer, everything=True) if _ends(row.id, ending)]
        if len(found) != 1:
            raise NotFound
        async with self._db.read() as session:
            return found[0], await self._trail.of(session, found[0].person, found[0].id)

    async def holds(self, officer: Officer) -> Sequence[tuple[LegalHold, str]]:
        """Those that stand, each with its reason."""
        officer.must_have(ROLE)
        async with self._db.read() as session:
            return [(row, self._holds.reason(row)) for row in await self._holds.standing(session)]

    async def hold(self, officer: Officer, order: HoldOrder) -> LegalHold:
        """Raises BadInput; NotFound for a number that nobody here has."""
        officer.must_have(ROLE)
        async with self._db.write() as session:
            person = None
            if order.person is not None:
                person = await self._people.find(session, order.person)
                if person is None:
                    raise NotFound
            return await self._holds.place(
                session,
                store=order.store,
                person=person,
                law=order.law,
                reason=order.reason,
                until=order.until,
                officer=officer.person.hex,
            )

    async def release(self, officer: Officer, ending: str) -> LegalHold:
        """One officer asks for it, and within :data:`ASKED_FOR` another one does it: what is then erased is gone.

        A hold that stands has no `released_at`: the second officer is still missing. Raises NoSuchHold;
        :class:`OwnHold`; MakerIsChecker for the officer who asked; NotFound for the end of none, and of several.
        """
        found = [row for row, _ in await self.holds(officer) if _ends(row.id, ending)]
        if len(found) != 1:
            raise NotFound
        [row], by = found, officer.person.hex
        if row.person == officer.person:
            raise OwnHold
        async with self._db.write() as session:
            asked = await self._who_asked(session, row)
            if asked - {by}:
                return await self._holds.release(session, row.id, officer=by)
            if asked:
                raise MakerIsChecker
            await self._trail.note(session, Step.HOLD_RELEASE_ASKED, person=row.person, subject=row.id, by=by)
        return row

    async def _who_asked(self, session: AsyncSession, row: LegalHold) -> frozenset[str]:
        """The officers who asked for the release not long ago."""
        since = self._clock.now() - ASKED_FOR
        events = await self._trail.of(session, row.person, row.id)
        return frozenset(one.by for one in events if one.kind == Step.HOLD_RELEASE_ASKED and one.at > since)

    async def affected(self, officer: Officer, question: Question) -> Affected:
        officer.must_have(ROLE)
        return await affected(self._db, self._keys, question)


def _ends(key: UUID, ending: str) -> bool:
    wanted = ending.strip().lower().replace("-", "")
    return len(wanted) >= ENDING_MIN and key.hex.endswith(wanted)
