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
from services.plugins.notices.models import DeprecatedUse
from services.plugins.notices.terms import Notice

KEPT: Final = timedelta(days=400)
OPERATIONS_MAX: Final = 5_000
"""Of one worker between two writings, by client and the names they use; and rows of one writing."""
_WRITTEN_AT_ONCE: Final = 500
CLIENTS_MIN: Final = 5
"""Of fewer clients an agency is not told how many, nor how often: it could tell whose they are."""

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
    """Of all clients together; None where they are too few."""

    coordinate: str
    uses: int | None
    clients: int | None
    last_day: date | None


class Used(Protocol):
    """Names that go, of one operation."""

    @property
    def coordinates(self) -> frozenset[str]: ...
    @property
    def notices(self) -> Sequence[Notice]: ...


class DeprecatedUses:
    """One per process. Counting is one addition; every minute a job writes what has come together."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._counts: Counter[tuple[str, date, frozenset[str]]] = Counter()
        self._services: dict[str, str] = {}

    def count(self, client: str, used: Used) -> None:
        """One operation of a client; the empty name is for all who asked without a token."""
        key = client, self._clock.today(), used.coordinates
        if key in self._counts:
            self._counts[key] += 1
        elif len(self._counts) < OPERATIONS_MAX:
            self._counts[key] = 1
            self._services |= {one.coordinate: one.service for one in used.notices}
        else:
            _dropped.inc()

    async def write(self) -> None:
        """The job. What cannot be written is dropped: these are figures to plan by, not accounts."""
        counts, self._counts = self._counts, Counter()
        services, self._services = self._services, {}
        sums: Counter[tuple[str, str, date, str]] = Counter()
        for (client, day, coordinates), times in counts.items():
            for coordinate in coordinates:
                key = client, coordinate, day, services[coordinate]
                if key in sums or len(sums) < OPERATIONS_MAX:
                    sums[key] += times
                else:
                    _dropped.inc(times)
        names = ("client", "coordinate", "day", "service")
        rows = [{**dict(zip(names, key, strict=True)), "uses": uses} for key, uses in sorted(sums.items())]
        for at in range(0, len(rows), _WRITTEN_AT_ONCE):
            async with self._db.write() as session:
                await _add(session, rows[at : at + _WRITTEN_AT_ONCE])

    async def forget(self) -> None:
        """The job: deletes what is old."""
        async with self._db.write() as session:
            before = self._clock.today() - KEPT
            await session.execute(delete(DeprecatedUse).where(col(DeprecatedUse.day) < before))


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
    session: AsyncSession, service: str, coordinates: Iterable[str], since: date
) -> list[ServiceUse]:
    """How far clients are, by coordinate and since that day; whoever asks without a token counts as one client."""
    row = DeprecatedUse
    columns = (col(row.coordinate), func.sum(col(row.uses)), func.count(col(row.client).distinct()))
    query = (
        select(*columns, func.max(col(row.day)))
        .where(col(row.service) == service, col(row.day) >= since)
        .group_by(col(row.coordinate))
    )
    found = {one[0]: one for one in await session.execute(query)}
    return [_service_use(coordinate, found.get(coordinate)) for coordinate in sorted(coordinates)]


def _service_use(coordinate: str, found: Any) -> ServiceUse:
    if found is None:
        return ServiceUse(coordinate, 0, 0, None)
    if found[2] < CLIENTS_MIN:
        return ServiceUse(coordinate, None, None, found[3])
    return ServiceUse(coordinate, int(found[1]), int(found[2]), found[3])


async def _add(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    columns = DeprecatedUse.__table__.c  # type: ignore[attr-defined] # SQLModel does not say so
    insert = dialect.insert(DeprecatedUse).values(rows)
    sums = {"uses": columns.uses + insert.excluded.uses}
    await session.execute(insert.on_conflict_do_update(index_elements=["client", "coordinate", "day"], set_=sums))
