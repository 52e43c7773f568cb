"""Questions that nobody asked are counted with the application, as durably, for everybody, and of nobody."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from core.ids import new_id
from services.exchange.once_only.counting import SHARDS, QuestionCounts, Sums, sums
from services.exchange.once_only.models import QuestionSum
from services.exchange.once_only.routes import PATH, SMALL, questions_router, shown

OLD_AGE = "programme:old-age-allowance"
MIDNIGHT = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
"""The first of December in Bangkok."""


async def apply(database: Database, clock: FixedClock, service: str = OLD_AGE, times: int = 1, asked: int = 1) -> None:
    for _ in range(times):
        async with database.write() as session:
            counts = QuestionCounts(clock)
            await counts.count(session, application=new_id(), service=service, filled=7, asked=asked)


async def told(database: Database, clock: FixedClock) -> dict[date, dict[str, Sums]]:
    async with database.read() as session:
        found = await sums(session, clock.today() + timedelta(days=32))
    return {month: dict(services) for month, services in found.items()}


async def test_an_application_counts_what_the_state_answered_and_what_it_asked(
    database: Database, clock: FixedClock
) -> None:
    await apply(database, clock, times=3)
    await apply(database, clock, service="service:library", asked=0)
    month = clock.today().replace(day=1)
    assert await told(database, clock) == {month: {OLD_AGE: Sums(3, 21, 3), "service:library": Sums(1, 7, 0)}}


async def test_what_is_rolled_back_is_counted_nowhere(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        await QuestionCounts(clock).count(session, application=new_id(), service=OLD_AGE, filled=7, asked=0)
        await session.rollback()
    assert await told(database, clock) == {}


async def test_many_at_once_are_all_counted(database: Database, clock: FixedClock) -> None:
    await asyncio.gather(*(apply(database, clock) for _ in range(30)))
    [[found]] = [list(services.values()) for services in (await told(database, clock)).values()]
    assert found == Sums(30, 210, 30)


async def test_counting_is_spread_and_no_application_is_kept(database: Database, clock: FixedClock) -> None:
    for number in range(SHARDS * 2):
        async with database.write() as session:
            key = UUID(int=number)
            await QuestionCounts(clock).count(session, application=key, service=OLD_AGE, filled=1, asked=0)
    async with database.read() as session:
        shards = list(await session.scalars(select(col(QuestionSum.shard)).order_by(col(QuestionSum.shard))))
    assert shards == list(range(SHARDS))
    assert set(QuestionSum.model_fields) == {"month", "service", "shard", "applications", "filled", "asked"}


async def test_a_month_is_one_of_bangkok(database: Database, clock: FixedClock) -> None:
    clock.set(MIDNIGHT - timedelta(seconds=1))
    await apply(database, clock)
    clock.set(MIDNIGHT)
    await apply(database, clock)
    assert list(await told(database, clock)) == [date(2026, 12, 1), date(2026, 11, 1)]


async def published(database: Database, clock: FixedClock) -> dict[str, object]:
    app = FastAPI()
    app.include_router(questions_router(database, clock))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://here") as http:
        answer = await http.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=3600"
    body: dict[str, object] = answer.json()
    return body


async def test_a_month_that_is_over_is_published_and_the_present_one_is_not(
    database: Database, clock: FixedClock
) -> None:
    clock.set(datetime(2026, 11, 16, 3, 0, tzinfo=UTC))
    await apply(database, clock, times=SMALL)
    assert (await published(database, clock))["months"] == []
    clock.set(datetime(2026, 12, 1, 3, 0, tzinfo=UTC))
    assert (await published(database, clock))["months"] == []
    clock.set(datetime(2026, 12, 2, 3, 0, tzinfo=UTC))
    figures = {"applications": 10, "questionsNotAsked": 70, "questionsAsked": 10}
    body = await published(database, clock)
    assert body["months"] == [{"month": "2026-11", "services": [{"service": OLD_AGE, **figures}], "total": figures}]
    assert body["total"] == figures


@pytest.mark.parametrize(("times", "is_shown"), [(SMALL - 1, False), (SMALL, True)])
async def test_a_service_with_few_applications_is_left_out(
    database: Database, clock: FixedClock, times: int, is_shown: bool
) -> None:
    await apply(database, clock, times=times)
    clock.set(clock.now() + timedelta(days=40))
    body: Any = await published(database, clock)
    [month] = body["months"]
    assert bool(month["services"]) is is_shown
    assert (month["total"]["applications"] > 0) is is_shown


_SUMS = st.builds(Sums, st.integers(0, 30), st.integers(0, 300), st.integers(0, 300))


@given(st.dictionaries(st.sampled_from("abcdef"), _SUMS))
def test_nothing_that_is_published_holds_what_is_left_out(services: dict[str, Sums]) -> None:
    told = shown(services)
    assert all(found.applications >= SMALL for found in told.values())
    assert set(services) - set(told) == {name for name, found in services.items() if found.applications < SMALL}
