"""What each publication changed in the graph, kept for ever; and the notices that stand now, stamped by our clock.

Whoever writes here holds the lock under which services are published, so that numbers have no gap and no reader of the
feed misses one that was committed late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from graphql import DefinitionNode
from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from core.clock import bangkok_day
from core.text import Text
from services.plugins.notices.coordinates import Deprecated, deprecated_in, names_of
from services.plugins.notices.models import GraphChange, GraphDeprecation
from services.plugins.notices.terms import TOLD_MAX, Notice, Reason, sunset_of, year_after

OVER: Final = Text(
    th="บริการนี้สิ้นสุดแล้ว และตอบเพียงว่าสิ้นสุดแล้ว",
    en="The service is over, and answers that it is",
)


LEADING: Final = ("Citizen.", "Query.")
"""How the coordinates begin of the fields that lead to a service."""


class Kind(StrEnum):
    PUBLISHED = "PUBLISHED"
    """A version is in force."""
    ADDED = "ADDED"
    DEPRECATED = "DEPRECATED"
    ANNOUNCED = "ANNOUNCED"
    """The day from which a deprecated name may go is later than it was."""
    RESTORED = "RESTORED"
    """It is deprecated no more."""
    REMOVED = "REMOVED"
    RETIRED = "RETIRED"
    """The service is over: the field that leads to it goes a year later."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The version of a service that takes effect."""

    service: str
    agency: str
    version: str


async def standing_notices(session: AsyncSession, service: str | None = None) -> dict[str, dict[str, Notice]]:
    """By service and coordinate: of all services, or of one."""
    query = select(GraphDeprecation).order_by(col(GraphDeprecation.service), col(GraphDeprecation.coordinate))
    if service is not None:
        query = query.where(col(GraphDeprecation.service) == service)
    found: dict[str, dict[str, Notice]] = {}
    for row in await session.scalars(query):
        found.setdefault(row.service, {})[row.coordinate] = _notice(row)
    return found


async def changes(
    session: AsyncSession, *, before: int | None = None, service: str | None = None, limit: int
) -> Sequence[GraphChange]:
    """The latest first."""
    query = select(GraphChange).order_by(col(GraphChange.number).desc()).limit(limit)
    if before is not None:
        query = query.where(col(GraphChange.number) < before)
    if service is not None:
        query = query.where(col(GraphChange.service) == service)
    return (await session.scalars(query)).all()


