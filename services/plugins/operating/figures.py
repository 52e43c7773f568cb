"""How well services answer: counted in a worker, summed up for all of them in rows of an hour each, of no person.

What is kept of a call is that it was answered or not, and within which of a few times; so sums of any workers and hours
can be added, and p95 be read from them to the width of a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from services.plugins.operating.errors import MAINTENANCE
from services.plugins.operating.models import ServiceHour

DAYS: Final = 30
KEPT: Final = timedelta(days=90)
CALLS_MIN: Final = 50
"""Fewer say nothing of a service, and much of the few who used it."""
STEPS_SECONDS: Final = (0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Upper ends; the last column counts what took longer."""
_ANSWERED: Final = frozenset({"WELL", "DECLINED"})
_KEPT_ANSWER: Final = "CACHED"
_NOT_COUNTED: Final = frozenset({"ABANDONED", MAINTENANCE})
"""Whoever asked went away, so nobody knows; and what was announced."""
_WRITTEN_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Availability:
    """Of a service, over the last :data:`DAYS` days and all workers."""

    days: int
    percent: float
    """Of calls that were answered, kept answers and declared errors with them. Announced maintenance is left out."""
    p95_milliseconds: int | None
    """Within that long 95 of 100 answers came: the upper end of their step. None where they took longer than all of
    them, or nobody was asked."""


@dataclass(slots=True)
class _Sums:
    answered: int = 0
    failed: int = 0
    kept: int = 0
    steps: list[int] = field(default_factory=lambda: [0] * (len(STEPS_SECONDS) + 1))


class Tally:
    """One per process. Counting is a few additions; every minute a job writes what has come together."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._sums: dict[tuple[str, str, datetime], _Sums] = {}
        self._read: Mapping[str, Availability] = {}

    def count(self, slug: str, operation: str, outcome: str, seconds: float | None = None) -> None:
        """`seconds` of an answer that was waited for."""
        if outcome in _NOT_COUNTED:
            return
        hour = self._clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        sums = self._sums.setdefault((slug, operation, hour), _Sums())
        if outcome == _KEPT_ANSWER:
            sums.kept += 1
        elif outcome in _ANSWERED:
            sums.answered += 1
            if seconds is not None:
                sums.steps[next((n for n, end in enumerate(STEPS_SECONDS) if seconds <= end), len(STEPS_SECONDS))] += 1
        else:
            sums.failed += 1

    def of(self, slug: str) -> Availability | None:
        """As last read; None for a service that was asked too seldom to say anything."""
        return self._read.get(slug)

    async def write(self) -> None:
        """The job: adds what was counted since the last time. What cannot be written is kept for the next."""
        sums, self._sums = self._sums, {}
        rows = [_row(key, one) for key, one in sorted(sums.items())]
        try:
            for at in range(0, len(rows), _WRITTEN_AT_ONCE):
                async with self._db.write() as session:
                    await _add(session, rows[at : at + _WRITTEN_AT_ONCE])
                for key in sorted(sums)[:_WRITTEN_AT_ONCE]:
                    del sums[key]
        finally:
            for key, one in sums.items():
                _merge(self._sums.setdefault(key, _Sums()), one)

    async def read(self) -> None:
        """The job: what the catalogue shows from now on; and forgets what is old."""
        now = self._clock.now()
        async with self._db.read() as session:
            self._read = await availability(session, now)
        async with self._db.write() as session:
            await session.execute(delete(ServiceHour).where(col(ServiceHour.hour) < now - KEPT))


async def availability(session: AsyncSession, now: datetime) -> dict[str, Availability]:
    """By service; those that were asked too seldom are left out."""
    row = ServiceHour
    columns = [func.sum(getattr(row, name)) for name in ("answered", "failed", "kept", *_STEPS)]
    query = select(col(row.slug), *columns).where(col(row.hour) > now - timedelta(days=DAYS)).group_by(col(row.slug))
    found: dict[str, Availability] = {}
    for slug, *sums in await session.execute(query):
        answered, failed, kept, *steps = (int(one) for one in sums)
        calls = answered + failed + kept
        if calls >= CALLS_MIN:
            percent = (answered + kept) * 100 / calls
            # Cut off, not rounded: 99.99 with a failure in it is never 100.
            found[slug] = Availability(DAYS, int(percent * 100) / 100, p95_of(steps))
    return found


def p95_of(steps: Iterable[int]) -> int | None:
    """The upper end in milliseconds of the step in which the 95th of 100 lies."""
    counts = list(steps)
    total, seen = sum(counts), 0
    for count, end in zip(counts, STEPS_SECONDS, strict=False):
        seen += count
        if total and seen * 100 >= total * 95:
            return round(end * 1000)
    return None


_STEPS: Final = tuple(f"step_{number}" for number in range(len(STEPS_SECONDS) + 1))


def _row(key: tuple[str, str, datetime], sums: _Sums) -> dict[str, Any]:
    slug, operation, hour = key
    counts = {"answered": sums.answered, "failed": sums.failed, "kept": sums.kept}
    return {"slug": slug, "operation": operation, "hour": hour, **counts, **dict(zip(_STEPS, sums.steps, strict=True))}


def _merge(into: _Sums, other: _Sums) -> None:
    into.answered += other.answered
    into.failed += other.failed
    into.kept += other.kept
    into.steps = [one + more for one, more in zip(into.steps, other.steps, strict=True)]


async def _add(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    columns = ServiceHour.__table__.c  # type: ignore[attr-defined] # SQLModel does not say so
    insert = dialect.insert(ServiceHour).values(rows)
    counted = ("answered", "failed", "kept", *_STEPS)
    sums = {name: columns[name] + insert.excluded[name] for name in counted}
    await session.execute(insert.on_conflict_do_update(index_elements=["slug", "operation", "hour"], set_=sums))
