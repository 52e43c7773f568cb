"""Word of changes reaches whoever listens, once, whichever process wrote it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

import pytest

from core.clock import FixedClock
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from identity.inbox import ChangeKind, Changes, Inbox
from identity.inbox.models import Change
from tests.identity.waiting import until

ANNA, BEN = UUID(int=1), UUID(int=2)


@pytest.fixture
async def changes(database: Database) -> AsyncIterator[Changes]:
    changes = Changes(database, poll_seconds=0.02)
    yield changes
    await changes.close()


async def announce(database: Database, clock: FixedClock, person: UUID = ANNA) -> UUID:
    subject = new_id()
    async with database.write() as session:
        await Inbox(clock).announce(session, person, ChangeKind.PAYMENT, subject)
    return subject


class Ear:
    """Listens in the background and keeps what it heard."""

    def __init__(self, changes: Changes, person: UUID) -> None:
        self.heard: list[UUID] = []
        self._changes, self._person = changes, person
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async with aclosing(self._changes.of(self._person)) as rows:
            async for row in rows:
                self.heard.append(row.subject)

    async def listening(self) -> None:
        await until(lambda: self._person in self._changes._listeners)

    async def hears(self, count: int) -> list[UUID]:
        await until(lambda: len(self.heard) >= count)
        await asyncio.sleep(0.1)  # and nothing more
        return self.heard

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_a_change_is_told_once_to_each_listener_and_to_nobody_else(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    first, second, other = Ear(changes, ANNA), Ear(changes, ANNA), Ear(changes, BEN)
    for ear in (first, second, other):
        await ear.listening()
    await asyncio.sleep(0.05)
    subject = await announce(database, clock)
    assert await first.hears(1) == await second.hears(1) == [subject]
    assert other.heard == []
    for ear in (first, second, other):
        await ear.leave()


async def test_what_was_before_is_not_told_again(database: Database, clock: FixedClock, changes: Changes) -> None:
    await announce(database, clock)
    ear = Ear(changes, ANNA)
    await ear.listening()
    later = await announce(database, clock)
    assert await ear.hears(1) == [later]
    await ear.leave()


async def test_a_row_that_commits_late_under_an_earlier_id_is_not_lost(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    ear = Ear(changes, ANNA)
    await ear.listening()
    early = Change(person=ANNA, id=new_id(), kind="PAYMENT", subject=new_id(), at=clock.now())
    await asyncio.sleep(0.01)
    later = await announce(database, clock)
    await ear.hears(1)
    async with database.write() as session:
        session.add(early)
    assert await ear.hears(2) == [later, early.subject]
    await ear.leave()


async def test_another_process_is_heard_too(database_url: str, clock: FixedClock, changes: Changes) -> None:
    ear = Ear(changes, ANNA)
    await ear.listening()
    other = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    subject = await announce(other, clock)
    await other.close()
    assert await ear.hears(1) == [subject]
    await ear.leave()


async def test_the_poller_rests_when_nobody_listens_and_wakes_again(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    ear = Ear(changes, ANNA)
    await ear.listening()
    await ear.leave()
    poller = changes._poller
    assert poller is not None
    await until(poller.done)
    assert dict(changes._listeners) == {}
    again = Ear(changes, ANNA)
    await again.listening()
    subject = await announce(database, clock)
    assert await again.hears(1) == [subject]
    await again.leave()