class History:
    """Writes in the caller's transaction, which holds the lock of publications."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        self._session, self._now = session, now
        self._rows: list[GraphChange] = []
        self._changed: list[Notice] = []

    async def publish(
        self, whose: Whose, former: Iterable[DefinitionNode] | None, graph: Iterable[DefinitionNode]
    ) -> None:
        """A version is in force, and `former` no more; None where it is the first."""
        former, graph = None if former is None else tuple(former), tuple(graph)
        names, marked = names_of(graph), deprecated_in(graph)
        stood = (await standing_notices(self._session, whose.service)).get(whose.service, {})
        self._tell(whose, Kind.PUBLISHED)
        if former is not None:
            before = names_of(former)
            self._tell_some(whose, Kind.ADDED, _whole(names - before))
            self._tell_some(whose, Kind.REMOVED, _whole(before - names))
        await self._forget(whose.service, stood.keys() - marked.keys())
        for coordinate in sorted(stood.keys() & names - marked.keys()):
            self._tell(whose, Kind.RESTORED, coordinate)
        for coordinate, one in sorted(marked.items()):
            self._mark(whose, coordinate, one, stood.get(coordinate))
        await self._write()

    async def retire(self, whose: Whose, graph: Iterable[DefinitionNode]) -> None:
        """The service is over: each field that leads to it goes in a year, or later where that was told before."""
        stood = (await standing_notices(self._session, whose.service)).get(whose.service, {})
        over = Deprecated(Reason.of_text(OVER), year_after(bangkok_day(self._now)), None)
        self._tell(whose, Kind.RETIRED)
        for coordinate in sorted(one for one in names_of(graph) if one.startswith(LEADING)):
            if "(" not in coordinate:
                self._mark(whose, coordinate, over, stood.get(coordinate))
        await self._write()

    async def of_our_own(self, whose: Whose, notices: Mapping[str, Notice], removed: Collection[str]) -> bool:
        """What the committed list says of our own rooms and is not told yet; answers whether there was anything."""
        stood = (await standing_notices(self._session, whose.service)).get(whose.service, {})
        gone = stood.keys() - notices.keys()
        for coordinate in sorted(gone):
            self._tell(whose, Kind.REMOVED if coordinate in removed else Kind.RESTORED, coordinate)
        await self._forget(whose.service, gone)
        for coordinate, one in sorted(notices.items()):
            known = stood.get(coordinate)
            if known == one:
                continue
            if known is None:
                self._session.add(_row(whose, one))
            else:
                self._changed.append(one)
            self._tell(whose, Kind.DEPRECATED if known is None else Kind.ANNOUNCED, coordinate, one)
        is_news = bool(self._rows)
        await self._write()
        return is_news

    def _mark(self, whose: Whose, coordinate: str, one: Deprecated, known: Notice | None) -> None:
        since = self._now if known is None else known.since
        # A day that was told is never moved nearer: somebody planned by it.
        sunset = sunset_of(since, one.until, None if known is None else known.sunset)
        notice = Notice(coordinate, whose.service, since, sunset, one.reason)
        if known is None:
            self._session.add(_row(whose, notice))
            self._tell(whose, Kind.DEPRECATED, coordinate, notice)
        elif known != notice:
            self._changed.append(notice)
            if known.sunset != sunset:
                self._tell(whose, Kind.ANNOUNCED, coordinate, notice)

    def _tell_some(self, whose: Whose, kind: Kind, coordinates: Sequence[str]) -> None:
        for coordinate in coordinates[:TOLD_MAX]:
            self._tell(whose, kind, coordinate)
        if len(coordinates) > TOLD_MAX:
            self._rows[-1].more = len(coordinates) - TOLD_MAX

    def _tell(self, whose: Whose, kind: Kind, coordinate: str | None = None, notice: Notice | None = None) -> None:
        reason = None if notice is None else notice.reason
        self._rows.append(
            GraphChange(
                number=0, service=whose.service, agency=whose.agency, version=whose.version, kind=kind,
                coordinate=coordinate, at=self._now, since=None if notice is None else notice.since,
                sunset=None if notice is None else notice.sunset, reason_th=None if reason is None else reason.th,
                reason_en=None if reason is None else reason.en, more=0,
            )
        )  # fmt: skip

    async def _forget(self, service: str, coordinates: Collection[str]) -> None:
        if coordinates:
            row = GraphDeprecation
            gone = delete(row).where(col(row.service) == service, col(row.coordinate).in_(sorted(coordinates)))
            await self._session.execute(gone)

    async def _write(self) -> None:
        row = GraphDeprecation
        for one in self._changed:
            await self._session.execute(
                update(row)
                .where(col(row.service) == one.service, col(row.coordinate) == one.coordinate)
                .values(since=one.since, sunset=one.sunset, reason_th=one.reason.th, reason_en=one.reason.en)
            )
        last = int(await self._session.scalar(select(func.coalesce(func.max(GraphChange.number), 0))) or 0)
        for number, change in enumerate(self._rows, start=last + 1):
            change.number = number
            self._session.add(change)
        await self._session.flush()


def _whole(coordinates: Collection[str]) -> list[str]:
    """In order; a type that comes or goes as a whole is told once, and an argument with its field."""
    chosen = set(coordinates)
    return sorted(
        one
        for one in chosen
        if not ("." in one and one.partition(".")[0] in chosen) and not ("(" in one and one.partition("(")[0] in chosen)
    )


def _row(whose: Whose, notice: Notice) -> GraphDeprecation:
    return GraphDeprecation(
        service=notice.service,
        coordinate=notice.coordinate,
        version=whose.version,
        since=notice.since,
        sunset=notice.sunset,
        reason_th=notice.reason.th,
        reason_en=notice.reason.en,
    )


def _notice(row: GraphDeprecation) -> Notice:
    return Notice(row.coordinate, row.service, row.since, row.sunset, Reason(row.reason_en, row.reason_th))
