"""Queries of what is to be looked at again. They are of the state's own work, over everybody's applications."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.apply import repository
from services.apply.models import Application, ApplicationEvent, HouseholdLook, Reassessment
from services.apply.states import GRANTED, Status

BATCH = 1_000
"""Of each cause so many are noted at a time; the rest at the next turn."""
_PROGRAMMES = "programme:"


async def add(session: AsyncSession, row: Reassessment) -> bool:
    """Whether it is new: the same cause with the same reference is there once."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(Reassessment).values(**row.model_dump()).on_conflict_do_nothing()
    return (await session.execute(insert.returning(col(Reassessment.id)))).first() is not None


async def due(session: AsyncSession, now: datetime, after: UUID | None, limit: int) -> Sequence[Reassessment]:
    query = select(Reassessment).where(col(Reassessment.done_at).is_(None), col(Reassessment.due_at) <= now)
    if after is not None:
        query = query.where(col(Reassessment.id) > after)
    return (await session.scalars(query.order_by(col(Reassessment.id)).limit(limit))).all()


async def done(session: AsyncSession, row: Reassessment, outcome: str, at: datetime) -> bool:
    """Whether this was the one that did it. Waits for a concurrent attempt to end."""
    query = update(Reassessment).where(*_of(row), col(Reassessment.done_at).is_(None))
    query = query.values(done_at=at, outcome=outcome).returning(col(Reassessment.id))
    return (await session.execute(query.execution_options(synchronize_session=False))).first() is not None


async def put_off(session: AsyncSession, row: Reassessment, until: datetime) -> None:
    query = update(Reassessment).where(*_of(row), col(Reassessment.done_at).is_(None))
    query = query.values(due_at=until, attempts=col(Reassessment.attempts) + 1)
    await session.execute(query.execution_options(synchronize_session=False))


async def changed(session: AsyncSession, today: date) -> Sequence[Application]:
    """Grants whose answer changes by itself today or before, that nobody noted."""
    query = _granted().where(
        col(Application.changes_on) <= today,
        ~_is_owed("CHANGES_ON", col(Reassessment.since) == col(Application.changes_on)),
    )
    return (await session.scalars(query.limit(BATCH))).all()


async def of_other_law(session: AsyncSession, subject: str, law: str) -> Sequence[Application]:
    """Grants of the subject that were decided by another version of the law, that nobody noted."""
    other = or_(col(Application.law_from).is_(None), col(Application.law_from) != law)
    query = _granted().where(
        col(Application.subject) == subject, other, ~_is_owed("NEW_LAW", col(Reassessment.reference) == law)
    )
    return (await session.scalars(query.limit(BATCH))).all()


async def about(session: AsyncSession, person: UUID, at: datetime) -> Sequence[Application]:
    """Grants of the person's, or for them, as they stood at that time: those withdrawn or lapsed since then, too."""
    theirs = or_(col(Application.person) == person, col(Application.beneficiary) == person)
    let_go = _programmes().where(theirs, *_let_go(), col(Application.updated_at) >= at)
    return [*(await session.scalars(_granted().where(theirs))), *(await session.scalars(let_go))]


async def looked_for(session: AsyncSession, corrections: Collection[UUID]) -> set[UUID]:
    """Of which corrections it is known whose household they concern."""
    query = select(col(HouseholdLook.correction)).where(col(HouseholdLook.correction).in_(list(corrections)))
    return set((await session.scalars(query)).all())


async def note_look(session: AsyncSession, person: UUID, correction: UUID, now: datetime) -> None:
    """Noted twice it is noted once."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    row = {"person": person, "correction": correction, "looked_at": now}
    await session.execute(dialect.insert(HouseholdLook).values(**row).on_conflict_do_nothing())


async def forget_looks(session: AsyncSession, before: datetime) -> None:
    """What is too old to be asked for goes, whether anything is corrected meanwhile or not."""
    await session.execute(delete(HouseholdLook).where(col(HouseholdLook.looked_at) < before))


async def was_granted(session: AsyncSession, application: Application) -> bool:
    """Whether it was in force at some time."""
    query = select(col(ApplicationEvent.sequence)).where(
        col(ApplicationEvent.person) == application.person,
        col(ApplicationEvent.application) == application.id,
        col(ApplicationEvent.status).in_(GRANTED),
    )
    return await session.scalar(query.limit(1)) is not None


async def count_from(session: AsyncSession, application: Application, since: date) -> None:
    """The decision that it waits for counts from that day, unless from an earlier one. The caller holds its lock."""
    if application.review_since is None or since < application.review_since:
        await repository.store(session, application, {"review_since": since})


async def let_go(session: AsyncSession, person: UUID, application: UUID) -> Application | None:
    """The application, if it was granted, and withdrawn as that, or lapsed because the citizen did not answer."""
    query = _programmes().where(col(Application.person) == person, col(Application.id) == application, *_let_go())
    found: Application | None = await session.scalar(query)
    return found


async def granted(session: AsyncSession, person: UUID, application: UUID) -> Application | None:
    query = _granted().where(col(Application.person) == person, col(Application.id) == application)
    found: Application | None = await session.scalar(query)
    return found


def _granted() -> Select[tuple[Application]]:
    return _programmes().where(col(Application.status).in_(GRANTED))


def _programmes() -> Select[tuple[Application]]:
    return select(Application).where(col(Application.subject).startswith(_PROGRAMMES, autoescape=True))


_LET_GO: Final = (Status.WITHDRAWN, Status.LAPSED)


def _let_go() -> tuple[ColumnElement[bool], ...]:
    """What the citizen ended, by a word or by none: the step before the last led to a grant that was in force."""
    before = select(col(ApplicationEvent.status)).where(
        col(ApplicationEvent.person) == col(Application.person),
        col(ApplicationEvent.application) == col(Application.id),
        col(ApplicationEvent.status).not_in(_LET_GO),
    )
    last = before.order_by(col(ApplicationEvent.sequence).desc()).limit(1).scalar_subquery()
    return col(Application.status).in_(_LET_GO), last.in_(GRANTED)


def _is_owed(cause: str, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(
        select(1).where(
            col(Reassessment.person) == col(Application.person),
            col(Reassessment.application) == col(Application.id),
            col(Reassessment.cause) == cause,
            *more,
        )
    )


def _of(row: Reassessment) -> tuple[ColumnElement[bool], ...]:
    return col(Reassessment.person) == row.person, col(Reassessment.id) == row.id
