"""The one place that moves an application: status, clock, version and history in one go."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import NotFound
from core.text import Text
from services.apply import repository, states
from services.apply.clocks import TurnClock
from services.apply.deciding import Beside, Notices
from services.apply.desk.closing import nothing_waits
from services.apply.models import Application
from services.apply.states import ACTIVE, AT_THE_DESK, Action, Status, Who, is_service


class Steps:
    """`service_notices` tell of what agencies decide."""

    def __init__(
        self,
        clock: Clock,
        notices: Notices,
        service_notices: Notices | None = None,
        turns: TurnClock | None = None,
        beside: Beside | None = None,
    ) -> None:
        self._clock, self._notices, self._service_notices = clock, notices, service_notices or notices
        self.turns = turns or TurnClock()
        self._beside = beside

    async def move(
        self,
        session: AsyncSession,
        application: Application,
        action: Action,
        who: Who,
        *,
        acted_by: UUID | None = None,
        officer: UUID | None = None,
        cause: str | None = None,
        **changes: Any,
    ) -> None:
        """Writes the move, what the clock makes of it, and a step of the history; `changes` are further columns.

        The caller holds the application's lock. Raises the action's own error where the table of states has no such
        move, or not by them; AlreadyApplied where it would be the unit's second active one, and ExcludedByAnother where
        an appeal or a reopening comes too late: another that nobody may have beside it has taken its place.
        """
        was, now = Status(application.status), self._clock.now()
        status = states.after(was, action)
        states.must_be_moved_by(was, action, who)
        is_new = application.version == 1 and application.created_at == now  # decided as it comes in
        comes_back = was not in ACTIVE and status in ACTIVE
        if comes_back and self._beside is not None and (others := self._beside(application.subject)):
            await repository.refuse_beside(session, application.unit_key, others)
        changes = self.turns.moved(application, action, status, now) | changes
        changes |= {"status": status, "version": application.version + 1, "updated_at": now}
        await repository.store(session, application, changes)
        event = {
            "at": now,
            "action": action,
            "status": status,
            "acted_by": acted_by,
            "officer": officer,
            "cause": cause,
        }
        await repository.add_event(session, application, event)
        if was in AT_THE_DESK and status not in AT_THE_DESK and not (who is Who.DECISION and is_new):
            await nothing_waits(session, application, now)

    async def locked(self, session: AsyncSession, person: UUID, application: UUID) -> Application:
        """Raises NotFound."""
        found = await repository.own(session, person, application, lock=True)
        if found is None:
            raise NotFound
        return found

    async def tell(self, session: AsyncSession, application: Application) -> None:
        notices = self._service_notices if is_service(application.subject) else self._notices
        await notices.application_changed(
            session,
            person=application.person,
            application=application.id,
            title=Text(**application.title),
            status=Status(application.status),
        )
