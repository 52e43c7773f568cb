"""Deciding what was accepted: the ordinary decision, by whichever process is free. It can be stopped anywhere."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

import structlog
from prometheus_client import Gauge

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from services.apply.acceptance import repository
from services.apply.deciding import ApplicationCounter
from services.apply.models import Application
from services.apply.repository import own
from services.apply.service import ApplyService, Reconsideration
from services.apply.states import Status

BATCH: Final = 20
LEASE: Final = timedelta(minutes=2)
"""So long what a process took is nobody else's. Whoever dies with it costs its applicants that much."""
PUT_OFF_MIN, PUT_OFF_MAX = timedelta(minutes=1), timedelta(hours=1)
HALF_AT: Final = 40.0
"""Accepted in a second by a process: then it rests as long as a decision took it, with twice as many twice as long."""
REST_MAX: Final = 40.0
"""Times as long as the decision took, at most: in a flood deciding takes a fortieth of the process's time."""

log = structlog.get_logger(__name__)


@cache
def _oldest() -> Gauge:
    words = "For how long the application waits for its decision that was accepted first of those that do"
    return Gauge("sitthi_applications_undecided_seconds", words)


@dataclass(frozen=True, slots=True)
class Settled:
    """How many were decided; how many had moved on by themselves; how many are tried again."""

    decided: int = 0
    moved: int = 0
    failed: int = 0


def rest(spent: float, taken: int, seconds: float) -> float:
    """For how many seconds a process rests that spent so many on a decision, having accepted so many applications in
    the seconds since it last rested."""
    return spent * min(taken / max(seconds, spent, 1e-6) / HALF_AT, REST_MAX)


class Deciding:
    """`taken` counts what this process accepted so far: as long as it grows, deciding keeps out of the way."""

    def __init__(
        self,
        service: ApplyService,
        database: Database,
        clock: Clock,
        *,
        counter: ApplicationCounter | None = None,
        taken: Callable[[], int] = lambda: 0,
    ) -> None:
        self._service, self._db, self._clock, self._counter, self._taken = service, database, clock, counter, taken

    async def run(self) -> Settled:
        """All that is due, oldest first, one transaction each. Of two processes each takes others."""
        counts = {"decided": 0, "moved": 0, "failed": 0}
        taken, looked = self._taken(), time.perf_counter()
        while True:
            now = self._clock.now()
            async with self._db.read() as session:
                oldest = await repository.oldest(session)
            _oldest().set(0 if oldest is None else max((now - oldest).total_seconds(), 0))
            if oldest is None:
                break
            async with self._db.write() as session:
                rows = await repository.claim(session, now, now + LEASE, BATCH)
            if not rows:
                break
            for row in rows:
                if self._clock.now() > now + LEASE / 2:
                    break  # before it is anybody else's: what is left of them comes due again
                began = time.perf_counter()
                counts[await self._one(row)] += 1
                ended, before, taken = time.perf_counter(), taken, self._taken()
                if taken != before:
                    await sleep(rest(ended - began, taken - before, ended - looked))
                looked = ended
        return Settled(**counts)

    async def _one(self, row: Application) -> str:
        try:
            again = None if _is_moved(row) else await self._service.prepare_reconsideration(row.person, row.id)
            return await self._settle(row, again)
        except SitthiError as error:  # the others do not wait for this one
            async with self._db.read() as session:
                found = await own(session, row.person, row.id)
            if found is None or _is_moved(found):  # meanwhile: nothing went wrong
                return await self._settle(row, None)
            log.warning("application.not_decided_yet", application=row.id.hex, code=error.code)
            return await self._put_off(row)
        except Exception:  # a mistake of ours, in one of them: the others do not wait for this one either
            log.exception("application.not_decided_yet", application=row.id.hex)
            return await self._put_off(row)

    async def _put_off(self, row: Application) -> str:
        now = self._clock.now()
        wait = min(max((now - row.created_at) / 4, PUT_OFF_MIN), PUT_OFF_MAX)
        async with self._db.write() as session:
            await repository.put_off(session, row.person, row.id, now + wait)
        return "failed"

    async def _settle(self, row: Application, again: Reconsideration | None) -> str:
        """Without `again`, it is only owed no more: it is decided as any other that waits."""
        async with self._db.write() as session:
            if not await repository.settle(session, row.person, row.id):
                return "moved"
            if again is not None:
                await self._service.reconsider(session, again)
            if self._counter is not None:
                asked = len(self._service.answers_of(row))
                read = 0 if again is None else again.prepared.read
                await self._counter.count(session, application=row.id, service=row.subject, filled=read, asked=asked)
        return "moved" if again is None else "decided"


def _is_moved(row: Application) -> bool:
    """Whether somebody moved it meanwhile."""
    return row.version != 1 or row.status != Status.SUBMITTED
