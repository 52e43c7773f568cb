"""What a decision does: it moves the application, is written down, and begins, changes or ends an award."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.ids import new_id
from services.apply import owed, repository, states
from services.apply.deciding import Awarder, Outcome, Prepared, action_of
from services.apply.decisions.signing import DecisionWriter
from services.apply.models import Application, Reassessment
from services.apply.states import GRANTED, Action, Status, Who
from services.apply.steps import Steps
from services.apply.units import moved_to

REVIEW: Final = "REVIEW"
ANSWERED: Final = "ANSWERED"
"""The cause of a decision again that answers of the citizen bring."""


class Outcomes:
    def __init__(self, clock: Clock, steps: Steps, decisions: DecisionWriter, awarder: Awarder) -> None:
        self._clock, self._steps, self._decisions, self._awarder = clock, steps, decisions, awarder

    async def write(
        self,
        session: AsyncSession,
        application: Application,
        prepared: Prepared,
        *,
        since: date | None = None,
        cause: str | None = None,
        officer: UUID | None = None,
        who: Who = Who.DECISION,
    ) -> None:
        """Moves the application on by the decision. The caller holds its lock. `who`: OFFICER, of one at the desk.

        Of what was granted before, `since` is the day from which it counts; today unless said, and never later than the
        day from which it is, or was when it closed, under review.
        """
        now, was = self._clock.now(), Status(application.status)
        missing = [m.written() for m in prepared.missing]
        decided = _changes(application, prepared, now)
        action = action_of(prepared, was)
        following = states.after(was, action)
        reviewed = application.review_since
        since = min(since or reviewed or self._clock.today(), reviewed or date.max)
        if not decided and _same(missing, application.missing) and following == was:  # it still waits for the same
            await _wait_on(session, application, missing, since)
            return
        if following is Status.UNDER_REVIEW:
            decided["review_since"] = since
        if following is Status.APPROVED and prepared.outcome is not Outcome.GRANTED:
            missing = []  # what was granted stands while an agency is away
        because = cause or ANSWERED if was in GRANTED else cause
        if action is Action.END:  # while the months before it are still known
            await self._awarder.end_from(session, application=application.id, since=since, cause=because or ANSWERED)
        await self._steps.move(
            session, application, action, who, officer=officer, cause=because, missing=missing, **decided
        )
        if action is Action.AWAIT_AGENCY and was is Status.UNDER_REVIEW:
            await self._look_again(session, application, since)
        if prepared.outcome is not Outcome.NEEDS_INFORMATION:
            await self._decisions.add(session, application, prepared, now)
            await repository.close_appeal(session, application, prepared.outcome)
        if prepared.outcome is Outcome.GRANTED and prepared.pays:
            await self._award(session, application, prepared)
            if was in GRANTED or reviewed is not None:
                await self._awarder.reassessed(
                    session, application=application.id, since=since, cause=because or ANSWERED
                )
        elif prepared.outcome is Outcome.REFUSED and was not in GRANTED and reviewed is not None:
            await self._awarder.reassessed_after_end(  # it lapsed under review, and was opened again
                session, application=application.id, since=since, cause=because or ANSWERED
            )
        is_news = prepared.outcome is not Outcome.NEEDS_INFORMATION and action is not Action.CONFIRM
        if is_news or application.status != was:
            await self._steps.tell(session, application)

    async def write_after_withdrawal(
        self, session: AsyncSession, application: Application, prepared: Prepared, *, since: date, cause: str
    ) -> None:
        """A decision on what was granted and is withdrawn by now: nothing moves, and what went out too much since that
        day is claimed. The caller holds the application's lock."""
        await self._decisions.add(session, application, prepared, self._clock.now())
        await self._awarder.reassessed_after_end(session, application=application.id, since=since, cause=cause)

    async def _look_again(self, session: AsyncSession, application: Application, since: date) -> None:
        """The citizen answered, and now it is an agency that does not: it stays owed."""
        now = self._clock.now()
        row = Reassessment(
            person=application.person,
            id=new_id(),
            application=application.id,
            cause=REVIEW,
            reference=f"version:{application.version}",
            since=since,
            owed_at=now,
            due_at=now,
            attempts=0,
        )
        await owed.add(session, row)

    async def _award(self, session: AsyncSession, application: Application, prepared: Prepared) -> None:
        await self._awarder.award(
            session,
            application=application.id,
            payee=application.person,
            beneficiary=application.beneficiary,
            subject=application.subject,
            title=prepared.title,
            since=bangkok_day(application.created_at),
        )


async def _wait_on(session: AsyncSession, application: Application, missing: list[dict[str, Any]], since: date) -> None:
    """Notes what is another now although nothing moves."""
    changes: dict[str, Any] = {"missing": missing} if missing != application.missing else {}
    if application.review_since is not None and since < application.review_since:
        changes["review_since"] = since
    if changes:
        await repository.store(session, application, changes)


def _same(missing: list[dict[str, Any]], before: list[dict[str, Any]]) -> bool:
    """Whether the same is missing. That a source is back, and has not the answer either, is no move."""
    return [{**one, "why": None} for one in missing] == [{**one, "why": None} for one in before]


def _changes(application: Application, prepared: Prepared, now: datetime) -> dict[str, Any]:
    """What the decision changes in the row beside its status: while something is missing, where they live alone."""
    changes: dict[str, Any] = {}
    if (unit := moved_to(application, prepared)) is not None:
        changes["unit_key"] = unit
    if prepared.outcome is not Outcome.NEEDS_INFORMATION:
        changes |= {"decided_at": now, "law_from": prepared.law_from, "changes_on": prepared.changes_on}
        changes["review_since"] = None
        if prepared.closes:
            changes["unit_key"] = f"closed:{application.id.hex}"
    return changes
