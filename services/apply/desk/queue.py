"""The queue, as the graph, the agencies' interface and the command line show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core.clock import Clock
from core.database import Database
from core.errors import BadInput
from core.text import Text
from identity.officers import Officer
from services.apply.desk import repository
from services.apply.desk.repository import NO_DAY, Place, Queued, Wanted
from services.apply.desk.service import CaseDesk
from services.apply.states import TURNS, Status, Turn


@dataclass(frozen=True, slots=True)
class Line:
    id: UUID
    subject: str
    title: Text
    status: Status
    turn: Turn
    version: int
    submitted_at: datetime
    due_on: date | None
    overdue: bool
    mine: bool
    claimed_until: datetime | None
    """None while nobody has it, or had it too long."""
    proposal: UUID | None


@dataclass(frozen=True, slots=True)
class Queue:
    """What of the queue is wanted."""

    statuses: Sequence[Status] | None = None
    turn: Turn | None = None
    subject: str | None = None
    due_until: date | None = None
    mine: bool = False
    free: bool = False
    proposed: bool = False

    async def read(
        self, db: Database, clock: Clock, desk: CaseDesk, officer: Officer, after: Place | None, limit: int
    ) -> Sequence[Line]:
        """Raises RoleMissing, StepUpRequired. A subject of another agency has an empty queue."""
        subjects = [one for one in desk.subjects(officer) if self.subject in (None, one)]
        turn = self.turn or (Turn.AGENCY if self.statuses is None else None)
        statuses = [one for one in self.statuses or Status if turn is None or TURNS[one] is turn]
        handler = officer.person if self.mine else None
        wanted = Wanted(statuses, officer.person, self.due_until, handler, self.free, self.proposed)
        async with db.read() as session:
            found = await repository.queue(session, subjects, wanted, clock.now(), after, limit)
        return [_line(one, officer, clock) for one in found]


async def line_of(db: Database, clock: Clock, desk: CaseDesk, officer: Officer, key: UUID) -> Line:
    """Raises NotFound, and what :meth:`CaseDesk.find` does."""
    row = await desk.find(officer, key)
    async with db.read() as session:
        case = await repository.case(session, row.person, row.id)
        decisions = await repository.decisions(session, row.person, row.id)
    proposal = next((one.id for one in decisions if one.result is None), None)
    return _line(Queued(row, case, proposal), officer, clock)


def written(line: Line) -> str:
    """The place of a line, for a cursor."""
    return f"{(line.due_on or NO_DAY).isoformat()} {line.id.hex}"


def place_of(cursor: str | None) -> Place | None:
    """Raises BadInput for what :func:`written` never says."""
    if cursor is None:
        return None
    day, _, key = cursor.partition(" ")
    try:
        return Place(date.fromisoformat(day), UUID(hex=key))
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None


def _line(one: Queued, officer: Officer, clock: Clock) -> Line:
    row, case = one.row, one.case
    until = case.claimed_until if case is not None and case.handler is not None else None
    has_it = until is not None and until > clock.now()
    status = Status(row.status)
    return Line(
        id=row.id,
        subject=row.subject,
        title=Text(**row.title),
        status=status,
        turn=TURNS[status],
        version=row.version,
        submitted_at=row.created_at,
        due_on=row.due_on,
        overdue=row.due_on is not None and row.due_on < clock.today(),
        mine=has_it and case is not None and case.handler == officer.person,
        claimed_until=until if has_it else None,
        proposal=one.proposal,
    )
