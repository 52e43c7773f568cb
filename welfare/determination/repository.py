"""Queries of determinations. They are of the agency's own work, under the decision of its two officers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import SQLModel, col

from services.apply.models import Application
from services.apply.states import ACTIVE
from welfare.determination.models import DeterminationAnswer, DeterminationRun, EntitlementSpell
from welfare.determination.purposes import Kind, Whom
from welfare.entitlements.assessment import PROGRAMME

_ROWS_AT_ONCE = 1_000
LISTED_MAX = 100


def left_out(whom: Whom, programmes: Collection[str]) -> Select[tuple[UUID]] | None:
    """Of everybody, the keys of those who are not in the population."""
    if whom is Whom.EVERYBODY:
        return None
    subjects = [PROGRAMME + slug for slug in set(programmes)]
    return (
        select(col(Application.beneficiary))
        .where(col(Application.subject).in_(subjects), col(Application.status).in_([status.value for status in ACTIVE]))
        .group_by(col(Application.beneficiary))
        .having(func.count(func.distinct(col(Application.subject))) == len(subjects))
    )


def _has_applied(beneficiary: Mapped[UUID], slugs: Collection[str]) -> ColumnElement[bool]:
    """Whoever applied for them: of a child the other parent, too."""
    return exists().where(
        col(Application.beneficiary) == beneficiary,
        col(Application.subject).in_([PROGRAMME + slug for slug in slugs]),
        col(Application.status).in_([status.value for status in ACTIVE]),
    )


async def get(session: AsyncSession, run: UUID) -> DeterminationRun | None:
    return await session.get(DeterminationRun, run, populate_existing=True)


async def locked(session: AsyncSession, run: UUID) -> DeterminationRun | None:
    """For one worker at a time, until the transaction ends."""
    query = select(DeterminationRun).where(col(DeterminationRun.id) == run).with_for_update()
    row: DeterminationRun | None = await session.scalar(query.execution_options(populate_existing=True))
    return row


async def of_agency(session: AsyncSession, agency: str) -> Sequence[DeterminationRun]:
    query = select(DeterminationRun).where(col(DeterminationRun.agency) == agency)
    return (await session.scalars(query.order_by(col(DeterminationRun.id).desc()).limit(LISTED_MAX))).all()


async def followed(session: AsyncSession, now: datetime) -> Sequence[DeterminationRun]:
    """Registers that are drawn up, and whose day has not come."""
    query = select(DeterminationRun).where(
        col(DeterminationRun.kind) == Kind.REGISTER.value,
        col(DeterminationRun.state) == "DECIDED",
        col(DeterminationRun.keep_until) > now,
    )
    return (await session.scalars(query.order_by(col(DeterminationRun.id)))).all()


async def replace_answers(
    session: AsyncSession,
    run: UUID,
    programme: str,
    people: Sequence[UUID],
    outcomes: Mapping[tuple[UUID, UUID], str],
    on: date,
) -> None:
    """Of these people all answers on the programme: `outcomes` by person and beneficiary. Of whom the rules said no
    there is none."""
    found: dict[UUID, list[dict[str, object]]] = {}
    for (person, beneficiary), outcome in outcomes.items():
        row = {"person": person, "run": run, "programme": programme, "beneficiary": beneficiary}
        found.setdefault(person, []).append({**row, "outcome": outcome, "decided_on": on})
    for at in range(0, len(people), _ROWS_AT_ONCE):
        some = people[at : at + _ROWS_AT_ONCE]
        await session.execute(
            delete(DeterminationAnswer)
            .where(
                col(DeterminationAnswer.run) == run,
                col(DeterminationAnswer.programme) == programme,
                col(DeterminationAnswer.person).in_(some),
            )
            .execution_options(synchronize_session=False)
        )
        rows = [row for one in some for row in found.get(one, ())]
        if rows:
            await session.execute(insert(SQLModel.metadata.tables[str(DeterminationAnswer.__tablename__)]), rows)


async def counts(session: AsyncSession, run: UUID) -> dict[tuple[str, str], int]:
    """By programme and outcome."""
    answer = DeterminationAnswer
    query = (
        select(col(answer.programme), col(answer.outcome), func.count())
        .where(col(answer.run) == run)
        .group_by(col(answer.programme), col(answer.outcome))
    )
    return {(programme, outcome): count for programme, outcome, count in (await session.execute(query)).tuples()}


async def not_applied(session: AsyncSession, run: UUID, programme: str, beside: Collection[str] = ()) -> int:
    """How many are entitled and have no application now, neither for the programme nor for one of `beside`, which
    nobody may have together with it."""
    answer = DeterminationAnswer
    query = select(func.count()).where(
        col(answer.run) == run,
        col(answer.programme) == programme,
        col(answer.outcome) == "MET",
        ~_has_applied(col(answer.beneficiary), [programme, *beside]),
    )
    return await session.scalar(query) or 0


async def applied(session: AsyncSession, programmes: Collection[str], beneficiaries: Collection[UUID]) -> set[UUID]:
    """For whom there is an application for one of them, whoever made it."""
    query = select(col(Application.beneficiary)).where(
        col(Application.beneficiary).in_(list(beneficiaries)),
        col(Application.subject).in_([PROGRAMME + one for one in programmes]),
        col(Application.status).in_([status.value for status in ACTIVE]),
    )
    return set((await session.scalars(query)).all())


async def last_spells(
    session: AsyncSession, programme: str, people: Collection[UUID]
) -> Mapping[tuple[UUID, UUID], EntitlementSpell]:
    """By person and beneficiary."""
    spell = EntitlementSpell
    newest = (
        select(
            col(spell.person).label("person"),
            col(spell.beneficiary).label("beneficiary"),
            func.max(col(spell.number)).label("number"),
        )
        .where(col(spell.programme) == programme, col(spell.person).in_(list(people)))
        .group_by(col(spell.person), col(spell.beneficiary))
        .subquery()
    )
    query = select(spell).join(
        newest,
        and_(
            col(spell.person) == newest.c.person,
            col(spell.beneficiary) == newest.c.beneficiary,
            col(spell.number) == newest.c.number,
        ),
    )
    rows = await session.scalars(query.where(col(spell.programme) == programme))
    return {(row.person, row.beneficiary): row for row in rows}


class Untold(NamedTuple):
    spells: Sequence[EntitlementSpell]
    last: tuple[UUID, str] | None
    """After which person and programme the next page begins; None at the end."""


async def untold(session: AsyncSession, limit: int, after: tuple[UUID, str] | None) -> Untold:
    """The spells of so many people and programmes. Of several workers each gets others; whose turn it is stays theirs
    until the transaction ends. Nobody's spells of one programme are parted: who holds the first of them has all, and
    where somebody else changes one at this moment they are left for the next time."""
    spell, earlier = EntitlementSpell, aliased(EntitlementSpell)
    waits = col(spell.told_at).is_(None), col(spell.ended_on).is_(None)
    before = exists().where(
        col(earlier.person) == col(spell.person),
        col(earlier.programme) == col(spell.programme),
        col(earlier.beneficiary) < col(spell.beneficiary),
        col(earlier.told_at).is_(None),
        col(earlier.ended_on).is_(None),
    )
    first = select(spell).where(*waits, ~before)
    if after is not None:
        person, programme = after
        later = and_(col(spell.person) == person, col(spell.programme) > programme)
        first = first.where(or_(col(spell.person) > person, later))
    first = first.order_by(col(spell.person), col(spell.programme)).limit(limit)
    held = [(one.person, one.programme) for one in await session.scalars(first.with_for_update(skip_locked=True))]
    if not held:
        return Untold([], None)
    theirs = select(spell).where(*waits, tuple_(col(spell.person), col(spell.programme)).in_(held))
    theirs = theirs.order_by(col(spell.person), col(spell.programme), col(spell.beneficiary))
    mine = (await session.scalars(theirs.with_for_update(skip_locked=True))).all()
    keys = {(one.person, one.programme, one.beneficiary) for one in mine}
    there = await session.execute(
        theirs.with_only_columns(col(spell.person), col(spell.programme), col(spell.beneficiary))
    )
    parted = {(row[0], row[1]) for row in there.tuples() if tuple(row) not in keys}
    whole = [one for one in mine if (one.person, one.programme) not in parted]
    return Untold(whole, held[-1] if len(held) == limit else None)


async def standing(
    session: AsyncSession, programme: str, people: Collection[UUID], now: datetime
) -> Mapping[tuple[UUID, UUID], date]:
    """By person and beneficiary: of whom a run that tells, and whose day has not come, says that they are entitled; as
    of which day."""
    answer, run = DeterminationAnswer, DeterminationRun
    query = (
        select(col(answer.person), col(answer.beneficiary), func.max(col(answer.decided_on)))
        .join(run, col(run.id) == col(answer.run))
        .where(
            col(answer.person).in_(list(people)),
            col(answer.programme) == programme,
            col(answer.outcome) == "MET",
            col(run.tells).is_(True),
            col(run.state) == "DECIDED",
            col(run.keep_until) > now,
        )
        .group_by(col(answer.person), col(answer.beneficiary))
    )
    return {(person, child): day for person, child, day in (await session.execute(query)).tuples()}


async def died(session: AsyncSession, people: Collection[UUID]) -> set[UUID]:
    """Of whom the civil register said so when one of their applications was looked at."""
    query = select(col(Application.beneficiary)).where(
        col(Application.beneficiary).in_(list(people)), col(Application.status) == "DECEASED"
    )
    return set((await session.scalars(query)).all())


async def forget(session: AsyncSession, run: UUID) -> int:
    gone = await session.execute(delete(DeterminationAnswer).where(col(DeterminationAnswer.run) == run))
    return gone.rowcount  # type: ignore[attr-defined,no-any-return]  # of a CursorResult, which DML answers


async def due(session: AsyncSession, now: datetime) -> Sequence[DeterminationRun]:
    query = select(DeterminationRun).where(
        col(DeterminationRun.keep_until) <= now, col(DeterminationRun.state) != "DELETED"
    )
    query = query.order_by(col(DeterminationRun.id)).with_for_update(skip_locked=True)
    return (await session.scalars(query)).all()


async def forget_spells(session: AsyncSession, day: date) -> int:
    """Deletes spells that ended before that day, or began before it and have not ended."""
    last = func.coalesce(col(EntitlementSpell.ended_on), col(EntitlementSpell.began_on))
    gone = await session.execute(delete(EntitlementSpell).where(last < day))
    return gone.rowcount  # type: ignore[attr-defined,no-any-return]  # of a CursorResult, which DML answers


async def set_followed(session: AsyncSession, run: UUID, at: datetime) -> None:
    await session.execute(
        update(DeterminationRun)
        .where(col(DeterminationRun.id) == run)
        .values(followed_at=at)
        .execution_options(synchronize_session=False)
    )
