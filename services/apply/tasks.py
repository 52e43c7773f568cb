"""Jobs of the room of applications. Each can be stopped anywhere and run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from services.apply import repository
from services.apply.lifecycle import Lifecycle
from services.apply.service import ApplyService
from services.apply.states import Status

PAGE: Final = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reconsidered:
    """How many were decided, or became the citizen's turn; how many wait on; how many could not be looked at."""

    moved: int = 0
    waiting: int = 0
    failed: int = 0


async def reconsider_waiting(service: ApplyService, database: Database, clock: Clock) -> Reconsidered:
    """Decides again what waited for an agency that may be back by now, oldest first, one transaction each."""
    moved = waiting = failed = 0
    last: UUID | None = None
    while True:
        async with database.read() as session:
            page = await repository.waiting(session, last, PAGE, clock.now())
        for person, application in page:
            try:
                again = await service.prepare_reconsideration(person, application)
                async with database.write() as session:
                    row = await service.reconsider(session, again)
            except SitthiError as error:  # the others do not wait for this one
                log.warning("application.not_reconsidered", application=application.hex, code=error.code)
                failed += 1
            else:
                still = row.status == Status.SUBMITTED
                waiting, moved = waiting + still, moved + (not still)
        if len(page) < PAGE:
            return Reconsidered(moved, waiting, failed)
        last = page[-1][1]


@dataclass(frozen=True, slots=True)
class Timed:
    """How many agencies' turns were escalated, how many citizens' turns lapsed, how many last days were entered."""

    escalated: int = 0
    lapsed: int = 0
    dated: int = 0
    reminded: int = 0
    """How many turns end soon, so that whoever's they are were told."""


async def follow_clocks(service: ApplyService, lifecycle: Lifecycle, database: Database, clock: Clock) -> Timed:
    """What follows when a turn runs out, one transaction each; of two processes one does it."""
    escalated = lapsed = 0
    dated = await _date(service, database)
    last: UUID | None = None
    while True:
        async with database.read() as session:
            page = await repository.overdue(session, clock.today(), last, PAGE)
        for person, application in page:
            try:
                async with database.write() as session:
                    escalated += await lifecycle.escalate(session, person, application)
                    lapsed += await lifecycle.lapse(session, person, application)
            except SitthiError as error:  # the others do not wait for this one
                log.warning("application.clock_not_followed", application=application.hex, code=error.code)
        if len(page) < PAGE:
            return Timed(escalated, lapsed, dated, await _remind(service, lifecycle, database, clock))
        last = page[-1][1]


async def _remind(service: ApplyService, lifecycle: Lifecycle, database: Database, clock: Clock) -> int:
    reminded, last, today = 0, None, clock.today()
    soon = service.steps.turns.soon(today)
    while soon is not None:
        async with database.read() as session:
            page = await repository.ending_soon(session, today, soon, last, PAGE)
        for person, application in page:
            try:
                async with database.write() as session:
                    reminded += await lifecycle.remind(session, person, application)
            except SitthiError as error:  # the others do not wait for this one
                log.warning("application.not_reminded", application=application.hex, code=error.code)
        if len(page) < PAGE:
            break
        last = page[-1][1]
    return reminded


class GivenOnce(Protocol):
    """The room that pays, and whoever knows what is given once."""

    async def given(self, session: AsyncSession) -> Sequence[tuple[UUID, UUID]]:
        """Person and application of grants that are paid once, were paid, and of which nothing is on its way."""
        ...


async def complete_given(lifecycle: Lifecycle, database: Database, once: GivenOnce) -> int:
    """Closes what was given once and was paid, one transaction each; of two processes one does it. Answers how many."""
    async with database.read() as session:
        given = await once.given(session)
    completed = 0
    for person, application in given:
        async with database.write() as session:
            completed += await lifecycle.complete(session, person, application)
    return completed


async def _date(service: ApplyService, database: Database) -> int:
    """Last days of turns that have none: those from before turns were timed, and of years that were not known then."""
    async with database.read() as session:
        rows = await repository.undated(session, PAGE)
    known = [(row, due_on) for row in rows if (due_on := service.steps.turns.due_on(row)) is not None]
    for row, due_on in known:
        async with database.write() as session:
            await repository.set_due_on(session, row, due_on)
    return len(known)
