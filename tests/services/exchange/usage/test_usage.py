"""How much was asked is counted once for each request, also of many at once, and told of by month."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import httpx2
import pytest
from fastapi import FastAPI

from core.clock import FixedClock
from core.database import Database
from core.text import Text
from services.exchange.usage.repository import Came, Sums, Usage
from services.exchange.usage.routes import MONTHS_MAX, PATH, months, statistics_router

DAY = date(2026, 10, 31)


async def count(db: Database, day: date, agency: str, *, people: int = 1, times: int = 1, denied: int = 0) -> None:
    async with db.write() as session:
        for _ in range(times):
            came = {"dopa": Came(told=people - denied, denied=denied)}
            await Usage(session).add(day, agency, "agency-service", people=people, by_steward=came)


@pytest.fixture
async def http(database: Database, clock: FixedClock) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(statistics_router(database, clock, lambda slug: Text(th=f"หน่วยงาน {slug}", en=slug)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://sitthi") as client:
        yield client


async def test_requests_at_once_are_all_counted(database: Database) -> None:
    await asyncio.gather(*(count(database, DAY, "slf", people=3, denied=1) for _ in range(20)))
    async with database.read() as session:
        assert await Usage(session).sums(DAY, DAY) == {"slf": Sums(20, 60, 40, 20, 0)}


async def test_stewards_of_crossing_requests_do_not_lock_each_other_out(database: Database) -> None:
    async def one(names: list[str]) -> None:
        async with database.write() as session:
            came = {name: Came(told=1) for name in names}
            await Usage(session).add(DAY, "slf", "agency-service", people=1, by_steward=came)

    names = ["dopa", "rd", "dlt", "oic"]
    await asyncio.gather(*(one(names if n % 2 else names[::-1]) for n in range(20)))
    async with database.read() as session:
        assert (await Usage(session).sums(DAY, DAY))["slf"] == Sums(20, 20, 80, 0, 0)


async def test_a_month_is_told_of_from_the_second_day_of_the_next(database: Database, clock: FixedClock) -> None:
    await count(database, DAY, "slf", times=20)
    for now, told in (
        (datetime(2026, 10, 31, 16, 59, tzinfo=UTC), []),
        (datetime(2026, 11, 1, 16, 59, tzinfo=UTC), []),
        (datetime(2026, 11, 1, 17, 0, tzinfo=UTC), ["2026-10"]),  # midnight in Bangkok
    ):
        clock.set(now)
        assert [one.name for one in await months(database, clock)] == told


async def test_months_in_which_nobody_asked_are_told_of_too_and_none_before_the_first(
    database: Database, clock: FixedClock
) -> None:
    await count(database, date(2026, 8, 1), "slf", times=20)
    await count(database, DAY, "slf", times=20)
    found = await months(database, clock)
    assert [(one.name, len(one.table.rows)) for one in found] == [("2026-10", 1), ("2026-09", 0), ("2026-08", 1)]


async def test_no_more_than_five_years_are_told_of(database: Database, clock: FixedClock) -> None:
    await count(database, date(2000, 1, 1), "slf", times=20)
    assert len(await months(database, clock)) == MONTHS_MAX


async def test_nobody_has_asked_yet(http: httpx2.AsyncClient) -> None:
    assert (await http.get(PATH)).json()["months"] == []
    assert (await http.get(f"{PATH}.csv")).text.splitlines() == [
        "month,agency,title_th,title_en,requests,people,told,denied,unavailable"
    ]


async def test_json_and_csv_tell_the_same_and_nothing_small(database: Database, http: httpx2.AsyncClient) -> None:
    await count(database, DAY, "slf", people=10, times=100, denied=5)
    await count(database, DAY, "oic", times=9)
    await count(database, DAY, "rd", people=2, times=10)
    [month] = (await http.get(PATH)).json()["months"]
    told = {one["agency"]["slug"]: one for one in month["agencies"]}
    assert told["slf"]["requests"] == 100
    assert told["slf"]["agency"]["title"] == {"th": "หน่วยงาน slf", "en": "slf"}
    assert [told[slug]["people"] for slug in ("oic", "rd")] == [None, 20]
    assert month["total"]["requests"] is None
    answer = await http.get(f"{PATH}.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [(row["agency"], row["requests"], row["people"]) for row in rows] == [
        ("oic", "", ""),
        ("rd", "10", "20"),
        ("slf", "100", "1000"),
        ("*", "", ""),
    ]
