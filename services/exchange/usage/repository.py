"""Queries of how much agencies asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from services.exchange.usage.models import AgencyUsage, AgencyUsageFacts


@dataclass(frozen=True, slots=True)
class Came:
    """What came of the facts of one steward."""

    told: int = 0
    denied: int = 0
    unavailable: int = 0

    def __add__(self, other: Came) -> Came:
        return Came(self.told + other.told, self.denied + other.denied, self.unavailable + other.unavailable)


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one agency over some days."""

    requests: int
    people: int
    told: int
    denied: int
    unavailable: int


class Usage:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, day: date, agency: str, purpose: str, *, people: int, by_steward: Mapping[str, Came]) -> None:
        """Counts one request, in the transaction that concludes it."""
        key = {"day": day, "agency": agency, "purpose": purpose}
        await self._upsert(AgencyUsage, key, {"requests": 1, "people": people})
        for steward, came in sorted(by_steward.items()):  # one order, so that two requests cannot lock crosswise
            counts = {"told": came.told, "denied": came.denied, "unavailable": came.unavailable}
            await self._upsert(AgencyUsageFacts, {**key, "steward": steward}, counts)

    async def sums(self, first: date, last: date) -> Mapping[str, Sums]:
        """By agency, of these days and all between; of agencies that asked."""
        asked = await self._sums(AgencyUsage, ("requests", "people"), first, last)
        came = await self._sums(AgencyUsageFacts, ("told", "denied", "unavailable"), first, last)
        return {agency: Sums(*counts, *came.get(agency, (0, 0, 0))) for agency, counts in asked.items()}

    async def first_day(self) -> date | None:
        """The earliest there is."""
        found: date | None = await self._session.scalar(select(func.min(AgencyUsage.day)))
        return found

    async def _sums(
        self, model: type[SQLModel], names: Sequence[str], first: date, last: date
    ) -> dict[str, tuple[int, ...]]:
        columns = model.__table__.c  # type: ignore[attr-defined] # SQLModel does not say so
        query = (
            select(columns.agency, *(func.sum(columns[name]) for name in names))
            .where(columns.day >= first, columns.day <= last)
            .group_by(columns.agency)
        )
        return {row[0]: tuple(int(one) for one in row[1:]) for row in await self._session.execute(query)}

    async def _upsert(self, model: type[SQLModel], key: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        dialect: Any = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        columns = model.__table__.c  # type: ignore[attr-defined]
        insert = dialect.insert(model).values({**key, **counts})
        sums = {name: columns[name] + insert.excluded[name] for name in counts}
        await self._session.execute(insert.on_conflict_do_update(index_elements=list(key), set_=sums))
