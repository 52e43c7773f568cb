"""Commits what many callers append, together: while one transaction is under way, what arrives waits for the next.

A home screen asks for a dozen batches of facts at once; a transaction each would be the dearest part of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.database import Database
from services.exchange.access_log.models import AccessEntry, AccessOutcome
from services.exchange.access_log.repository import AccessLogRepository

GROUP_MAX: Final = 128
"""Callers whose records go into one transaction."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    records: Sequence[AccessEntry | AccessOutcome]
    done: asyncio.Future[None]


class Commits:
    """One per process. Whoever's call returns has their records committed, wherever they stood in a group."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None

    async def commit(self, records: Sequence[AccessEntry | AccessOutcome]) -> None:
        """Raises whatever the database raises; then nothing of these records was committed."""
        if not records:
            return
        mine = _Waiting(records, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._work is None:
            # A task of its own, so that a caller who goes away does not take the others' commit along. It begins in
            # the loop's next turn: what is asked for at once is committed at once.
            self._work = asyncio.create_task(self._commit_all())
        await mine.done

    async def _commit_all(self) -> None:
        group: list[_Waiting] = []
        try:
            while self._waiting:
                taken, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                group = [one for one in taken if not one.done.done()]  # who went away wants nothing read
                await self._commit_group(group)
        except BaseException:  # the loop ends: nobody is left waiting for ever
            for one in (*group, *self._waiting):
                one.done.cancel()
            self._waiting = []
            raise
        finally:
            self._work = None

    async def _commit_group(self, group: Sequence[_Waiting]) -> None:
        """If the group fails, each by itself: nobody is refused for what another appends."""
        try:
            await self._write(group)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller
            if len(group) == 1:
                _fail(group[0], error)
                return
        else:
            for one in group:
                _succeed(one)
            return
        for one in group:
            await self._commit_group([one])

    async def _write(self, group: Sequence[_Waiting]) -> None:
        if group:
            async with self._database.write() as session:
                await AccessLogRepository(session).append([record for one in group for record in one.records])


def _succeed(one: _Waiting) -> None:
    if not one.done.done():
        one.done.set_result(None)


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.done.done():
        one.done.set_exception(error)
