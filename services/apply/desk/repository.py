"""Queries of the officers' desk. Those that read one citizen's rows take the citizen first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.apply.desk.models import DeskCase, DeskDecision, DeskNote, DeskQuestion
from services.apply.models import Appeal, Application, ApplicationEvent
from services.apply.states import Action, Status

NO_DAY: Final = date(9999, 12, 31)
"""Where an application without a last day stands in the queue: at its end."""
_DECIDING: Final = (Action.APPROVE.value, Action.REJECT.value, Action.END.value, Action.CONFIRM.value)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the queue the page before ended."""

    due_on: date
    id: UUID


@dataclass(frozen=True, slots=True)
class Queued:
    """One line of the queue; it names nobody."""

    row: Application
    case: DeskCase | None
    proposal: UUID | None
    """That waits for a second officer."""

    @property
    def place(self) -> Place:
        return Place(self.row.due_on or NO_DAY, self.row.id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of the queue."""

    statuses: Collection[Status]
    but_of: UUID
    """The officer who asks: what is their own is not among their work, and the queue says nothing of it."""
    due_until: date | None = None
    handler: UUID | None = None
    free: bool = False
    """Only those that nobody has."""
    proposed: bool = False
    """Only those with a proposal that waits for a second officer."""


async def queue(
    session: AsyncSession, subjects: Collection[str], wanted: Wanted, now: datetime, after: Place | None, limit: int
) -> Sequence[Queued]:
    """The agency's own work over everybody's applications, those due first before the others."""
    due = func.coalesce(col(Application.due_on), NO_DAY)
    query = (
        select(Application, DeskCase, col(DeskDecision.id))
        .outerjoin(DeskCase, _same(DeskCase))
        .outerjoin(DeskDecision, and_(_same(DeskDecision), col(DeskDecision.result).is_(None)))
        .where(
            col(Application.subject).in_(subjects),
            col(Application.status).in_(wanted.statuses),
            col(Application.person) != wanted.but_of,
            col(Application.beneficiary) != wanted.but_of,
        )
    )
    if wanted.due_until is not None:
        query = query.where(col(Application.due_on) <= wanted.due_until)
    if wanted.handler is not None:
        query = query.where(col(DeskCase.handler) == wanted.handler, col(DeskCase.claimed_until) > now)
    if wanted.free:
        query = query.where(or_(col(DeskCase.handler).is_(None), col(DeskCase.claimed_until) <= now))
    if wanted.proposed:
        query = query.where(col(DeskDecision.id).is_not(None))
    if after is not None:
        query = query.where(tuple_(due, col(Application.id)) > (after.due_on, after.id))
    found = await session.execute(query.order_by(due, col(Application.id)).limit(limit))
    return [Queued(*one) for one in found.tuples()]


async def application(session: AsyncSession, subjects: Collection[str], key: UUID) -> Application | None:
    """An application for one of these subjects; another's is as unknown as one that never was."""
    query = select(Application).where(col(Application.id) == key, col(Application.subject).in_(subjects))
    found: Application | None = await session.scalar(query.execution_options(populate_existing=True))
    return found


async def case(session: AsyncSession, person: UUID, application: UUID) -> DeskCase | None:
    return await session.get(DeskCase, (person, application), populate_existing=True)


async def claim(
    session: AsyncSession, row: Application, officer: UUID, now: datetime, until: datetime
) -> DeskCase | None:
    """Takes the case for the officer; None where somebody else has it. Of many at once one wins."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    taken = {"handler": officer, "claimed_at": now, "claimed_until": until}
    insert = dialect.insert(DeskCase).values(person=row.person, application=row.id, kept=False, **taken)
    is_free = or_(col(DeskCase.handler).is_(None), col(DeskCase.handler) == officer, col(DeskCase.claimed_until) <= now)
    done = insert.on_conflict_do_update(index_elements=["person", "application"], set_=taken, where=is_free)
    if (await session.execute(done.returning(col(DeskCase.application)))).first() is None:
        return None
    return await case(session, row.person, row.id)


async def hand_on(
    session: AsyncSession, row: Application, before: UUID, to: UUID | None, now: datetime, until: datetime | None
) -> bool:
    """From the hands of `before` into those of `to`, or into the queue. Whether it was theirs."""
    at = now if to is not None else None
    query = (
        update(DeskCase)
        .where(*_of(DeskCase, row), col(DeskCase.handler) == before)
        .values(handler=to, claimed_at=at, claimed_until=until)
        .returning(col(DeskCase.application))
    )
    return (await session.execute(query.execution_options(synchronize_session=False))).first() is not None


async def let_go(session: AsyncSession, row: Application) -> None:
    """It is decided, and in nobody's hands: an appeal is a colleague's from its first day on."""
    values = {"handler": None, "claimed_at": None, "claimed_until": None, "kept": False}
    query = update(DeskCase).where(*_of(DeskCase, row)).values(**values)
    await session.execute(query.execution_options(synchronize_session=False))


async def go_on(session: AsyncSession, row: Application, officer: UUID, until: datetime, *, keep: bool) -> bool:
    """The handler works on it: their time begins anew. Whether they have it still."""
    values: dict[str, object] = {"claimed_until": until}
    if keep:
        values["kept"] = True
    query = (
        update(DeskCase)
        .where(*_of(DeskCase, row), col(DeskCase.handler) == officer)
        .values(**values)
        .returning(col(DeskCase.application))
    )
    return (await session.execute(query.execution_options(synchronize_session=False))).first() is not None


def in_hands(now: datetime) -> ColumnElement[bool]:
    """Of an application: whether an officer works on it, so that no job of ours decides it."""
    return exists(
        select(1).where(
            col(DeskCase.person) == col(Application.person),
            col(DeskCase.application) == col(Application.id),
            or_(col(DeskCase.kept), and_(col(DeskCase.handler).is_not(None), col(DeskCase.claimed_until) > now)),
        )
    )


async def answered(session: AsyncSession, row: Application, now: datetime) -> bool:
    """Closes what was asked, with the citizen's answer. Whether an officer had asked anything."""
    query = (
        update(DeskQuestion)
        .where(*_of(DeskQuestion, row), col(DeskQuestion.answered_at).is_(None))
        .values(answered_at=now)
        .returning(col(DeskQuestion.id))
    )
    return (await session.execute(query.execution_options(synchronize_session=False))).first() is not None


async def questions(session: AsyncSession, person: UUID, applications: Collection[UUID]) -> Sequence[DeskQuestion]:
    """Oldest first."""
    query = select(DeskQuestion).where(
        col(DeskQuestion.person) == person, col(DeskQuestion.application).in_(applications)
    )
    return (await session.scalars(query.order_by(col(DeskQuestion.id)))).all()


async def notes(session: AsyncSession, person: UUID, application: UUID) -> Sequence[DeskNote]:
    """Oldest first."""
    query = select(DeskNote).where(col(DeskNote.person) == person, col(DeskNote.application) == application)
    return (await session.scalars(query.order_by(col(DeskNote.id)))).all()


async def decisions(session: AsyncSession, person: UUID, application: UUID) -> Sequence[DeskDecision]:
    """What officers decided or proposed, oldest first."""
    query = select(DeskDecision).where(col(DeskDecision.person) == person, col(DeskDecision.application) == application)
    return (await session.scalars(query.order_by(col(DeskDecision.id)).execution_options(populate_existing=True))).all()


async def close(
    session: AsyncSession,
    row: Application,
    proposal: UUID,
    result: str,
    now: datetime,
    *,
    checker: UUID | None = None,
) -> bool:
    """Of several officers at once one closes it. Whether it was open."""
    values = {"result": result, "closed_at": now, "checker": checker}
    query = (
        update(DeskDecision)
        .where(*_of(DeskDecision, row), col(DeskDecision.id) == proposal, col(DeskDecision.result).is_(None))
        .values(**values)
        .returning(col(DeskDecision.id))
    )
    return (await session.execute(query.execution_options(synchronize_session=False))).first() is not None


async def became(session: AsyncSession, row: Application, proposal: UUID, decision: UUID) -> None:
    """Names the decision that it led to."""
    query = update(DeskDecision).where(*_of(DeskDecision, row), col(DeskDecision.id) == proposal)
    await session.execute(query.values(decision=decision).execution_options(synchronize_session=False))


async def who_decided(session: AsyncSession, row: Application) -> frozenset[UUID]:
    """The officers who had a part in any decision on it."""
    made = select(col(DeskDecision.maker), col(DeskDecision.checker)).where(
        *_of(DeskDecision, row), col(DeskDecision.result) == "DONE"
    )
    asked = select(col(ApplicationEvent.officer)).where(
        *_of(ApplicationEvent, row), col(ApplicationEvent.action).in_(_DECIDING)
    )
    found = {one for pair in (await session.execute(made)).tuples() for one in pair}
    found |= set(await session.scalars(asked))
    return frozenset(one for one in found if one is not None)


async def stands(session: AsyncSession, row: Application, version: int) -> bool:
    """Whether the application is still as it was in that version: that a turn grew overdue since says nothing of it."""
    since = row.version - version
    if since <= 0:
        return since == 0
    steps = select(col(ApplicationEvent.action)).where(*_of(ApplicationEvent, row))
    last = (await session.scalars(steps.order_by(col(ApplicationEvent.sequence).desc()).limit(since))).all()
    return all(action == Action.ESCALATE for action in last)


async def open_appeal(session: AsyncSession, person: UUID, application: UUID) -> Appeal | None:
    query = select(Appeal).where(
        col(Appeal.person) == person, col(Appeal.application) == application, col(Appeal.closed_at).is_(None)
    )
    found: Appeal | None = await session.scalar(query)
    return found


def _same(model: type[DeskCase | DeskDecision]) -> ColumnElement[bool]:
    return and_(col(model.person) == col(Application.person), col(model.application) == col(Application.id))


def _of(
    model: type[DeskCase | DeskQuestion | DeskDecision | ApplicationEvent], row: Application
) -> tuple[ColumnElement[bool], ...]:
    return col(model.person) == row.person, col(model.application) == row.id
