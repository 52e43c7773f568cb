"""Queries of the room of applications. Each that reads a citizen's rows takes the citizen first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, and_, cast, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.text import Text
from services.apply.desk.repository import in_hands
from services.apply.errors import AlreadyApplied, ExcludedByAnother, NotRejected
from services.apply.models import Appeal, Application, ApplicationEvent, Decision
from services.apply.states import ACTIVE, TIMERS, TURNS, Status, Turn


async def insert_application(session: AsyncSession, application: Application) -> None:
    """Raises :class:`AlreadyApplied` when the unit has an active one. Waits for a concurrent attempt to end."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(Application).values(**application.model_dump()).on_conflict_do_nothing()
    if (await session.execute(insert.returning(col(Application.id)))).first() is None:
        raise await already_applied(session, application.person, application.unit_key, application.subject)


async def refuse_beside(session: AsyncSession, unit_key: str, subjects: Collection[str]) -> None:
    """Raises :class:`ExcludedByAnother` when the unit has an active application of one of the subjects.

    Of two at the same time the second waits for the first to end: under a lock of the unit on PostgreSQL, by the one
    writer on SQLite.
    """
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:unit, 1))"), {"unit": unit_key})
    title = await session.scalar(
        select(col(Application.title))
        .where(
            col(Application.unit_key) == unit_key,
            col(Application.subject).in_(sorted(subjects)),
            col(Application.status).in_(ACTIVE),
        )
        .limit(1)
    )
    if title is not None:
        raise ExcludedByAnother(other=Text(**title))


async def already_applied(session: AsyncSession, person: UUID, unit_key: str, subject: str) -> AlreadyApplied:
    """The error, with the active application's id if it is this person's; another parent's stays unnamed."""
    return AlreadyApplied(await active(session, person, unit_key, subject))


async def active(session: AsyncSession, person: UUID, unit_key: str, subject: str) -> UUID | None:
    """The person's own active application for that unit and subject."""
    found: UUID | None = await session.scalar(
        select(col(Application.id)).where(
            col(Application.person) == person,
            col(Application.unit_key) == unit_key,
            col(Application.subject) == subject,
            col(Application.status).in_(ACTIVE),
        )
    )
    return found


async def is_taken(session: AsyncSession, unit_key: str, subject: str, *, but: UUID) -> bool:
    """Whether the unit has another active application for it, whoever's."""
    query = select(col(Application.id)).where(
        col(Application.unit_key) == unit_key,
        col(Application.subject) == subject,
        col(Application.status).in_(ACTIVE),
        col(Application.id) != but,
    )
    return await session.scalar(query.limit(1)) is not None


async def own(session: AsyncSession, person: UUID, application: UUID, *, lock: bool = False) -> Application | None:
    """The person's application; `lock` keeps others from changing it until the transaction ends (PostgreSQL)."""
    query = select(Application).where(col(Application.person) == person, col(Application.id) == application)
    found: Application | None = await session.scalar(query.with_for_update() if lock else query)
    return found


async def page(session: AsyncSession, person: UUID, limit: int, before: UUID | None) -> Sequence[Application]:
    """The person's applications, newest first, older than `before`."""
    query = select(Application).where(col(Application.person) == person)
    if before is not None:
        query = query.where(col(Application.id) < before)
    return (await session.scalars(query.order_by(col(Application.id).desc()).limit(limit))).all()


async def active_of(session: AsyncSession, person: UUID, subject_prefix: str) -> Sequence[Application]:
    """The person's active applications whose subject begins so."""
    query = select(Application).where(
        col(Application.person) == person,
        col(Application.status).in_(ACTIVE),
        col(Application.subject).startswith(subject_prefix, autoescape=True),
    )
    return (await session.scalars(query)).all()


