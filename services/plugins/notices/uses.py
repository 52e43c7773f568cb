"""Which clients still use what goes: counted in a worker, summed up for all in rows of a day each, of no person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Protocol

from prometheus_client import Counter as Figure
from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from identity.provider.models import Client
from services.plugins.notices.models import DeprecatedUse
from services.plugins.notices.terms import Notice

KEPT: Final = timedelta(days=400)
USES_MAX: Final = 5_000
"""Rows of one worker between two writings: of those who ask without a token, who may be anybody, and as many again of
all clients that there are."""
USES_OF_CLIENT_MAX: Final = 500
"""Of these, of one client."""
_WRITTEN_AT_ONCE: Final = 500
CLIENTS_MIN: Final = 5
"""Of fewer clients of others an agency is not told how many, nor how often: it could tell whose they are."""

_dropped = Figure("sitthi_deprecated_uses_dropped_total", "Uses of what goes that were too many to be written down.")


@dataclass(frozen=True, slots=True)
class Use:
    """Of one client."""

    coordinate: str
    service: str
    uses: int
    last_day: date


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """Of all clients together but the agency's own; None where they are too few."""

    coordinate: str
    uses: int | None
    clients: int | None
    last_day: date | None


class Used(Protocol):
    """Names that go, of one operation."""

    @property
    def notices(self) -> Sequence[Notice]: ...


class DeprecatedUses:
    """One per process. Counting is one addition for each name; every minute a job writes what has come together."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._counts = _Counts()

    def count(self, client: str, used: Used) -> None:
        """One operation of a client; the empty name is for all who asked without a token."""
        day = self._clock.today()
        for notice in used.notices:
            self._counts.add(client, day, notice)

    async def write(self) -> None:
        """The job. What cannot be written is dropped: these are figures to plan by, not accounts."""
        counts, self._counts = self._counts, _Counts()
        rows = counts.rows()
        for at in range(0, len(rows), _WRITTEN_AT_ONCE):
            async with self._db.write() as session:
                await _add(session, rows[at : at + _WRITTEN_AT_ONCE])

    async def forget(self) -> None:
        """The job: deletes what is old."""
        async with self._db.write() as session:
            before = self._clock.today() - KEPT
            await session.execute(delete(DeprecatedUse).where(col(DeprecatedUse.day) < before))


class _Counts:
    """Of one name each, whatever else an operation uses, so that no mixture of names makes more of them."""

    def __init__(self) -> None:
        self._by_client: dict[str, Counter[tuple[str, date]]] = {}
        self._services: dict[str, str] = {}
        self._of_known = 0

    def add(self, client: str, day: date, notice: Notice) -> None:
        ours, key = self._by_client.get(client), (notice.coordinate, day)
        if ours is None or key not in ours:
            if not self._has_room(client, 0 if ours is None else len(ours)):
                _dropped.inc()
                return
            ours = self._by_client.setdefault(client, Counter())
            self._services[notice.coordinate] = notice.service
            self._of_known += client != ""
        ours[key] += 1

    def _has_room(self, client: str, ours: int) -> bool:
        if client == "":
            return ours < USES_MAX
        return ours < USES_OF_CLIENT_MAX and self._of_known < USES_MAX

    def rows(self) -> list[dict[str, Any]]:
        """In one order, so that of two workers that write the same one waits, and neither for ever."""
        return [
            {"client": client, "coordinate": name, "day": day, "service": self._services[name], "uses": uses}
            for client, counts in sorted(self._by_client.items())
            for (name, day), uses in sorted(counts.items())
        ]


async def uses_of(session: AsyncSession, client: str) -> list[Use]:
    """What a client used, the latest first."""
    row = DeprecatedUse
    last = func.max(col(row.day))
    query = (
        select(col(row.coordinate), col(row.service), func.sum(col(row.uses)), last)
        .where(col(row.client) == client)
        .group_by(col(row.coordinate), col(row.service))
        .order_by(last.desc(), col(row.coordinate))
    )
    return [Use(one[0], one[1], int(one[2]), one[3]) for one in await session.execute(query)]


async def uses_of_service(
    session: AsyncSession, service: str, coordinates: Iterable[str], since: date, *, agency: str
) -> list[ServiceUse]:
    """How far clients of others than that agency are, by coordinate, from that day on; whoever asks without a token
    counts as one client. Whether they are enough to be told of, only those with a name decide: an agency knows what it
    asks itself, also without a token, and could take it off."""
    row, client = DeprecatedUse, col(DeprecatedUse.client)
    named = func.count(func.nullif(client, "").distinct())
    columns = (col(row.coordinate), func.sum(col(row.uses)), func.count(client.distinct()), func.max(col(row.day)))
    own = select(col(Client.id)).where(col(Client.agency) == agency)
    query = (
        select(*columns, named)
        .where(col(row.service) == service, col(row.day) >= since, client.not_in(own))
        .group_by(col(row.coordinate))
    )
    found = {one[0]: one for one in await session.execute(query)}
    return [_service_use(coordinate, found.get(coordinate)) for coordinate in sorted(coordinates)]


def _service_use(coordinate: str, found: Any) -> ServiceUse:
    if found is None:
        return ServiceUse(coordinate, 0, 0, None)
    _, uses, clients, last_day, named = found
    if named < CLIENTS_MIN:
        return ServiceUse(coordinate, None, None, last_day)
    return ServiceUse(coordinate, int(uses), int(clients), last_day)


async def _add(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    columns = DeprecatedUse.__table__.c  # type: ignore[attr-defined] # SQLModel does not say so
    insert = dialect.insert(DeprecatedUse).values(rows)
    sums = {"uses": columns.uses + insert.excluded.uses}
    await session.execute(insert.on_conflict_do_update(index_elements=["client", "coordinate", "day"], set_=sums))
