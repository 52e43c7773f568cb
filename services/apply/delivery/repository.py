"""Queries of what is owed to agencies. Those that read a citizen's rows take the citizen first; jobs' do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import SQLColumnExpression
from sqlmodel import col

from core.ids import new_id
from services.apply.delivery.models import AgencyEvent, DeliveryAttempt, ServiceCase
from services.apply.delivery.states import (
    EVENTS_KEPT,
    GIVEN_UP,
    GIVEN_UP_AFTER,
    NOTIFY,
    STUCK_AFTER,
    STUCK_ATTEMPTS,
    Step,
)

LEASED: Final = timedelta(seconds=60)
"""Longer than any call may take (`TIME_LIMIT_SECONDS_MAX`, and as long again for a place). Who was killed is followed
by another when it is over."""


async def case(session: AsyncSession, person: UUID, application: UUID, *, lock: bool = False) -> ServiceCase | None:
    query = select(ServiceCase).where(*_of(person, application)).execution_options(populate_existing=True)
    found: ServiceCase | None = await session.scalar(query.with_for_update() if lock else query)
    return found


async def cases(session: AsyncSession, person: UUID, applications: Collection[UUID]) -> dict[UUID, ServiceCase]:
    """By application."""
    query = select(ServiceCase).where(col(ServiceCase.person) == person, col(ServiceCase.application).in_(applications))
    return {row.application: row for row in await session.scalars(query)}


async def plugins_of(session: AsyncSession, person: UUID) -> frozenset[str]:
    """Slugs of the services that may know the person, because an application of theirs was sent there."""
    query = select(col(ServiceCase.plugin)).where(
        col(ServiceCase.person) == person, col(ServiceCase.sent_at).is_not(None)
    )
    return frozenset(await session.scalars(query.distinct()))


async def sent(session: AsyncSession, person: UUID) -> Sequence[ServiceCase]:
    """Of the person's applications those that an agency may have."""
    query = select(ServiceCase).where(col(ServiceCase.person) == person, col(ServiceCase.sent_at).is_not(None))
    return (await session.scalars(query.order_by(col(ServiceCase.application)))).all()


