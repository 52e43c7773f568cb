"""Word of changes reaches whoever listens, once, whichever process wrote it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from uuid import UUID

import pytest

from core.clock import FixedClock
from core.database import Database
from core.ids import new_id
from core.rate_limits import RateLimited
from core.settings import Settings
from identity.inbox import ChangeKind, Changes, Inbox
from identity.inbox.changes import (
    LISTENERS_MAX,
    LOOK_BACK_SECONDS,
    TOLD_AFTERWARDS,
    WAITING_MAX,
    Resync,
    here,
)
from identity.inbox.models import Change
from tests.identity.waiting import until

ANNA, BEN = UUID(int=1), UUID(int=2)


@pytest.fixture
async def changes(database: Database) -> AsyncIterator[Changes]:
    changes = Changes(database, poll_seconds=0.02)
    yield changes
    await changes.close()


async def announce(database: Database, clock: FixedClock, person: UUID = ANNA, subject: UUID | None = None) -> UUID:
    subject = subject or new_id()
    async with database.write() as session:
        await Inbox(clock).announce(session, person, ChangeKind.PAYMENT, subject)
    return subject


class Ear:
    """Listens in the background and keeps what it heard."""

    def __init__(self, changes: Changes, person: UUID, after: UUID | None = None) -> None:
        self.heard: list[UUID | None] = []
        """The subjects; None where it is to fetch all anew."""
        self.last: UUID | None = None
        self.refused = False
        self._changes, self._person, self._after = changes, person, after
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async with aclosing(self._changes.of(self._person, self._after)) as rows:
            try:
                async for row in rows:
                    self.heard.append(None if isinstance(row, Resync) else row.subject)
                    self.last = row.id
            except RateLimited:
                self.refused = True

    async def listening(self) -> None:
        await until(lambda: self._person in self._changes._listeners)

    async def hears(self, count: int) -> list[UUID | None]:
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


def aged(key: UUID, seconds: float) -> UUID:
    """An id as it would have been made so long before."""
    return UUID(int=key.int - (int(seconds * 1_000) << 80))


async def written(database: Database, clock: FixedClock, keys: Sequence[UUID], person: UUID = ANNA) -> None:
    async with database.write() as session:
        for key in keys:
            session.add(Change(person=person, id=key, kind="PAYMENT", subject=key, at=clock.now()))


async def test_who_comes_back_is_told_what_came_meanwhile_and_then_goes_on(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    ear = Ear(changes, ANNA)
    await ear.listening()
    before = await announce(database, clock)
    await ear.hears(1)
    await ear.leave()
    missed = [await announce(database, clock) for _ in range(3)]
    await announce(database, clock, BEN)
    again = Ear(changes, ANNA, ear.last)
    await again.listening()
    await until(lambda: missed[-1] in again.heard)
    later = await announce(database, clock)
    await until(lambda: later in again.heard)
    assert [one for one in again.heard if one != before] == [*missed, later]
    await again.leave()


async def test_between_the_cursor_of_a_page_and_the_subscription_nothing_is_lost(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    cursor = here()
    subject = await announce(database, clock)
    ear = Ear(changes, ANNA, cursor)
    assert await ear.hears(1) == [subject]
    await ear.leave()


async def test_a_row_that_was_committed_late_below_the_cursor_is_told_to_who_comes_back(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    late = new_id()
    await asyncio.sleep(0.01)
    cursor = here()
    await written(database, clock, [late])
    ear = Ear(changes, ANNA, cursor)
    assert await ear.hears(1) == [late]
    await ear.leave()


async def test_what_changed_many_times_meanwhile_is_told_once(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    cursor, subject = here(), new_id()
    for _ in range(5):
        await announce(database, clock, subject=subject)
    ear = Ear(changes, ANNA, cursor)
    assert await ear.hears(1) == [subject]
    await ear.leave()


@pytest.mark.parametrize("over", [False, True])
async def test_who_missed_more_than_can_be_told_fetches_all_anew(
    database: Database, clock: FixedClock, changes: Changes, over: bool
) -> None:
    cursor = here()
    missed = [new_id() for _ in range(WAITING_MAX + (1 if over else 0))]
    await written(database, clock, missed)
    ear = Ear(changes, ANNA, cursor)
    if over:
        assert await ear.hears(1) == [None]
    else:
        assert await ear.hears(WAITING_MAX) == missed
    later = await announce(database, clock)
    await until(lambda: ear.heard[-1] == later)
    await ear.leave()


@pytest.mark.parametrize(
    ("age", "resynced"),
    [
        (TOLD_AFTERWARDS.total_seconds() - 60, False),
        (TOLD_AFTERWARDS.total_seconds() + 60, True),
        (-LOOK_BACK_SECONDS + 5, False),
        (-LOOK_BACK_SECONDS - 5, True),
    ],
)
async def test_a_cursor_that_is_too_old_or_not_of_this_world_fetches_all_anew(
    database: Database, clock: FixedClock, changes: Changes, age: float, resynced: bool
) -> None:
    ear = Ear(changes, ANNA, aged(here(), age))
    await ear.listening()
    subject = await announce(database, clock)
    await until(lambda: subject in ear.heard)
    assert ear.heard == ([None, subject] if resynced else [subject])
    await ear.leave()


async def test_who_takes_changes_too_slowly_is_told_so_and_never_loses_in_silence(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    async with aclosing(changes.of(ANNA)) as rows:
        first = asyncio.ensure_future(anext(rows))
        await until(lambda: ANNA in changes._listeners)
        await announce(database, clock)
        await asyncio.wait_for(first, 5)
        [listener] = changes._listeners[ANNA]
        many = [new_id() for _ in range(WAITING_MAX + 1)]
        await written(database, clock, many)  # while nobody takes them
        await until(lambda: many[-1] in listener.told)
        assert isinstance(await asyncio.wait_for(anext(rows), 5), Resync)
        later = await announce(database, clock)
        told = await asyncio.wait_for(anext(rows), 5)
        assert isinstance(told, Change)
        assert told.subject == later


async def test_who_takes_as_many_as_are_kept_is_told_each(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    async with aclosing(changes.of(ANNA)) as rows:
        first = asyncio.ensure_future(anext(rows))
        await until(lambda: ANNA in changes._listeners)
        before = await announce(database, clock)
        assert getattr(await asyncio.wait_for(first, 5), "subject", None) == before
        [listener] = changes._listeners[ANNA]
        many = [new_id() for _ in range(WAITING_MAX)]
        await written(database, clock, many)
        await until(lambda: many[-1] in listener.told)
        assert [(await asyncio.wait_for(anext(rows), 5)).id for _ in many] == many


async def test_who_was_told_what_they_missed_holds_nothing_of_it_while_they_listen_on(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    cursor, many = here(), [new_id() for _ in range(300)]
    await written(database, clock, many)
    before = sum(isinstance(one, Change) for one in gc.get_objects())
    ears = [Ear(changes, ANNA, cursor) for _ in range(3)]
    for ear in ears:
        assert await ear.hears(len(many)) == many
    await until(lambda: sum(isinstance(one, Change) for one in gc.get_objects()) < before + 50)
    for ear in ears:
        await ear.leave()


async def test_one_person_listens_no_more_often_than_they_may(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    ears = [Ear(changes, ANNA) for _ in range(LISTENERS_MAX + 5)]  # at once
    await until(lambda: sum(ear.refused for ear in ears) == 5)
    assert len(changes._listeners[ANNA]) == LISTENERS_MAX
    other = Ear(changes, BEN)
    await other.listening()
    left = next(ear for ear in ears if not ear.refused)
    await left.leave()
    again = Ear(changes, ANNA)
    await until(lambda: len(changes._listeners[ANNA]) == LISTENERS_MAX)
    assert not again.refused
    for ear in (*ears, other, again):
        await ear.leave()


async def test_more_people_listen_than_one_statement_can_name(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    ears = [Ear(changes, ANNA), Ear(changes, BEN)]
    for ear in ears:
        await ear.listening()
    [of_ben] = changes._listeners.pop(BEN)
    for number in range(10, 33_000):  # PostgreSQL and SQLite know some 32,767 parameters of a statement
        changes._listeners[UUID(int=number)] = set()
    changes._listeners[BEN] = {of_ben}  # the last of all
    subjects = [await announce(database, clock), await announce(database, clock, BEN)]
    assert [await ear.hears(1) for ear in ears] == [[subjects[0]], [subjects[1]]]
    for ear in ears:
        await ear.leave()
    changes._listeners.clear()


async def test_a_poller_that_could_not_look_for_long_makes_up_for_all_of_it(
    database: Database, clock: FixedClock
) -> None:
    changes = Changes(database, poll_seconds=3_600)  # it looks when the test says so
    ear = Ear(changes, ANNA)
    await ear.listening()
    [listener] = changes._listeners[ANNA]
    await changes._look()
    away = 5 * LOOK_BACK_SECONDS
    listener.floor = aged(listener.floor, 2 * away)
    meanwhile = aged(new_id(), away)
    await written(database, clock, [meanwhile])
    await changes._look()
    assert ear.heard == [], "below what the look goes back"
    changes._looked_at -= away
    await changes._look()
    assert await ear.hears(1) == [meanwhile]
    await ear.leave()
    await changes.close()
