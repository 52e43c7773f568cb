"""Who still uses what goes: sums in memory and in rows, bounded in number, of no person."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.text import Text
from identity.provider.registration import machine_client, register_client
from services.plugins.notices import uses
from services.plugins.notices.terms import Notice, Reason
from services.plugins.notices.uses import CLIENTS_MIN, KEPT, DeprecatedUses, Use, uses_of, uses_of_service
from tests.identity.provider.key_holders import KeyHolder

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


async def test_what_is_counted_and_written_is_bounded_and_nobody_crowds_out_another(
    database: Database, counting: DeprecatedUses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "USES_MAX", 10)
    monkeypatch.setattr(uses, "USES_OF_CLIENT_MAX", 4)
    before = uses._dropped._value.get()
    for number in range(15):
        counting.count("", used(f"A.f{number}"))
        counting.count("greedy", used(f"A.f{number}"))
    for number in range(4):
        counting.count(f"app-{number}", used("A.b", "A.c"))
    counting.count("greedy", used("A.f0"))
    await counting.write()
    assert {use.coordinate: use.uses for use in await of(database, "greedy")} == {
        "A.f0": 2, "A.f1": 1, "A.f2": 1, "A.f3": 1
    }  # fmt: skip
    assert [len(await of(database, client)) for client in ("", "app-0", "app-1", "app-2", "app-3")] == [10, 2, 2, 2, 0]
    assert uses._dropped._value.get() - before == 5 + 11 + 2


async def test_ever_other_mixtures_of_the_same_names_take_no_more_room(
    database: Database, counting: DeprecatedUses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "USES_MAX", 5)
    before, names = uses._dropped._value.get(), ("A.a", "A.b", "A.c", "A.d", "A.e")
    for mixture in itertools.product((False, True), repeat=len(names)):
        counting.count("", used(*itertools.compress(names, mixture)))
    counting.count("app", used("A.a"))
    await counting.write()
    assert {use.coordinate: use.uses for use in await of(database, "")} == dict.fromkeys(names, 2 ** (len(names) - 1))
    assert await of(database, "app") == [Use("A.a", "waterworks", 1, TODAY)]
    assert uses._dropped._value.get() == before


async def test_what_is_old_is_forgotten(database: Database, clock: FixedClock, counting: DeprecatedUses) -> None:
    counting.count("app", used("A.b"))
    await counting.write()
    clock.advance(KEPT)
    await counting.forget()
    assert len(await of(database, "app")) == 1
    clock.advance(timedelta(days=1))
    await counting.forget()
    assert await of(database, "app") == []


async def told(database: Database, since: date = TODAY) -> tuple[int | None, int | None, date | None]:
    async with database.read() as session:
        [one] = await uses_of_service(session, "waterworks", ["A.b"], since, agency="waterworks")
    return one.uses, one.clients, one.last_day


async def test_an_agency_is_told_sums_from_so_many_clients_on(database: Database, counting: DeprecatedUses) -> None:
    assert await told(database) == (0, 0, None)
    for number in range(CLIENTS_MIN):
        assert await told(database) in {(0, 0, None), (None, None, TODAY)}
        counting.count(f"app-{number}", used("A.b"))
        await counting.write()
    assert await told(database) == (CLIENTS_MIN, CLIENTS_MIN, TODAY)


async def test_what_an_agency_asks_itself_does_not_let_it_read_what_four_others_do(
    database: Database, clock: FixedClock, counting: DeprecatedUses
) -> None:
    """It knows its own uses, also those without a token, and could take them off."""
    async with database.write() as session:
        machine = machine_client(
            "waterworks", Text(th="น้ำ", en="Water"), KeyHolder.make().registered, ["agency.services"]
        )
        own = await register_client(session, machine, created_by="installation", clock=clock)
    for client in (own, "", *(f"app-{number}" for number in range(CLIENTS_MIN - 1))):
        counting.count(client, used("A.b"))
    await counting.write()
    assert await told(database) == (None, None, TODAY)
    counting.count("app-more", used("A.b"))
    await counting.write()
    assert await told(database) == (CLIENTS_MIN + 1, CLIENTS_MIN + 1, TODAY), "others', and those without a token"
