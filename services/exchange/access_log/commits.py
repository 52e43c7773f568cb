"""Commits what many callers append, together (docs/adr/0018).

A home screen asks for a dozen batches of facts at once, and many citizens open theirs in the same moment; a transaction
each would be the dearest part of it. What arrives while all connections are busy waits for the next that is free; and
where others have said that they are about to append, their records are waited for, a moment at most. Nobody who is
alone is held up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from core.crypto import KeyRing
from core.database import Database
from core.database_faults import DatabaseUnavailable
from services.exchange.access_log.appending import Append, Appender, appender_of
from services.exchange.access_log.records import Record
from services.exchange.access_log.sealing import Prepared, prepared

GROUP_MAX: Final = 128
"""Callers whose records go into one transaction."""
COMING_SECONDS_MAX: Final = 0.005
"""How long a free connection waits for those who are on their way to it, the one after the other: as long as the disk
takes for one commit."""
TURNS: Final = 3
"""Of the loop, for which a connection that has nothing to do is kept."""
_IN_ORDER: Final = attrgetter("subject", "id")
"""One order for all, so that two groups cannot wait for each other crosswise."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    records: Sequence[Prepared]
    done: asyncio.Future[None]


class Commits:
    """One per process. Whoever's call returns has their records committed, wherever they stood in a group."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._appender: Appender = appender_of(database, keys)
        self._waiting: deque[_Waiting] = deque()
        self._lanes: set[asyncio.Task[Any] | None] = set()
        self._begins = False
        """Whether a lane has begun and not yet taken its first group."""
        self._coming = 0
        self._all_here: asyncio.Future[None] | None = None

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Says that the caller will append within a moment, when the block ends: whoever waits shares its commit."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1
            if not self._coming and self._all_here is not None and not self._all_here.done():
                self._all_here.set_result(None)

    async def commit(self, records: Sequence[Record]) -> None:
        """Raises whatever the database raises; then nothing of these records was committed, unless it is
        DatabaseUnavailable, which may have cut off the commit itself."""
        if not records:
            return
        mine = _Waiting([prepared(record) for record in records], asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if not self._begins and len(self._lanes) < self._appender.lanes:
            # A task of its own, so that a caller who goes away does not take the others' commit along. It begins in
            # the loop's next turn: what is asked for at once is committed at once.
            self._begins = True
            self._lanes.add(asyncio.create_task(self._lane()))
        await mine.done

    async def _lane(self) -> None:
        try:
            while self._waiting:
                await self._through_one_connection()
        finally:
            # In the same step as the last look at who waits: whoever comes after it finds one lane less.
            self._lanes.discard(asyncio.current_task())

    async def _through_one_connection(self) -> None:
        group: list[_Waiting] = []
        try:
            async with self._appender.connected() as append:
                while group := await self._next():
                    await _commit_group(append, group)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers
            for one in group or self._taken():
                _fail(one, error)
        except BaseException:  # the loop ends: nobody is left waiting for ever
            for one in (*group, *self._waiting):
                one.done.cancel()
            self._waiting.clear()
            raise

    async def _next(self) -> list[_Waiting]:
        """The next group. Those who were just answered may have more to append: first they get their turn."""
        for _ in range(TURNS):
            if self._waiting:
                break
            await asyncio.sleep(0)
        if self._waiting and self._coming and len(self._waiting) < GROUP_MAX:
            await self._await_coming()
        return self._taken()

    async def _await_coming(self) -> None:
        loop = asyncio.get_running_loop()
        if self._all_here is None or self._all_here.done():
            self._all_here = here = loop.create_future()
            latest = loop.call_later(COMING_SECONDS_MAX, lambda: None if here.done() else here.set_result(None))
            here.add_done_callback(lambda _: latest.cancel())
        await asyncio.wait([self._all_here])

    def _taken(self) -> list[_Waiting]:
        """The next group, without those who went away: they want nothing read."""
        self._begins = False
        group: list[_Waiting] = []
        while self._waiting and len(group) < GROUP_MAX:
            one = self._waiting.popleft()
            if not one.done.done():
                group.append(one)
        return group


async def _commit_group(append: Append, group: Sequence[_Waiting]) -> None:
    """If the group fails, each by itself: nobody is refused for what another appends.

    Raises DatabaseUnavailable, which is everybody's: nobody knows then what of the group was committed.
    """
    try:
        await append(sorted((record for one in group for record in one.records), key=_IN_ORDER))
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller
        if len(group) == 1:
            _fail(group[0], error)
            return
    else:
        for one in group:
            if not one.done.done():
                one.done.set_result(None)
        return
    for one in group:
        await _commit_group(append, [one])


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.done.done():
        one.done.set_exception(error)
