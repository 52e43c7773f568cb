"""What a process remembers of clients: for half a second, and nothing of whom it does not know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from identity.provider.endings import Endings
from identity.provider.known_clients import CLIENT_ID_LENGTH_MAX, REMEMBERED_SECONDS, KnownClients
from identity.provider.models import Client
from identity.provider.registration import replace_keys
from tests.identity.provider.key_holders import KeyHolder, register

ISSUER = "https://sitthi.example"
OLD, NEW = KeyHolder.make(kid="old"), KeyHolder.make(kid="new")


class Ticking:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
async def clients(database: Database, clock: FixedClock, ticking: Ticking) -> AsyncIterator[KnownClients]:
    """Remembering, with a bank that was asked for just now."""
    await register(database, clock, id="bank", jwks=OLD.registered)
    known = KnownClients(database, ISSUER, monotonic=ticking)
    with known.remembering():
        assert await known.find("bank") is not None
        yield known


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", listen)
    yield said
    event.remove(database.engine.sync_engine, "before_cursor_execute", listen)


async def ended(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        assert await Endings(clock).end_client(session, "bank")


async def test_a_client_that_was_just_asked_for_is_not_asked_for_again(
    clients: KnownClients, statements: list[str], ticking: Ticking
) -> None:
    ticking.at += REMEMBERED_SECONDS - 0.01
    found = await clients.find("bank")
    assert found is not None
    assert found.get_client_id() == "bank"
    assert statements == []


async def test_after_half_a_second_it_is(clients: KnownClients, statements: list[str], ticking: Ticking) -> None:
    ticking.at += REMEMBERED_SECONDS
    assert await clients.find("bank") is not None
    assert any("FROM client" in statement for statement in statements)


async def test_what_is_remembered_counts_within_a_second() -> None:
    assert REMEMBERED_SECONDS < 1


async def test_an_ended_client_is_found_no_more_once_the_time_is_over(
    clients: KnownClients, database: Database, clock: FixedClock, ticking: Ticking
) -> None:
    await ended(database, clock)
    ticking.at += REMEMBERED_SECONDS - 0.01
    assert await clients.find("bank") is not None
    ticking.at += 0.01
    assert await clients.find("bank") is None


async def test_a_client_that_was_seen_to_be_ended_is_not_remembered_as_it_was(
    clients: KnownClients, database: Database, clock: FixedClock, ticking: Ticking
) -> None:
    await ended(database, clock)
    ticking.at += REMEMBERED_SECONDS
    assert await clients.find("bank") is None
    ticking.at -= REMEMBERED_SECONDS  # what was remembered before would be fresh now
    assert await clients.find("bank") is None


async def test_new_keys_count_once_the_time_is_over(
    clients: KnownClients, database: Database, clock: FixedClock, ticking: Ticking
) -> None:
    async with database.write() as session:
        await replace_keys(session, "bank", NEW.registered, agency=None, clock=clock)
    ticking.at += REMEMBERED_SECONDS
    found = await clients.find("bank")
    assert found is not None
    assert found.row.jwks is not None
    assert [key["kid"] for key in found.row.jwks["keys"]] == ["new"]


async def test_new_addresses_count_once_the_time_is_over(
    clients: KnownClients, database: Database, ticking: Ticking
) -> None:
    moved = ["https://bank.example/elsewhere"]
    async with database.write() as session:
        await session.execute(update(Client).where(col(Client.id) == "bank").values(redirect_uris=moved))
    ticking.at += REMEMBERED_SECONDS
    found = await clients.find("bank")
    assert found is not None
    assert found.check_redirect_uri(moved[0])
    assert not found.check_redirect_uri("https://bank.example/callback")


async def test_a_client_that_is_registered_works_at_once(
    clients: KnownClients, database: Database, clock: FixedClock
) -> None:
    assert await clients.find("newcomer") is None
    await register(database, clock, id="newcomer")
    assert await clients.find("newcomer") is not None


async def test_a_process_that_serves_nobody_asks_each_time(database: Database, clock: FixedClock) -> None:
    await register(database, clock, id="bank")
    known = KnownClients(database, ISSUER)
    assert await known.find("bank") is not None
    await ended(database, clock)
    assert await known.find("bank") is None


async def test_nothing_is_remembered_beyond_the_block(database: Database, clock: FixedClock, ticking: Ticking) -> None:
    await register(database, clock, id="bank")
    known = KnownClients(database, ISSUER, monotonic=ticking)
    with known.remembering():
        assert await known.find("bank") is not None
    await ended(database, clock)
    assert await known.find("bank") is None


@pytest.mark.parametrize("name", [None, "", "x" * (CLIENT_ID_LENGTH_MAX + 1), "ba\x00nk", "bank\ud800"])
async def test_what_is_no_id_is_not_even_asked_for(
    clients: KnownClients, statements: list[str], name: str | None
) -> None:
    assert await clients.find(name) is None
    assert statements == []


async def test_the_longest_id_is_asked_for(clients: KnownClients, database: Database, clock: FixedClock) -> None:
    longest = "x" * CLIENT_ID_LENGTH_MAX
    await register(database, clock, id=longest)
    assert await clients.find(longest) is not None
