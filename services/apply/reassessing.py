"""What was granted is looked at again when something changed, and only then.

What is owed is a row: made once per cause, tried until the facts are there, done once. A grant never ends silently: the
citizen is told, with the reasons, and may appeal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.database import Database
from core.errors import NotFound, SitthiError
from core.ids import new_id
from services.apply import owed
from services.apply.deciding import Outcome, action_of
from services.apply.delivery.errors import AtTheAgency
from services.apply.errors import AlreadyDecided, ChangedMeanwhile
from services.apply.models import Application, Reassessment
from services.apply.outcomes import REVIEW
from services.apply.service import ApplyService, Reconsideration
from services.apply.states import Action, Status

PAGE: Final = 100
RETRY_FIRST: Final = timedelta(minutes=5)
RETRY_MAX: Final = timedelta(hours=12)
CORRECTIONS_SEEN: Final = timedelta(days=3)
"""So far back corrections are looked for: longer than any outage of this job that nobody notices."""
ASKED_AGAIN: Final = timedelta(hours=2)
"""Who lives with somebody: while nobody can say, each question stands in that person's access log."""

log = structlog.get_logger(__name__)


class Cause(StrEnum):
    CORRECTION = "CORRECTION"
    """A fact that the law reads was put right at its source, of the person or of somebody in their household."""
    CHANGES_ON = "CHANGES_ON"
    """The day came on which the answer changes by itself: a birthday, an expiry, a version that was known."""
    NEW_LAW = "NEW_LAW"
    """Another version of the programme is in force than the one it was decided by."""
    HELD_MONTH = "HELD_MONTH"
    """A month cannot be paid, because its law asks for a fact that the decision did not read."""
    OFFICER = "OFFICER"
    REVIEW = REVIEW
    """The citizen answered, and then an agency did not."""


class Result(StrEnum):
    CONFIRMED = "CONFIRMED"
    ENDED = "ENDED"
    ASKED = "ASKED"
    NOT_NEEDED = "NOT_NEEDED"


_UNDECIDED: Final = frozenset({Status.SUBMITTED, Status.NEEDS_INFORMATION})
_RESULTS: Final = {Outcome.GRANTED: Result.CONFIRMED, Outcome.REFUSED: Result.ENDED}


@dataclass(frozen=True, slots=True)
class Law:
    """The version of a subject's law that is in force."""

    name: str
    since: date


class LawBook(Protocol):
    def in_force(self) -> Mapping[str, Law]:
        """By subject, as of today."""
        ...

    def reads(self, subject: str, attribute: str) -> bool:
        """Whether the law in force asks for the attribute, of anybody, or for what is derived from it."""
        ...

    def totals(self, attribute: str) -> Collection[str]:
        """Subjects whose law in force asks for a total of a household in which the attribute of each member is."""
        ...


@dataclass(frozen=True, slots=True)
class CorrectedFact:
    correction: UUID
    person: UUID
    attribute: str
    at: datetime


class Households(Protocol):
    async def with_whom(self, person: UUID) -> Collection[UUID] | None:
        """Everybody on the house register of the person, with the person; None while nobody can say. A look at the
        person that stands in their access log, so it is asked once for a correction, outside any transaction."""
        ...


class Corrections(Protocol):
    async def corrected_since(self, session: AsyncSession, at: datetime) -> Sequence[CorrectedFact]:
        """What was put right at its source since then."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A month of a running award that cannot be paid until it is decided again, or until the calendar is known."""

    application: UUID
    payee: UUID
    period: date
    needs_decision: bool


class HeldMonths(Protocol):
    async def held_months(self, session: AsyncSession) -> Sequence[Held]: ...

    async def retry_held(self, session: AsyncSession, *, application: UUID) -> None:
        """Tries what waits for the calendar."""
        ...


@dataclass(frozen=True, slots=True)
class Reassessed:
    owed: int = 0
    done: int = 0
    waiting: int = 0
    failed: int = 0


