"""Queries of registered services. They are public: none of these methods asks who reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Update, bindparam, exists, func, or_, text, update
from sqlalchemy import select as sa_select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, defer
from sqlmodel import col, select

from core.database import Instant
from services.plugins.registry.models import (
    Service,
    ServiceEvent,
    ServiceGeneration,
    ServiceReport,
    ServiceReview,
    ServiceVersion,
)
from services.plugins.registry.registry import Claims
from services.plugins.registry.states import CURRENT, Act, State

GENERATION: Final = text("SELECT generation FROM service_generation WHERE id = 1")
"""What every worker asks, several times a second."""
_ROW: Final = 1
_TURN: Final = 20_001
"""The class of the advisory locks on agencies: other rooms lock by one number, or by another class."""
_OPERATIONS: Final = 20_002
"""Of those on what applications wait for."""


@cache
def _waiting_for_a_check() -> Select[tuple[str, str, str]]:
    """Made once: every process asks each second, and making it costs ten times as much as asking."""
    row, other = ServiceVersion, aliased(ServiceVersion)
    in_turn = func.row_number().over(
        partition_by=col(row.agency), order_by=(col(row.sent_at), col(row.slug), col(row.version))
    )
    now = bindparam("now", type_=Instant())
    is_busy = exists().where(
        col(other.agency) == col(row.agency), col(other.state) == State.CHECKING, col(other.lease_until) > now
    )
    free = (
        sa_select(col(row.agency), col(row.slug), col(row.version), col(row.sent_at), in_turn.label("turn"))
        .where(col(row.state) == State.CHECKING, ~is_busy)
        .subquery()
    )
    columns = (free.c.agency, free.c.slug, free.c.version)
    query: Select[tuple[str, str, str]] = sa_select(*columns).where(free.c.turn == 1)
    return query.order_by(free.c.sent_at).limit(bindparam("most", type_=Integer()))


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """Of a service: several agencies may try one slug, until one of them publishes it."""

    agency: str
    slug: str


@dataclass(frozen=True, slots=True)
class Current:
    """A current version, without its files: enough to tell whether a worker has it already."""

    name: Name
    version: str
    state: State
    digest: bytes
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A version without its files."""

    slug: str
    version: str
    state: State


class ServiceRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def service(self, name: Name, *, lock: bool = False) -> Service | None:
        """`lock`: whoever else acts on the service waits until the transaction ends."""
        if not _is_kept(name.slug):
            return None
        key = (name.agency, name.slug)
        return await self._session.get(Service, key, with_for_update=lock or None, populate_existing=True)

    async def locked_or_made(self, name: Name, now: datetime) -> Service:
        """Of parallel first ones, each gets the one that there is."""
        dialect: Any = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        made = Service(
            agency=name.agency, slug=name.slug, current=None, prefix=None, namespace=None, provides=[],
            held=False, skipped=None, skipped_at=None, created_at=now, row_version=0,
        )  # fmt: skip
        await self._session.execute(dialect.insert(Service).values(**made.model_dump()).on_conflict_do_nothing())
        found = await self.service(name, lock=True)
        assert found is not None
        return found

    async def turn_of(self, agency: str) -> None:
        """Until the transaction ends nobody else counts what this agency has done or keeps. Before any other lock; on
        SQLite a write session is alone."""
        if self._session.get_bind().dialect.name == "postgresql":
            key = {"kind": _TURN, "agency": agency}
            await self._session.execute(text("SELECT pg_advisory_xact_lock(:kind, hashtext(:agency))"), key)

    async def turn_of_operations(self, slug: str, *, shared: bool = False) -> None:
        """Until the transaction ends nobody makes applications wait for the service's operations (all who do share a
        turn), or nobody drops one. The last lock of either; on SQLite a write session is alone."""
        if self._session.get_bind().dialect.name == "postgresql":
            lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
            await self._session.execute(sa_select(lock(_OPERATIONS, func.hashtext(slug))))

    async def current_version(self, name: Name) -> str | None:
        """Its number alone; None for what was never published here."""
        row = ServiceVersion
        query = sa_select(col(row.version)).where(
            col(row.agency) == name.agency, col(row.slug) == name.slug, col(row.state).in_([*CURRENT])
        )
        version: str | None = await self._session.scalar(query)
        return version

    async def latest_acts(
        self, agency: str, slug: str | None, kinds: Collection[str], *, after: datetime, limit: int
    ) -> Sequence[datetime]:
        """When systems of the agency did such acts after that instant, the latest first, at most so many. Without a
        slug: to any of its services. Officers at our own desk act without a client, and are not counted."""
        row = ServiceEvent
        query = sa_select(col(row.at)).where(
            col(row.agency) == agency, col(row.kind).in_(kinds), col(row.client) != "", col(row.at) > after
        )
        if slug is not None:
            query = query.where(col(row.slug) == slug)
        return (await self._session.scalars(query.order_by(col(row.at).desc()).limit(limit))).all()

    async def versions_of_agency(self, agency: str) -> Sequence[Kept]:
        """In the order in which they were sent."""
        row = ServiceVersion
        query = sa_select(col(row.slug), col(row.version), col(row.state)).where(col(row.agency) == agency)
        found = await self._session.execute(query.order_by(col(row.sent_at), col(row.slug), col(row.version)))
        return [Kept(one[0], one[1], State(one[2])) for one in found]

    async def of_agency(self, agency: str) -> Sequence[Service]:
        query = select(Service).where(col(Service.agency) == agency).order_by(col(Service.slug))
        return (await self._session.scalars(query)).all()

    async def published_name(self, slug: str) -> Name | None:
        """Whose service of that slug it is."""
        if not _is_kept(slug):
            return None
        query = select(Service.agency).where(col(Service.slug) == slug, col(Service.current).is_not(None))
        found = await self._session.scalar(query)
        return None if found is None else Name(found, slug)

    async def claims(self) -> Sequence[tuple[Name, Claims]]:
        """Of all services that were ever published, by slug."""
        query = select(Service).where(col(Service.current).is_not(None)).order_by(col(Service.slug))
        return [
            (Name(row.agency, row.slug), Claims(row.slug, row.prefix, row.namespace, frozenset(row.provides)))
            for row in await self._session.scalars(query)
        ]

    async def version(self, name: Name, version: str) -> ServiceVersion | None:
        if not _is_kept(name.slug, version):
            return None
        key = (name.agency, name.slug, version)
        return await self._session.get(ServiceVersion, key, populate_existing=True)

    async def versions(self, name: Name) -> Sequence[ServiceVersion]:
        """In the order in which they were sent, without their files: there may be a thousand, of 200,000 bytes each."""
        return (
            await self._session.scalars(_without_files(name.agency).where(col(ServiceVersion.slug) == name.slug))
        ).all()

    async def versions_by_service(self, agency: str) -> Mapping[str, Sequence[ServiceVersion]]:
        """As :meth:`versions`, of all services of the agency that have any."""
        found: dict[str, list[ServiceVersion]] = {}
        for row in await self._session.scalars(_without_files(agency)):
            found.setdefault(row.slug, []).append(row)
        return found

    async def current(self, name: Name) -> ServiceVersion | None:
        row = ServiceVersion
        query = select(row).where(
            col(row.agency) == name.agency, col(row.slug) == name.slug, col(row.state).in_([*CURRENT])
        )
        return (await self._session.scalars(query.execution_options(populate_existing=True))).one_or_none()

    async def all_current(self) -> Sequence[Current]:
        """Of every service, by slug."""
        row = ServiceVersion
        columns = (col(row.agency), col(row.slug), col(row.version), col(row.state), col(row.digest))
        query = sa_select(*columns, col(row.retired_at)).where(col(row.state).in_([*CURRENT])).order_by(col(row.slug))
        found = await self._session.execute(query)
        return [Current(Name(one[0], one[1]), one[2], State(one[3]), one[4], one[5]) for one in found]

    async def files(self, wanted: Collection[tuple[Name, str]]) -> dict[Name, dict[str, str]]:
        """The files of these current versions."""
        row, chosen = ServiceVersion, set(wanted)
        columns = (col(row.agency), col(row.slug), col(row.version), col(row.files))
        query = sa_select(*columns).where(
            col(row.slug).in_({name.slug for name, _ in chosen}), col(row.state).in_([*CURRENT])
        )
        return {
            Name(one[0], one[1]): one[3]
            for one in await self._session.execute(query)
            if (Name(one[0], one[1]), one[2]) in chosen
        }

    async def events(self, name: Name, *, before: UUID | None, limit: int) -> Sequence[ServiceEvent]:
        """The latest, or those before that one, in the order in which they happened."""
        row = ServiceEvent
        query = select(row).where(col(row.agency) == name.agency, col(row.slug) == name.slug)
        if before is not None:
            query = query.where(col(row.id) < before)
        return (await self._session.scalars(query.order_by(col(row.id).desc()).limit(limit))).all()[::-1]

    async def stopped(self, name: Name) -> frozenset[str]:
        """Versions that a reviewer suspended and none resumed. Reviewers act without a client."""
        row, later = ServiceEvent, aliased(ServiceEvent)
        resumed = exists().where(
            col(later.agency) == name.agency,
            col(later.slug) == name.slug,
            col(later.version) == col(row.version),
            col(later.kind) == Act.RESUME,
            col(later.id) > col(row.id),
        )
        query = sa_select(col(row.version)).where(
            col(row.agency) == name.agency,
            col(row.slug) == name.slug,
            col(row.kind) == Act.SUSPEND,
            col(row.acting) != "",
            col(row.client) == "",
            ~resumed,
        )
        return frozenset(await self._session.scalars(query.distinct()))

    async def was_published(self, name: Name, version: str) -> bool:
        """Whether it is or ever was, as the trail has it."""
        if not _is_kept(name.slug, version):
            return False
        row = ServiceEvent
        query = sa_select(col(row.id)).where(
            col(row.agency) == name.agency,
            col(row.slug) == name.slug,
            col(row.version) == version,
            col(row.kind).in_([Act.PUBLISH, Act.APPROVE]),
        )
        return await self._session.scalar(query.limit(1)) is not None

    async def reviews(self, name: Name, version: str) -> Sequence[ServiceReview]:
        """The newest first."""
        row = ServiceReview
        query = select(row).where(
            col(row.agency) == name.agency, col(row.slug) == name.slug, col(row.version) == version
        )
        return (await self._session.scalars(query.order_by(col(row.id).desc()))).all()

    async def open_reviews(self) -> Sequence[ServiceReview]:
        """Those that wait longest first."""
        query = select(ServiceReview).where(col(ServiceReview.outcome).is_(None)).order_by(col(ServiceReview.asked_at))
        return (await self._session.scalars(query)).all()

    async def review(self, review: UUID) -> ServiceReview | None:
        query = select(ServiceReview).where(col(ServiceReview.id) == review)
        return (await self._session.scalars(query.execution_options(populate_existing=True))).one_or_none()

    async def open_review(self, name: Name, version: str) -> ServiceReview | None:
        return next((one for one in await self.reviews(name, version) if one.outcome is None), None)

    async def report(self, name: Name, version: str, *, digest: bytes | None = None) -> ServiceReport | None:
        """The newest of the version, or of those very documents under its number."""
        if not _is_kept(name.slug, version):
            return None
        row = ServiceReport
        query = select(row).where(
            col(row.agency) == name.agency, col(row.slug) == name.slug, col(row.version) == version
        )
        if digest is not None:
            query = query.where(col(row.digest) == digest)
        return (await self._session.scalars(query.order_by(col(row.id).desc()).limit(1))).one_or_none()

    async def waiting_for_a_check(self, now: datetime, *, limit: int) -> Sequence[tuple[Name, str]]:
        """Versions that nobody is checking: never begun, or the process is gone. Of an agency the one that was sent
        first, and none while another of its is being checked."""
        found = await self._session.execute(_waiting_for_a_check(), {"now": now, "most": limit})
        return [(Name(one[0], one[1]), one[2]) for one in found]

    async def take(self, name: Name, version: str, lease: UUID, now: datetime, until: datetime) -> bool:
        """Whether the check is this process's now: of several that ask at once, one's. Each is counted."""
        begun = col(ServiceVersion.attempts) + 1
        taken = _checking(name, version).where(_is_free(now)).values(lease=lease, lease_until=until, attempts=begun)
        return await self._session.scalar(taken.returning(col(ServiceVersion.slug))) is not None

    async def prolong(self, name: Name, version: str, lease: UUID, until: datetime) -> bool:
        """Whether it still is."""
        kept = _checking(name, version).where(col(ServiceVersion.lease) == lease).values(lease_until=until)
        return await self._session.scalar(kept.returning(col(ServiceVersion.slug))) is not None

    async def generation(self) -> int:
        return int((await self._session.execute(GENERATION)).scalar() or 0)

    async def bump(self) -> int:
        """Tells all workers. Until the transaction ends, nobody else publishes: what is published is compared with all
        that is."""
        grown = await self._session.scalar(
            update(ServiceGeneration)
            .where(col(ServiceGeneration.id) == _ROW)
            .values(generation=ServiceGeneration.generation + 1)
            .returning(col(ServiceGeneration.generation))
        )
        if grown is None:  # a database that the models made, not the migrations
            self._session.add(ServiceGeneration(id=_ROW, generation=1))
            await self._session.flush()
        return int(grown or 1)

    async def marked(self) -> Sequence[Name]:
        """Services that some worker could not put into the graph."""
        query = sa_select(col(Service.agency), col(Service.slug)).where(col(Service.skipped).is_not(None))
        return [Name(one[0], one[1]) for one in await self._session.execute(query)]

    async def skip(self, name: Name, version: str, why: str | None, now: datetime) -> None:
        """Marks that a worker could not put the version into the graph, or (None) that it could."""
        row = Service
        changed = col(row.skipped).is_not(None) if why is None else func.coalesce(col(row.skipped), "") != why
        await self._session.execute(
            update(row)
            .where(col(row.agency) == name.agency, col(row.slug) == name.slug, col(row.current) == version, changed)
            .values(skipped=why, skipped_at=None if why is None else now)
        )


def _is_kept(*texts: str) -> bool:
    """Whether there can be such a name at all: of a NUL, as a path may hold one, PostgreSQL takes offence."""
    return not any("\0" in text for text in texts)


def _without_files(agency: str) -> Select[tuple[ServiceVersion]]:
    row = ServiceVersion
    files: Any = col(row.files)  # SQLModel tells less of it than it is
    query = sa_select(row).where(col(row.agency) == agency).options(defer(files, raiseload=True))
    return query.order_by(col(row.sent_at), col(row.version))


def _checking(name: Name, version: str) -> Update:
    row = ServiceVersion
    return update(row).where(
        col(row.agency) == name.agency,
        col(row.slug) == name.slug,
        col(row.version) == version,
        col(row.state) == State.CHECKING,
    )


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(col(ServiceVersion.lease_until).is_(None), col(ServiceVersion.lease_until) <= now)