async def store(session: AsyncSession, person: UUID, application: UUID, values: Mapping[str, Any]) -> None:
    await session.execute(
        update(ServiceCase)
        .where(*_of(person, application))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def store_leased(session: AsyncSession, case: ServiceCase, values: Mapping[str, Any]) -> bool:
    """:func:`store` if it is still this one's turn; whether it was."""
    done = await session.execute(
        update(ServiceCase)
        .where(*_of(case.person, case.application), col(ServiceCase.lease) == case.lease)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]  # of a CursorResult, which DML answers


async def overdue(session: AsyncSession, now: datetime, *, limit: int) -> Sequence[ServiceCase]:
    """Cases to be given up, longest owed first; nobody is at one of them, or can begin while `session` lasts."""
    query = select(ServiceCase).where(
        col(ServiceCase.due_at).is_not(None), ~_in_time(ServiceCase, now), _free(ServiceCase, now)
    )
    query = query.order_by(col(ServiceCase.owed_since)).limit(limit).with_for_update(skip_locked=True)
    return (await session.scalars(query)).all()


async def owing(session: AsyncSession, now: datetime) -> frozenset[str]:
    """Slugs of the plugins to which something is due."""
    of_cases = await session.scalars(select(col(ServiceCase.plugin)).where(*_due(ServiceCase, now)).distinct())
    of_events = await session.scalars(select(col(AgencyEvent.plugin)).where(*_due(AgencyEvent, now)).distinct())
    return frozenset(of_cases) | frozenset(of_events)


async def claim_cases(
    session: AsyncSession,
    now: datetime,
    *,
    limit: int,
    plugin: str | None = None,
    only: tuple[UUID, UUID] | None = None,
) -> Sequence[ServiceCase]:
    """Leases cases that are due, longest due first, and counts the attempt; or `only` that one, due or not.

    Two who claim at once get different ones: on PostgreSQL a row that another looks at is passed over, on SQLite a
    write session is alone.
    """
    query = select(ServiceCase).order_by(col(ServiceCase.due_at)).limit(limit)
    if only is None:
        query = query.where(col(ServiceCase.plugin) == plugin, *_due(ServiceCase, now))
    else:
        query = query.where(*_of(*only), col(ServiceCase.due_at).is_not(None), _free(ServiceCase, now))
    rows = (await session.scalars(query.with_for_update(skip_locked=True))).all()
    for row in rows:
        row.lease, row.leased_until, row.tried_at = new_id(), now + LEASED, now
        row.attempts += 1
        if row.step == Step.SUBMIT:
            row.sent_at = row.sent_at or now
    await session.flush()
    return rows


def is_first(case: ServiceCase) -> bool:
    """Of a leased case: whether nothing of it can have left for the agency before this turn."""
    return case.sent_at is not None and case.leased_until == case.sent_at + LEASED


async def claim_events(session: AsyncSession, now: datetime, *, limit: int, plugin: str) -> Sequence[AgencyEvent]:
    """:func:`claim_cases` of events."""
    query = select(AgencyEvent).where(col(AgencyEvent.plugin) == plugin, *_due(AgencyEvent, now))
    query = query.order_by(col(AgencyEvent.due_at)).limit(limit)
    rows = (await session.scalars(query.with_for_update(skip_locked=True))).all()
    for row in rows:
        row.lease, row.leased_until = new_id(), now + LEASED
        row.attempts += 1
    await session.flush()
    return rows


async def put_off(session: AsyncSession, plugin: str, now: datetime, until: datetime, trouble: str) -> None:
    """What is due to a plugin that is not there: looked at again then. It is not tried, and counts as no attempt."""
    for model in (ServiceCase, AgencyEvent):
        await session.execute(
            update(model)
            .where(model.plugin == plugin, *_due(model, now))  # type: ignore[arg-type]  # a column by its class
            .values(due_at=until, trouble=trouble)
            .execution_options(synchronize_session=False)
        )


async def unpaid(
    session: AsyncSession, *, remind: datetime, lapse: datetime, limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """Person and application of what is approved and whose fee is not paid, where a reminder was due at `remind`, or
    the time was over at `lapse`; the earliest first."""
    is_due = (col(ServiceCase.remind_at) <= remind) | (col(ServiceCase.pay_by) <= lapse)
    query = select(col(ServiceCase.person), col(ServiceCase.application)).where(
        col(ServiceCase.pay_by).is_not(None), is_due
    )
    rows = await session.execute(query.order_by(col(ServiceCase.pay_by)).limit(limit))
    return [(person, application) for person, application in rows.tuples()]


async def add_event(session: AsyncSession, event: AgencyEvent) -> None:
    """Once: who notes the same again changes nothing."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    await session.execute(dialect.insert(AgencyEvent).values(**event.model_dump()).on_conflict_do_nothing())


async def events_of(session: AsyncSession, applications: Collection[UUID]) -> Sequence[AgencyEvent]:
    """Events about these applications that were not told yet, to be changed in this transaction."""
    about = [one.hex for one in applications]
    query = select(AgencyEvent).where(col(AgencyEvent.application).in_(about)).order_by(col(AgencyEvent.id))
    return (await session.scalars(query.with_for_update())).all()


async def close_event(session: AsyncSession, event: UUID, lease: UUID | None) -> bool:
    """Deletes one that was told or given up; whether it was still this one's turn."""
    gone = await session.execute(
        delete(AgencyEvent).where(col(AgencyEvent.id) == event, col(AgencyEvent.lease) == lease)
    )
    return bool(gone.rowcount)  # type: ignore[attr-defined]  # of a CursorResult, which DML answers


async def put_off_event(session: AsyncSession, event: UUID, lease: UUID | None, values: Mapping[str, Any]) -> bool:
    done = await session.execute(
        update(AgencyEvent)
        .where(col(AgencyEvent.id) == event, col(AgencyEvent.lease) == lease)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]  # of a CursorResult, which DML answers


async def drop_events(session: AsyncSession, before: datetime) -> Mapping[str, int]:
    """Deletes events of before then, which nobody took; how many, by plugin."""
    gone = await session.scalars(
        delete(AgencyEvent).where(col(AgencyEvent.at) < before).returning(col(AgencyEvent.plugin))
    )
    dropped: dict[str, int] = {}
    for plugin in gone:
        dropped[plugin] = dropped.get(plugin, 0) + 1
    return dropped


def add_attempt(session: AsyncSession, owed: UUID, plugin: str, step: str, at: datetime, outcome: str, ms: int) -> None:
    session.add(
        DeliveryAttempt(id=new_id(), owed=owed.hex, plugin=plugin, step=step, at=at, outcome=outcome, milliseconds=ms)
    )


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed to one plugin, for operators: no word of whose it is."""

    plugin: str
    step: str
    count: int
    stuck: int
    """Of them, those that were tried too often or wait too long."""
    oldest: datetime
    trouble: str | None
    """One of those that they met."""
    failed: int = 0
    """Of them, those that were given up: nothing happens before somebody has them tried again. They are stuck too."""


async def owed(session: AsyncSession, now: datetime) -> Sequence[Owed]:
    """All that is owed but looks at the state that go well, which are always owed; most trouble first."""
    step, looks = col(ServiceCase.step), col(ServiceCase.step) == Step.STATUS.value
    failed = col(ServiceCase.failed_at).is_not(None)
    of_cases = select(
        col(ServiceCase.plugin),
        step,
        func.count(),
        func.count().filter(failed | _is_stuck(ServiceCase, col(ServiceCase.owed_since), now)),
        func.min(col(ServiceCase.owed_since)),
        func.max(col(ServiceCase.trouble)),
        func.count().filter(failed),
    ).where(col(ServiceCase.due_at).is_not(None) | failed, ~looks | col(ServiceCase.trouble).is_not(None))
    of_events = select(
        col(AgencyEvent.plugin),
        literal(NOTIFY),
        func.count(),
        func.count().filter(_is_stuck(AgencyEvent, col(AgencyEvent.at), now)),
        func.min(col(AgencyEvent.at)),
        func.max(col(AgencyEvent.trouble)),
        literal(0),
    )
    rows = [
        *(await session.execute(of_cases.group_by(col(ServiceCase.plugin), step))).tuples(),
        *(await session.execute(of_events.group_by(col(AgencyEvent.plugin)))).tuples(),
    ]
    return sorted((Owed(*row) for row in rows), key=lambda one: (-one.stuck, -one.count, one.plugin, one.step))


async def hurry(session: AsyncSession, plugin: str, now: datetime) -> int:
    """Makes all that is owed to a plugin due now, what was given up too; how many."""
    revived = await session.execute(
        update(ServiceCase)
        .where(col(ServiceCase.plugin) == plugin, col(ServiceCase.failed_at).is_not(None))
        .values(failed_at=None, due_at=now, owed_since=now, attempts=0)
        .execution_options(synchronize_session=False)
    )
    hurried = int(revived.rowcount)  # type: ignore[attr-defined]  # of a CursorResult, which DML answers
    for model in (ServiceCase, AgencyEvent):
        done = await session.execute(
            update(model)
            .where(model.plugin == plugin, model.due_at > now)  # type: ignore[arg-type, operator]  # columns by class
            .values(due_at=now)
            .execution_options(synchronize_session=False)
        )
        hurried += done.rowcount  # type: ignore[attr-defined]  # of a CursorResult, which DML answers
    return hurried


def _of(person: UUID, application: UUID) -> tuple[ColumnElement[bool], ...]:
    return col(ServiceCase.person) == person, col(ServiceCase.application) == application


def _is_stuck(
    model: type[ServiceCase | AgencyEvent], since: SQLColumnExpression[datetime], now: datetime
) -> ColumnElement[bool]:
    return or_(col(model.attempts) >= STUCK_ATTEMPTS, col(model.trouble).is_not(None) & (since < now - STUCK_AFTER))


def _due(model: type[ServiceCase | AgencyEvent], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return col(model.due_at) <= now, _free(model, now), _in_time(model, now)


def _in_time(model: type[ServiceCase | AgencyEvent], now: datetime) -> ColumnElement[bool]:
    """Whether it may be sent (again): the agency surely remembers its key. What is not is given up, or dropped, by the
    job that tidies up, which may come later than the one that sends."""
    if issubclass(model, AgencyEvent):
        return col(AgencyEvent.at) >= now - EVENTS_KEPT
    gives_up = col(ServiceCase.step).in_([step.value for step in GIVEN_UP])
    return or_(~gives_up, col(ServiceCase.owed_since) > now - GIVEN_UP_AFTER)


def _free(model: type[ServiceCase | AgencyEvent], now: datetime) -> ColumnElement[bool]:
    return or_(col(model.leased_until).is_(None), col(model.leased_until) <= now)
