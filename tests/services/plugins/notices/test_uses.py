"""Who still uses what goes: sums in memory and in rows, bounded in number, of no person."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from core.clock import BANGKOK, FixedClock
from core.database import Database
from services.plugins.notices import uses
from services.plugins.notices.terms import Notice, Reason
from services.plugins.notices.uses import CLIENTS_MIN, KEPT, DeprecatedUses, Use, uses_of, uses_of_service

TODAY = date(2026, 11, 16)


@dataclass(frozen=True)
class Used:
    coordinates: frozenset[str]
    notices: tuple[Notice, ...]


def used(*coordinates: str) -> Used:
    since = datetime(2026, 11, 1, tzinfo=BANGKOK)
    notices = tuple(Notice(one, "waterworks", since, date(2027, 11, 1), Reason("x")) for one in coordinates)
    return Used(frozenset(coordinates), notices)


@pytest.fixture
def counting(database: Database, clock: FixedClock) -> DeprecatedUses:
    return DeprecatedUses(database, clock)


async def of(database: Database, client: str) -> list[Use]:
    async with database.read() as session:
        return await uses_of(session, client)


async def test_workers_add_up_by_client_name_and_bangkok_day(
    database: Database, clock: FixedClock, counting: DeprecatedUses
) -> None:
    other = DeprecatedUses(database, clock)
    for _ in range(3):
        counting.count("app", used("A.b", "A.c"))
        other.count("app", used("A.b"))
    counting.count("", used("A.b"))
    await asyncio.gather(counting.write(), other.write())
    await counting.write()
    clock.set(datetime(2026, 11, 17, tzinfo=BANGKOK) - timedelta(seconds=1))
    counting.count("app", used("A.c"))
    clock.advance(timedelta(seconds=1))
    counting.count("app", used("A.c"))
    await counting.write()
    assert await of(database, "app") == [
        Use("A.c", "waterworks", 5, TODAY + timedelta(days=1)),
        Use("A.b", "waterworks", 6, TODAY),
    ]
    assert await of(database, "") == [Use("A.b", "waterworks", 1, TODAY)]


async def test_what_is_counted_and_written_is_bounded(
    database: Database, counting: DeprecatedUses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "OPERATIONS_MAX", 10)
    before = uses._dropped._value.get()
    for number in range(15):
        counting.count("app", used(*(f"A.f{number}x{one}" for one in range(3))))
    counting.count("app", used(*(f"A.f0x{one}" for one in range(3))))
    await counting.write()
    assert len(await of(database, "app")) == 10
    assert uses._dropped._value.get() - before == 5 + 20


async def test_what_is_old_is_forgotten(database: Database, clock: FixedClock, counting: DeprecatedUses) -> None:
    counting.count("app", used("A.b"))
    await counting.write()
    clock.advance(KEPT)
    await counting.forget()
    assert len(await of(database, "app")) == 1
    clock.advance(timedelta(days=1))
    await counting.forget()
    assert await of(database, "app") == []


async def test_an_agency_is_told_sums_from_so_many_clients_on(database: Database, counting: DeprecatedUses) -> None:
    async def told() -> tuple[int | None, int | None, date | None]:
        async with database.read() as session:
            [one] = await uses_of_service(session, "waterworks", ["A.b"], TODAY)
        return one.uses, one.clients, one.last_day

    assert await told() == (0, 0, None)
    for number in range(CLIENTS_MIN):
        assert await told() in {(0, 0, None), (None, None, TODAY)}
        counting.count(f"app-{number}", used("A.b"))
        await counting.write()
    assert await told() == (CLIENTS_MIN, CLIENTS_MIN, TODAY)
