"""Moves of an application that no decision makes: time that runs out, a death, opening again.

Every method writes in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.text import Text
from services.apply import repository
from services.apply.deciding import Awarder
from services.apply.errors import NotReopenable
from services.apply.models import Application
from services.apply.service import ApplyService
from services.apply.states import ACTIVE, GRANTED, TURNS, Action, Status, Turn, Who, after

DEATH: Final = "DEATH"
NO_ANSWER: Final = "NO_ANSWER"
OVERDUE: Final = "OVERDUE"
REGISTER_WRONG: Final = "REGISTER_WRONG"
PAID: Final = "PAID"


class Responsible(Protocol):
    def __call__(self, subject: str) -> str | None:
        """Slug of the agency that decides; None for a subject that nobody offers any more."""
        ...


class LifeNotices(Protocol):
    """Called inside the transaction, so that no notice lies."""

    async def overdue(self, session: AsyncSession, *, person: UUID, title: Text) -> None:
        """Tells the citizen that the agency is late, and that its supervisors know."""
        ...

    async def escalated(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None:
        """Tells the agency's supervisors. Nothing about the citizen is in it."""
        ...

    async def ends_soon(self, session: AsyncSession, *, person: UUID, title: Text, due_on: date) -> None:
        """Tells the citizen that their time to answer is over soon."""
        ...

    async def agency_ends_soon(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None:
        """Tells the agency's supervisors that their time is over soon. Nothing about the citizen is in it."""
        ...

    async def bereaved(self, session: AsyncSession, *, people: Collection[UUID]) -> None:
        """Tells those who are near somebody who died that nothing has to be done; not what it was that ended."""
        ...


class Lifecycle:
    def __init__(
        self, apply: ApplyService, clock: Clock, awarder: Awarder, notices: LifeNotices, responsible: Responsible
    ) -> None:
        self._apply, self._steps, self._clock, self._awarder = apply, apply.steps, clock, awarder
        self._notices, self._responsible = notices, responsible

    async def escalate(self, session: AsyncSession, person: UUID, application: UUID) -> bool:
        """The agency's time ran out: the citizen and the supervisors hear of it, once a turn. Whether it was so."""
        found = await self._steps.locked(session, person, application)
        if TURNS[Status(found.status)] is not Turn.AGENCY or found.overdue_at is not None:
            return False
        if not await self._is_over(session, found):
            return False
        title, due_on = Text(**found.title), found.due_on
        assert due_on is not None, "it is over"
        await self._steps.move(session, found, Action.ESCALATE, Who.TIME, cause=OVERDUE)
        await self._notices.overdue(session, person=person, title=title)
        agency = self._responsible(found.subject)
        if agency is not None:
            await self._notices.escalated(session, agency=agency, application=application, title=title, due_on=due_on)
        return True

    async def lapse(self, session: AsyncSession, person: UUID, application: UUID) -> bool:
        """The citizen's time ran out: it closes, and what was granted is paid no further. Whether it was so."""
        found = await self._steps.locked(session, person, application)
        is_citizens = TURNS[Status(found.status)] is Turn.CITIZEN and not self._apply.is_at_agency(found.subject)
        if not is_citizens or not await self._is_over(session, found):
            return False
        if Status(found.status) in GRANTED:
            since = self._clock.today()
            await self._awarder.end_from(session, application=application, since=since, cause=NO_ANSWER)
        await self._steps.move(session, found, Action.LAPSE, Who.TIME, cause=NO_ANSWER)
        await self._steps.tell(session, found)
        return True

    async def remind(self, session: AsyncSession, person: UUID, application: UUID) -> bool:
        """Whoever's turn it is hears that it ends soon, once a turn. Whether it was so."""
        found = await self._steps.locked(session, person, application)
        today, turn = self._clock.today(), TURNS[Status(found.status)]
        soon = self._steps.turns.soon(today)
        if found.reminded_at is not None or found.due_on is None or soon is None or not today <= found.due_on <= soon:
            return False
        title = Text(**found.title)
        if turn is Turn.CITIZEN and not self._apply.is_at_agency(found.subject):
            await self._notices.ends_soon(session, person=person, title=title, due_on=found.due_on)
        elif turn is Turn.AGENCY and (agency := self._responsible(found.subject)) is not None:
            await self._notices.agency_ends_soon(
                session, agency=agency, application=application, title=title, due_on=found.due_on
            )
        await repository.store(session, found, {"reminded_at": self._clock.now()})
        return True

    async def reopen(
        self, session: AsyncSession, person: UUID, application: UUID, *, acted_by: UUID | None = None
    ) -> Application:
        """The citizen opens again what lapsed; it waits for the same answers as before.

        Raises NotFound, NotReopenable, and AlreadyApplied where a newer application has taken its place.
        """
        found = await self._steps.locked(session, person, application)
        after(Status(found.status), Action.REOPEN)
        if found.reopen_until is not None and found.reopen_until < self._clock.today():
            raise NotReopenable
        await self._steps.move(session, found, Action.REOPEN, Who.CITIZEN, acted_by=acted_by)
        await self._steps.tell(session, found)
        return found

    async def reopen_by_officer(
        self, session: AsyncSession, person: UUID, application: UUID, officer: UUID
    ) -> Application:
        """An officer opens again what lapsed, however long ago, or what a death closed that was none.

        Raises NotFound, NotReopenable, AlreadyApplied.
        """
        found = await self._steps.locked(session, person, application)
        cause = REGISTER_WRONG if found.status == Status.DECEASED else None
        await self._steps.move(session, found, Action.REOPEN, Who.OFFICER, officer=officer, cause=cause)
        await self._steps.tell(session, found)
        return found

    async def die(
        self,
        session: AsyncSession,
        person: UUID,
        application: UUID,
        *,
        died: UUID,
        on: date | None,
        near: Collection[UUID] = (),
    ) -> bool:
        """The register says that the applicant or the beneficiary has died. Whether the application was open.

        The month of the death is the last that is paid (unverified: each regulation says so in its own words); where
        the register has no day, this month; of an application after the death, none. Of `near`, none who died is told.
        What closed before the register knew moves no more; what went out for later months is claimed all the same.
        """
        found = await self._steps.locked(session, person, application)
        is_open = Status(found.status) in ACTIVE
        if Status(found.status) in GRANTED or (on is not None and not is_open):  # a death before it closed counts, too
            day, applied_on = on or self._clock.today(), bangkok_day(found.created_at)
            since = applied_on.replace(day=1) if day < applied_on else day + timedelta(days=1)
            await self._awarder.end_from(session, application=application, since=since, cause=DEATH)
        if not is_open:
            return False
        await self._steps.move(session, found, Action.DIE, Who.REGISTER, cause=DEATH, missing=[])
        await repository.close_appeal(session, found, Status.DECEASED)
        told = {found.person, *near} - {died}
        if told:
            await self._notices.bereaved(session, people=sorted(told))
        return True

    async def complete(self, session: AsyncSession, person: UUID, application: UUID) -> bool:
        """What is given once was paid: it closes, so that one may apply for the next occasion. Whether it was open."""
        found = await self._steps.locked(session, person, application)
        if Status(found.status) not in GRANTED:
            return False
        await self._awarder.end(session, application=application)
        await self._steps.move(session, found, Action.COMPLETE, Who.PAYMENT, cause=PAID, missing=[], review_since=None)
        await self._steps.tell(session, found)
        return True

    async def _is_over(self, session: AsyncSession, application: Application) -> bool:
        """By the calendar as it is now: a holiday that the cabinet added since the day was worked out is nobody's loss,
        and the later day is entered."""
        if application.due_on is None or application.due_on >= self._clock.today():
            return False
        by_now = self._steps.turns.due_on(application)
        if by_now is None or by_now <= application.due_on:
            return True
        await repository.set_due_on(session, application, by_now)
        await session.refresh(application)
        return by_now < self._clock.today()