class Reassessments:
    """The job, and the door for officers. Any process may run it."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        apply: ApplyService,
        *,
        laws: LawBook,
        corrections: Corrections,
        held: HeldMonths,
        households: Households,
    ) -> None:
        self._db, self._clock, self._apply, self._households = db, clock, apply, households
        self._laws, self._corrections, self._held = laws, corrections, held
        self._unanswered: dict[UUID, datetime] = {}
        """Of which corrections nobody could say whose household they concern, and when that was asked last."""

    async def run(self) -> Reassessed:
        """Notes what is to be looked at again, and looks at what is due."""
        made = await self._find()
        done = waiting = failed = 0
        last: UUID | None = None
        while True:
            async with self._db.read() as session:
                page = await owed.due(session, self._clock.now(), last, PAGE)
            for row in page:
                try:
                    over = await self._try(row) is not None
                except SitthiError as error:  # the others do not wait for this one
                    log.warning("reassessment.failed", application=row.application.hex, code=error.code)
                    await self._put_off(row)
                    failed += 1
                else:
                    done, waiting = done + over, waiting + (not over)
            if len(page) < PAGE:
                return Reassessed(made, done, waiting, failed)
            last = page[-1].id

    async def ask(self, session: AsyncSession, application: Application, officer: UUID, since: date) -> Reassessment:
        """An officer wants it looked at again; to be followed by :meth:`one`."""
        key = new_id()
        row = self._row(application, Cause.OFFICER, key.hex, since, officer)
        assert await owed.add(session, row), "its reference is its own"
        return row

    async def one(self, row: Reassessment) -> Result | None:
        """Looks at one now; None while an agency does not answer. Raises what the decider raises."""
        return await self._try(row)

    async def _find(self) -> int:
        """Each source in a transaction of its own; what is noted already stays one row."""
        today, made = self._clock.today(), 0
        async with self._db.write() as session:
            for application in await owed.changed(session, today):
                assert application.changes_on is not None, "asked for those"
                day = application.changes_on
                made += await owed.add(session, self._row(application, Cause.CHANGES_ON, day.isoformat(), day))
        async with self._db.write() as session:
            for subject, law in self._laws.in_force().items():
                for application in await owed.of_other_law(session, subject, law.name):
                    made += await owed.add(
                        session, self._row(application, Cause.NEW_LAW, law.name, _from(application, law))
                    )
        async with self._db.write() as session:
            for fact in await self._corrections.corrected_since(session, self._clock.now() - CORRECTIONS_SEEN):
                for application in await owed.about(session, fact.person, fact.at):
                    if self._laws.reads(application.subject, fact.attribute):
                        since = bangkok_day(fact.at)
                        row = self._row(application, Cause.CORRECTION, fact.correction.hex, since)
                        made += await owed.add(session, row)
        return made + await self._find_in_households() + await self._find_held()

    async def _find_in_households(self) -> int:
        """Grants of those in whose household a corrected fact of another is counted. What they are told is what their
        own application says: neither whose fact it was, nor which."""
        now, made = self._clock.now(), 0
        async with self._db.write() as session:
            await owed.forget_looks(session, now - 2 * CORRECTIONS_SEEN)
            facts = await self._corrections.corrected_since(session, now - CORRECTIONS_SEEN)
            facts = [fact for fact in facts if self._laws.totals(fact.attribute)]
            known = await owed.looked_for(session, [fact.correction for fact in facts]) if facts else set()
        waiting = {one: at for one, at in self._unanswered.items() if now - at < ASKED_AGAIN}
        self._unanswered = waiting
        for fact in facts:
            if fact.correction in known or fact.correction in waiting:
                continue
            house = await self._households.with_whom(fact.person)
            if house is None:
                waiting[fact.correction] = now
                continue
            subjects = self._laws.totals(fact.attribute)
            async with self._db.write() as session:
                for other in sorted(set(house) - {fact.person}):
                    for application in await owed.about(session, other, fact.at):
                        if application.subject in subjects:
                            since = bangkok_day(fact.at)
                            row = self._row(application, Cause.CORRECTION, _of_another(application, fact), since)
                            made += await owed.add(session, row)
                await owed.note_look(session, fact.person, fact.correction, now)
        return made

    async def _find_held(self) -> int:
        """One look a week for each month that is held; what waits for the calendar is tried at once."""
        today, made = self._clock.today(), 0
        async with self._db.read() as session:
            held = await self._held.held_months(session)
        for month in held:
            async with self._db.write() as session:
                if not month.needs_decision:
                    await self._held.retry_held(session, application=month.application)
                elif month.period <= today:
                    application = await owed.granted(session, month.payee, month.application)
                    if application is not None:
                        week = "-".join(map(str, today.isocalendar()[:2]))
                        reference = f"{month.period:%Y-%m}:{week}"
                        row = self._row(application, Cause.HELD_MONTH, reference, month.period)
                        made += await owed.add(session, row)
        return made

    async def _try(self, row: Reassessment) -> Result | None:
        try:
            again = await self._apply.prepare_reassessment(row.person, row.application)
        except AlreadyDecided:
            return await self._try_let_go(row)
        except (NotFound, AtTheAgency):
            return await self._not_needed(row)
        if action_of(again.prepared, Status.APPROVED) is Action.AWAIT_AGENCY:
            await self._put_off(row)
            return None
        result = _RESULTS.get(again.prepared.outcome, Result.ASKED)
        again = replace(again, since=row.since, cause=row.cause, officer=row.officer)
        try:
            await self._write(row, again, result)
        except ChangedMeanwhile:  # looked at again at the next turn
            return None
        return result

    async def _try_let_go(self, row: Reassessment) -> Result | None:
        """Whoever withdraws before the look that is owed, or lets it lapse, keeps no more by it than by waiting. Where
        only the citizen could say it, nobody can any more, and nothing is claimed.

        What has ended otherwise is not looked at: a later decision has read the facts of its day, and after a death
        there is nobody to be heard (Administrative Procedure Act 2539 s.30) or to appeal. What was paid for the time
        after the death is claimed all the same (:meth:`services.apply.lifecycle.Lifecycle.die`).
        """
        async with self._db.read() as session:
            found = await owed.let_go(session, row.person, row.application)
        if found is None:
            return await self._try_open_again(row)
        prepared = await self._apply.prepare_withdrawn(found)
        if action_of(prepared, Status.APPROVED) is Action.AWAIT_AGENCY:
            await self._put_off(row)
            return None
        result = _RESULTS.get(prepared.outcome)
        if result is None:
            return await self._not_needed(row)
        await self._apply.ready_to_decide()
        async with self._db.write() as session:
            locked = await self._apply.steps.locked(session, row.person, row.application)
            if locked.version != found.version:  # what lapsed may be opened again: looked at again at the next turn
                return None
            if await owed.done(session, row, result, self._clock.now()):
                await self._apply.outcomes.write_after_withdrawal(
                    session, locked, prepared, since=row.since, cause=row.cause
                )
        return result

    async def _try_open_again(self, row: Reassessment) -> Result:
        """What had lapsed and was opened again is decided when the citizen answers. What that comes to counts from the
        day of this look as well: whoever opens it again keeps no more by it than by waiting."""
        async with self._db.write() as session:
            locked = await self._apply.steps.locked(session, row.person, row.application)
            waits = locked.status in _UNDECIDED and await owed.was_granted(session, locked)
            result = Result.ASKED if waits else Result.NOT_NEEDED
            if await owed.done(session, row, result, self._clock.now()) and waits:
                await owed.count_from(session, locked, row.since)
        return result

    async def _not_needed(self, row: Reassessment) -> Result:
        async with self._db.write() as session:
            await owed.done(session, row, Result.NOT_NEEDED, self._clock.now())
        return Result.NOT_NEEDED

    async def _write(self, row: Reassessment, again: Reconsideration, result: Result) -> None:
        """Once: of two processes the second finds it done."""
        async with self._db.write() as session:
            if await owed.done(session, row, result, self._clock.now()):
                await self._apply.reconsider(session, again)

    async def _put_off(self, row: Reassessment) -> None:
        grown: timedelta = min(RETRY_FIRST * 2 ** min(row.attempts, 10), RETRY_MAX)
        async with self._db.write() as session:
            await owed.put_off(session, row, self._clock.now() + grown)

    def _row(
        self, application: Application, cause: Cause, reference: str, since: date, officer: UUID | None = None
    ) -> Reassessment:
        now = self._clock.now()
        return Reassessment(
            person=application.person,
            id=new_id(),
            application=application.id,
            cause=cause.value,
            reference=reference,
            since=since,
            officer=officer,
            owed_at=now,
            due_at=now,
            attempts=0,
        )


def _of_another(application: Application, fact: CorrectedFact) -> str:
    """Which correction it is, for this application alone: whose it is cannot be looked up by it, nor which others it
    concerns."""
    return sha256(application.id.bytes + fact.correction.bytes).hexdigest()


def _from(application: Application, law: Law) -> date:
    """A version that was there before the decision changes nothing for the time before it."""
    decided = application.decided_at or application.updated_at
    return max(law.since, bangkok_day(decided))