async def waiting(session: AsyncSession, after: UUID | None, limit: int, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Person and id of applications that wait for an agency's facts, oldest first, for the job that decides them again.

    Those to agencies' services are not ours to decide, nor those that an officer works on; and what was only accepted
    has a job of its own.
    """
    query = select(col(Application.person), col(Application.id)).where(
        col(Application.status) == Status.SUBMITTED,
        col(Application.subject).startswith("programme:"),
        col(Application.decide_at).is_(None),
        ~in_hands(now),
    )
    if after is not None:
        query = query.where(col(Application.id) > after)
    return (await session.execute(query.order_by(col(Application.id)).limit(limit))).tuples().all()


async def overdue(session: AsyncSession, today: date, after: UUID | None, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Person and id of applications whose turn should have ended by now, and that nobody noted as overdue."""
    query = select(col(Application.person), col(Application.id)).where(
        col(Application.status).in_(TIMERS), col(Application.due_on) < today, col(Application.overdue_at).is_(None)
    )
    if after is not None:
        query = query.where(col(Application.id) > after)
    return (await session.execute(query.order_by(col(Application.id)).limit(limit))).tuples().all()


async def ending_soon(
    session: AsyncSession, today: date, soon: date, after: UUID | None, limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """Person and id of applications whose turn ends between these days, of whom nobody was reminded."""
    query = select(col(Application.person), col(Application.id)).where(
        col(Application.status).in_(TIMERS),
        col(Application.due_on).between(today, soon),
        col(Application.reminded_at).is_(None),
    )
    if after is not None:
        query = query.where(col(Application.id) > after)
    return (await session.execute(query.order_by(col(Application.id)).limit(limit))).tuples().all()


async def undated(session: AsyncSession, limit: int) -> Sequence[Application]:
    """Applications that wait and have no last day: from before turns were timed, or of a year that was not known."""
    query = select(Application).where(col(Application.status).in_(TIMERS), col(Application.due_on).is_(None))
    return (await session.scalars(query.order_by(col(Application.id)).limit(limit))).all()


async def set_due_on(session: AsyncSession, application: Application, due_on: date) -> None:
    """Unless it moved since it was read."""
    await session.execute(
        update(Application)
        .where(
            col(Application.person) == application.person,
            col(Application.id) == application.id,
            col(Application.version) == application.version,
        )
        .values(due_on=due_on)
        .execution_options(synchronize_session=False)
    )


async def overdue_of(
    session: AsyncSession, subjects: Collection[str], today: date, limit: int
) -> Sequence[Application]:
    """Those that an agency should have decided by now, longest overdue first, for its officers."""
    query = select(Application).where(
        col(Application.status).in_([status for status, turn in TURNS.items() if turn is Turn.AGENCY]),
        col(Application.subject).in_(subjects),
        col(Application.due_on) < today,
    )
    return (await session.scalars(query.order_by(col(Application.due_on), col(Application.id)).limit(limit))).all()


async def unwatched(
    session: AsyncSession, before: date, closed_since: datetime, after: UUID | None, limit: int
) -> Sequence[Application]:
    """Applications for programmes about whose people the register was last asked before that day: active ones, and
    decided ones that were closed since that moment, for somebody may have died before."""
    closed = col(Application.status).in_([Status.LAPSED, Status.WITHDRAWN, Status.ENDED])
    lately = and_(closed, col(Application.decided_at).is_not(None), col(Application.updated_at) >= closed_since)
    query = select(Application).where(
        or_(col(Application.status).in_(ACTIVE), lately),
        col(Application.subject).startswith("programme:", autoescape=True),
        or_(col(Application.watched_on).is_(None), col(Application.watched_on) <= before),
    )
    if after is not None:
        query = query.where(col(Application.id) > after)
    return (await session.scalars(query.order_by(col(Application.id)).limit(limit))).all()


async def watched(session: AsyncSession, person: UUID, application: UUID, on: date) -> None:
    await session.execute(
        update(Application)
        .where(col(Application.person) == person, col(Application.id) == application)
        .values(watched_on=on)
        .execution_options(synchronize_session=False)
    )


async def ending(session: AsyncSession, subjects: Collection[str], ending: str) -> Sequence[Application]:
    """Applications for these subjects whose id is, or ends with, these hexadecimal digits, two at most."""
    written = func.replace(cast(col(Application.id), String), "-", "")
    query = select(Application).where(col(Application.subject).in_(subjects), written.endswith(ending, autoescape=True))
    return (await session.scalars(query.limit(2))).all()


async def store(session: AsyncSession, application: Application, changes: dict[str, Any]) -> None:
    """Writes the changes. Raises :class:`AlreadyApplied` when the new status makes it the unit's second active one."""
    query = (
        update(Application)
        .where(col(Application.person) == application.person, col(Application.id) == application.id)
        .values(**changes)
        .execution_options(synchronize_session=False)
    )
    person, unit_key, subject = application.person, application.unit_key, application.subject
    try:
        async with session.begin_nested():
            await session.execute(query)
    except IntegrityError:
        raise await already_applied(session, person, unit_key, subject) from None
    await session.refresh(application)


async def add_event(session: AsyncSession, application: Application, event: dict[str, Any]) -> None:
    """Appends with the next number; the caller holds the application's lock."""
    last = await session.scalar(
        select(func.max(col(ApplicationEvent.sequence))).where(
            col(ApplicationEvent.person) == application.person, col(ApplicationEvent.application) == application.id
        )
    )
    session.add(
        ApplicationEvent(person=application.person, application=application.id, sequence=(last or 0) + 1, **event)
    )
    await session.flush()


async def events(
    session: AsyncSession, person: UUID, applications: Collection[UUID]
) -> dict[UUID, list[ApplicationEvent]]:
    """By application, oldest first."""
    query = select(ApplicationEvent).where(
        col(ApplicationEvent.person) == person, col(ApplicationEvent.application).in_(applications)
    )
    by_application: dict[UUID, list[ApplicationEvent]] = {application: [] for application in applications}
    for event in await session.scalars(query.order_by(col(ApplicationEvent.sequence))):
        by_application[event.application].append(event)
    return by_application


async def last_decisions(session: AsyncSession, person: UUID, applications: Collection[UUID]) -> dict[UUID, Decision]:
    """The latest decision on each application that has one."""
    query = select(Decision).where(col(Decision.person) == person, col(Decision.application).in_(applications))
    return {
        decision.application: decision for decision in await session.scalars(query.order_by(col(Decision.sequence)))
    }


async def decisions(session: AsyncSession, person: UUID, applications: Collection[UUID]) -> dict[UUID, list[Decision]]:
    """By application, newest first."""
    query = select(Decision).where(col(Decision.person) == person, col(Decision.application).in_(applications))
    found: dict[UUID, list[Decision]] = {application: [] for application in applications}
    for row in await session.scalars(query.order_by(col(Decision.sequence).desc())):
        found[row.application].append(row)
    return found


async def last_decision(session: AsyncSession, application: UUID) -> Decision | None:
    """The latest decision on an application, for the rooms that act for the state: payment, replay."""
    query = select(Decision).where(col(Decision.application) == application)
    found: Decision | None = await session.scalar(query.order_by(col(Decision.sequence).desc()).limit(1))
    return found


async def first_granted(session: AsyncSession, application: UUID) -> Decision | None:
    """The decision that granted it first, for the room that pays."""
    query = select(Decision).where(col(Decision.application) == application, col(Decision.outcome) == "GRANTED")
    found: Decision | None = await session.scalar(query.order_by(col(Decision.sequence)).limit(1))
    return found


async def applied_at(session: AsyncSession, person: UUID, application: UUID) -> datetime:
    """When an application of this person was submitted."""
    query = select(col(Application.created_at)).where(
        col(Application.person) == person, col(Application.id) == application
    )
    return (await session.scalars(query)).one()


async def decision(session: AsyncSession, decision_id: UUID) -> Decision | None:
    """A decision by its id, for replay on the server's console."""
    found: Decision | None = await session.scalar(select(Decision).where(col(Decision.id) == decision_id))
    return found


async def add_appeal(session: AsyncSession, appeal: Appeal) -> None:
    """Raises :class:`NotRejected` when one is open: the application is then under appeal already."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(Appeal).values(**appeal.model_dump()).on_conflict_do_nothing()
    if (await session.execute(insert.returning(col(Appeal.id)))).first() is None:
        raise NotRejected


async def close_appeal(session: AsyncSession, application: Application, outcome: str) -> None:
    """Closes the open appeal, if there is one, at the time of the application's last change."""
    await session.execute(
        update(Appeal)
        .where(
            col(Appeal.person) == application.person,
            col(Appeal.application) == application.id,
            col(Appeal.closed_at).is_(None),
        )
        .values(closed_at=application.updated_at, outcome=outcome)
        .execution_options(synchronize_session=False)
    )
