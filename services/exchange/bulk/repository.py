"""Queries of bulk runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, delete, func, insert, literal, or_, update
from sqlalchemy import select as sa_select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from identity.people.models import Person
from services.exchange.bulk.models import BulkMember, BulkRun, BulkTie

MEMBERS_AT_ONCE = 5_000
KEYS_AT_ONCE = 10_000
"""A statement of PostgreSQL has at most 32,767 parameters; of a whole country's changes there are more."""
HOUSE, CHILD, CHILDREN_UNKNOWN = "HOUSE", "CHILD", "CHILDREN_UNKNOWN"
"""Kinds of :class:`BulkTie`."""


class BulkRepository:
    """For the bulk runs' own worker; whoever asks is named by the run."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, run: BulkRun, people: Sequence[UUID] | None, without: Select[tuple[UUID]] | None = None
    ) -> None:
        """People are listed in their order; None is everybody but those whose keys `without` selects."""
        self._session.add(run)
        await self._session.flush()
        table = SQLModel.metadata.tables[str(BulkMember.__tablename__)]
        if people is None:
            chosen = sa_select(col(Person.id), literal(run.id))
            if without is not None:
                chosen = chosen.where(col(Person.id).not_in(without))
            await self._session.execute(insert(table).from_select(["person", "run"], chosen))
            return
        for at in range(0, len(people), MEMBERS_AT_ONCE):
            rows = [{"person": one, "run": run.id} for one in people[at : at + MEMBERS_AT_ONCE]]
            await self._session.execute(insert(table), rows)

    async def keys(self, run: UUID, size: int, after: UUID | None) -> Sequence[UUID]:
        query = select(col(BulkMember.person)).where(col(BulkMember.run) == run)
        if after is not None:
            query = query.where(col(BulkMember.person) > after)
        return (await self._session.scalars(query.order_by(col(BulkMember.person)).limit(size))).all()

    async def get(self, run: UUID) -> BulkRun | None:
        return await self._session.get(BulkRun, run, populate_existing=True)

    async def hold(self, run: UUID, now: datetime, until: datetime, held: datetime | None) -> bool:
        """Takes the run for a worker, or keeps it for the one that has it until `held`."""
        free = or_(col(BulkRun.held_until).is_(None), col(BulkRun.held_until) <= now)
        mine = col(BulkRun.held_until) == held if held is not None else free
        taken = await self._session.execute(
            update(BulkRun).where(col(BulkRun.id) == run, mine).values(held_until=until)
        )
        return bool(taken.rowcount)  # type: ignore[attr-defined]

    async def waiting(self, run: UUID, size: int) -> Sequence[UUID]:
        """People who are yet to be read, in the order of their keys."""
        query = (
            select(col(BulkMember.person))
            .where(col(BulkMember.run) == run, col(BulkMember.read_at).is_(None))
            .order_by(col(BulkMember.person))
            .limit(size)
        )
        return (await self._session.scalars(query)).all()

    async def of(self, run: UUID, people: Collection[UUID]) -> Sequence[BulkMember]:
        query = select(BulkMember).where(col(BulkMember.run) == run, col(BulkMember.person).in_(list(people)))
        return (await self._session.scalars(query.execution_options(populate_existing=True))).all()

    async def wait_again(self, run: UUID, people: Collection[UUID]) -> int:
        """Those of them who are in the run are to be read anew; answers how many they are."""
        count = 0
        for some in _pages(people):
            waiting = await self._session.execute(
                update(BulkMember)
                .where(col(BulkMember.run) == run, col(BulkMember.person).in_(some))
                .values(read_at=None)
                .execution_options(synchronize_session=False)
            )
            count += waiting.rowcount  # type: ignore[attr-defined]  # of a CursorResult, which DML answers
        return count

    async def unused(self, run: UUID, size: int, day: date, *, houses: bool = False) -> Sequence[BulkMember]:
        """Who was read, and of whom something changed since it was last made use of; then whose last use was as of an
        earlier day. In the order of their keys; with `houses` whoever else of their houses is due as well."""
        of_run = select(BulkMember).where(col(BulkMember.run) == run, col(BulkMember.read_at).is_not(None))
        for due in (col(BulkMember.changed) != "", col(BulkMember.used_on) < day):
            found = await self._session.scalars(of_run.where(due).order_by(col(BulkMember.person)).limit(size))
            members = list(found.all())
            if members and houses:
                theirs = select(col(BulkTie.other)).where(
                    col(BulkTie.run) == run,
                    col(BulkTie.person).in_([one.person for one in members]),
                    col(BulkTie.kind) == HOUSE,
                )
                with_them = await self._session.scalars(of_run.where(due, col(BulkMember.person).in_(theirs)))
                members = sorted(
                    {one.person: one for one in (*members, *with_them)}.values(), key=lambda one: one.person
                )
            if members:
                return members
        return []

    async def use(self, run: UUID, people: Collection[UUID], day: date) -> None:
        await self._session.execute(
            update(BulkMember)
            .where(col(BulkMember.run) == run, col(BulkMember.person).in_(list(people)))
            .values(changed="", used_on=day)
            .execution_options(synchronize_session=False)
        )

    async def among(self, run: UUID, people: Collection[UUID]) -> set[UUID]:
        found: set[UUID] = set()
        for some in _pages(people):
            query = select(col(BulkMember.person)).where(col(BulkMember.run) == run, col(BulkMember.person).in_(some))
            found.update(await self._session.scalars(query))
        return found

    async def tied_to(self, run: UUID, others: Collection[UUID], kind: str) -> set[UUID]:
        """For whom something of these was read."""
        found: set[UUID] = set()
        for some in _pages(others):
            query = select(col(BulkTie.person)).where(
                col(BulkTie.run) == run, col(BulkTie.other).in_(some), col(BulkTie.kind) == kind
            )
            found.update(await self._session.scalars(query))
        return found

    async def tie(self, run: UUID, ties: Sequence[dict[str, Any]]) -> None:
        """Of each person in `ties` these instead of what was there. `person`, `other` and `kind` of each."""
        table = SQLModel.metadata.tables[str(BulkTie.__tablename__)]
        rows = [{"run": run, **one} for one in ties]
        for at in range(0, len(rows), MEMBERS_AT_ONCE):
            await self._session.execute(insert(table), rows[at : at + MEMBERS_AT_ONCE])

    async def untie(self, run: UUID, people: Collection[UUID]) -> None:
        await self._session.execute(
            delete(BulkTie)
            .where(col(BulkTie.run) == run, col(BulkTie.person).in_(list(people)))
            .execution_options(synchronize_session=False)
        )

    async def children(self, run: UUID, size: int, after: tuple[UUID, str] | None) -> Sequence[tuple[UUID, str]]:
        """Keys of children, and of people of whom nobody could say whom they have; each once, with the kind of tie."""
        query = (
            sa_select(col(BulkTie.other), col(BulkTie.kind))
            .where(col(BulkTie.run) == run, col(BulkTie.kind) != HOUSE)
            .distinct()
            .order_by(col(BulkTie.other), col(BulkTie.kind))
            .limit(size)
        )
        if after is not None:
            key, kind = after
            later = and_(col(BulkTie.other) == key, col(BulkTie.kind) > kind)
            query = query.where(or_(col(BulkTie.other) > key, later))
        return [(row[0], row[1]) for row in (await self._session.execute(query)).tuples()]

    async def parents(self, run: UUID, children: Collection[UUID]) -> Sequence[tuple[UUID, str, UUID]]:
        """Child, kind of tie and person, in the order of the people's keys."""
        query = (
            sa_select(col(BulkTie.other), col(BulkTie.kind), col(BulkTie.person))
            .where(col(BulkTie.run) == run, col(BulkTie.other).in_(list(children)), col(BulkTie.kind) != HOUSE)
            .order_by(col(BulkTie.person))
        )
        return [(row[0], row[1], row[2]) for row in (await self._session.execute(query)).tuples()]

    async def count(self, run: UUID, *, waiting: bool = False) -> int:
        query = select(func.count()).select_from(BulkMember).where(col(BulkMember.run) == run)
        if waiting:
            query = query.where(col(BulkMember.read_at).is_(None))
        return await self._session.scalar(query) or 0

    async def enter(self, run: UUID, read: Collection[dict[str, Any]]) -> None:
        """`read` holds `of`, `snapshot`, `names` and `at` of each person."""
        table = SQLModel.metadata.tables[str(BulkMember.__tablename__)]
        statement = (
            update(table)
            .where(table.c.run == run, table.c.person == bindparam("of"), table.c.read_at.is_(None))
            .values(snapshot_sealed=bindparam("snapshot"), changed=bindparam("names"), read_at=bindparam("at"))
        )
        connection = await self._session.connection()
        await connection.execute(statement, list(read))

    async def members(self, run: UUID, size: int, after: UUID | None) -> Sequence[BulkMember]:
        query = select(BulkMember).where(col(BulkMember.run) == run)
        if after is not None:
            query = query.where(col(BulkMember.person) > after)
        return (await self._session.scalars(query.order_by(col(BulkMember.person)).limit(size))).all()

    async def due(self, now: datetime) -> Sequence[BulkRun]:
        query = select(BulkRun).where(col(BulkRun.delete_at) <= now, col(BulkRun.state) != "DELETED")
        return (await self._session.scalars(query.order_by(col(BulkRun.id)).with_for_update(skip_locked=True))).all()

    async def forget(self, run: UUID) -> int:
        await self._session.execute(delete(BulkTie).where(col(BulkTie.run) == run))
        gone = await self._session.execute(delete(BulkMember).where(col(BulkMember.run) == run))
        return gone.rowcount  # type: ignore[attr-defined,no-any-return]  # of a CursorResult, which DML answers


def _pages(keys: Collection[UUID]) -> Iterator[Sequence[UUID]]:
    """All of them, each once, in an order that two processes share, so that neither waits for the other's rows."""
    ordered = sorted(set(keys))
    for at in range(0, len(ordered), KEYS_AT_ONCE):
        yield ordered[at : at + KEYS_AT_ONCE]
