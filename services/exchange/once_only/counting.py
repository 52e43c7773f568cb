"""Counts the questions that were not asked, in the transaction that writes the application: as durable as that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, bangkok_day
from services.exchange.once_only.models import QuestionSum

SHARDS: Final = 16
"""Rows of one service and month. Whoever counts holds one to the end of their transaction."""


@dataclass(frozen=True, slots=True)
class Sums:
    applications: int
    filled: int
    asked: int

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.applications + other.applications, self.filled + other.filled, self.asked + other.asked)


class QuestionCounts:
    """Fulfils :class:`services.apply.deciding.ApplicationCounter`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def count(self, session: AsyncSession, *, application: UUID, service: str, filled: int, asked: int) -> None:
        """Counts a new application. `application` only spreads the counting; it is not kept."""
        key = {
            "month": bangkok_day(self._clock.now()).replace(day=1),
            "service": service,
            "shard": application.int % SHARDS,
        }
        counts = {"applications": 1, "filled": filled, "asked": asked}
        dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        columns = QuestionSum.__table__.c  # type: ignore[attr-defined] # SQLModel does not say so
        insert = dialect.insert(QuestionSum).values({**key, **counts})
        sums = {name: columns[name] + insert.excluded[name] for name in counts}
        await session.execute(insert.on_conflict_do_update(index_elements=list(key), set_=sums))


async def sums(session: AsyncSession, until: date) -> Mapping[date, Mapping[str, Sums]]:
    """By month and service, of the months before the one of `until`; the latest month first."""
    totals = (func.sum(getattr(QuestionSum, name)) for name in ("applications", "filled", "asked"))
    rows = await session.execute(
        select(col(QuestionSum.month), col(QuestionSum.service), *totals)
        .where(col(QuestionSum.month) < until.replace(day=1))
        .group_by(col(QuestionSum.month), col(QuestionSum.service))
        .order_by(col(QuestionSum.month).desc(), col(QuestionSum.service))
    )
    found: dict[date, dict[str, Sums]] = {}
    for month, service, *counts in rows:
        found.setdefault(month, {})[service] = Sums(*(int(one) for one in counts))
    return found
