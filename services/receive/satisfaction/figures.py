"""Counting ratings, and telling what of the counts may be told.

The counts are kept apart from the ratings: whoever has a rating erased is not worked out from two versions of a month.
A month is told of from the second day of the next, when nothing that began in it is under way any more, and stays as it
was told.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from core.clock import Clock, bangkok_day
from core.database import Database
from services.receive.satisfaction.models import Satisfaction
from services.receive.satisfaction.suppression import NO_CELL, Cell, Counts, Told, told

SATISFIED_FROM: Final = 4
"""Of a score of 1 to 5."""
GOAL_BASIS_POINTS: Final = 8_000
"""The goal of the Welfare Platform: 80 % and more."""
MONTHS_MAX: Final = 60
SETTLES: Final = timedelta(days=1)
DRAW_BITS: Final = 60
NOT_SAID: Final = ""
"""The province of those who did not say."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month as the public sees it."""

    first: date
    programmes: Told
    """By subject, over all provinces."""
    provinces: Mapping[str, Told]
    """By subject, by province. Only of subjects that are told of by themselves: the rest would tell them."""

    @property
    def name(self) -> str:
        """ISO 8601, `2026-10`."""
        return f"{self.first:%Y-%m}"


class Goal(StrEnum):
    """Whether a share reaches the goal, so far as its number of ratings can tell."""

    REACHED = "REACHED"
    MISSED = "MISSED"
    UNCERTAIN = "UNCERTAIN"
    """Chance alone could have it on the other side, or nobody rated."""


def goal_of(counts: Counts) -> Goal:
    if counts.interval is None:
        return Goal.UNCERTAIN
    low, high = counts.interval
    if low >= GOAL_BASIS_POINTS:
        return Goal.REACHED
    return Goal.MISSED if high < GOAL_BASIS_POINTS else Goal.UNCERTAIN


async def count(session: AsyncSession, subject: str, province: str, score: int, at: datetime) -> None:
    """Counts one rating, in the transaction that writes it."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    satisfied = int(score >= SATISFIED_FROM)
    key = {"month": bangkok_day(at).replace(day=1), "subject": subject, "province": province}
    drawn = {"draw": secrets.randbits(DRAW_BITS)}
    insert = dialect.insert(Satisfaction).values(**key, **drawn, satisfied=satisfied, others=1 - satisfied)
    columns = SQLModel.metadata.tables[Satisfaction.__tablename__].c
    sums = {name: columns[name] + insert.excluded[name] for name in ("satisfied", "others")}
    await session.execute(insert.on_conflict_do_update(index_elements=list(key), set_=sums))


async def months(db: Database, clock: Clock) -> Sequence[Month]:
    """The months that are over and in which anybody rated, the latest first."""
    until = (clock.today() - SETTLES).replace(day=1)
    async with db.read() as session:
        query = select(Satisfaction).where(col(Satisfaction.month) < until, col(Satisfaction.month) >= _oldest(until))
        rows = (await session.scalars(query)).all()
    found: dict[date, dict[str, dict[str, Cell]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row.month][row.subject][row.province] = Cell(Counts(row.satisfied, row.others), row.draw)
    return [_month(first, found[first]) for first in sorted(found, reverse=True)]


class Published:
    """What :func:`months` tells, read once a day by each process: until the next it says the same, and anybody asks."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._turn = asyncio.Lock()
        self._of: date | None = None
        self._months: Sequence[Month] = ()

    async def months(self) -> Sequence[Month]:
        async with self._turn:
            if self._of != (today := self._clock.today()):
                self._months, self._of = await months(self._db, self._clock), today
            return self._months


def _month(first: date, counted: Mapping[str, Mapping[str, Cell]]) -> Month:
    programmes = told({subject: sum(cells.values(), NO_CELL) for subject, cells in counted.items()})
    return Month(first, programmes, {subject: told(counted[subject]) for subject in programmes.cells})


def _oldest(until: date) -> date:
    years, months_ = divmod(until.year * 12 + until.month - 1 - MONTHS_MAX, 12)
    return date(years, months_ + 1, 1)
