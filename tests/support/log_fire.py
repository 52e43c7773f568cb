"""The access log under fire: processes that write and sequence are killed at seeded moments, and the database too.

`script/soak` does it a thousand times, the tests twenty.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import random  # noqa: TID251 - moments, which must be the same again
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final
from uuid import UUID

from core.attestation.service import Attestor
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from tests.support.log_process import ISSUER, KEYS, WRITERS, begin, sequencer_of
from tests.support.postgres import Postgres
from tests.support.sequenced import Sequenced, sequenced

_PROCESSES: Final = multiprocessing.get_context("forkserver")
"""They begin as copies of one that has loaded everything: a kill costs no second of imports."""
_PROCESSES.set_forkserver_preload(["tests.support.log_process"])
PROGRESS_SECONDS_MAX: Final = 60.0
PAUSE_SECONDS_MAX: Final = 0.4
"""Between one kill and the next, beside the wait for records to be acknowledged again."""


@dataclass
class Target:
    """A process of one kind, started again whenever it was killed. `acknowledged` are the records it told of."""

    url: str
    writers: int
    sequences: bool
    acknowledged: set[UUID] = field(default_factory=set)

    def start(self) -> None:
        receiving, sending = _PROCESSES.Pipe(duplex=False)
        given = (self.url, self.writers, sending, self.sequences)
        self._process = _PROCESSES.Process(target=begin, args=given, daemon=True)
        self._process.start()
        sending.close()  # so that the pipe ends with the process
        self._reader = threading.Thread(target=self._read, args=(receiving,))
        self._reader.start()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._reader.join()

    def _read(self, receiving: Connection) -> None:
        with receiving, contextlib.suppress(EOFError, OSError):  # what the kill cut off tells nothing
            while told := receiving.recv_bytes():
                self.acknowledged.update(UUID(bytes=told[at : at + 16]) for at in range(0, len(told), 16))


@dataclass(frozen=True, slots=True)
class Survived:
    """What was killed how often, and what stood afterwards."""

    kills: dict[str, int]
    acknowledged: int
    log: Sequenced


async def under_fire(
    url: str, *, kills: int, seed: int, cluster: Postgres | None = None, tell: Callable[[int], object] = lambda _: None
) -> Survived:
    """Kills that many times, then looks whether every acknowledged record stands in the tree exactly once.

    `url` as in SITTHI_DATABASE_URL, of a migrated database; with `cluster` that too is crashed. Fails otherwise.
    On SQLite all is one process, as it is where people run it.
    """
    driven = Settings(database_url=url).sqlalchemy_url
    if cluster is None:
        targets = {"process": [Target(driven, 2 * WRITERS, sequences=True)]}
    else:
        targets = {
            "writers": [Target(driven, WRITERS, sequences=False) for _ in range(2)],
            "sequencer": [Target(driven, 0, sequences=True) for _ in range(2)],
        }
    count = dict.fromkeys([*targets, *(["database"] if cluster is not None else [])], 0)
    chance = random.Random(seed)
    all_targets = [target for some in targets.values() for target in some]
    async with AsyncExitStack() as running:
        for target in all_targets:
            await running.enter_async_context(_running(target))
        for number in range(kills):
            await _progress(all_targets)
            await asyncio.sleep(chance.uniform(0, PAUSE_SECONDS_MAX))
            victim = chance.choice(sorted(count))
            count[victim] += 1
            if victim == "database" and cluster is not None:
                await asyncio.to_thread(cluster.stop, signal.SIGQUIT)
                await asyncio.to_thread(cluster.start)
            else:
                target = chance.choice(targets[victim])
                await asyncio.to_thread(target.kill)
                target.start()
            tell(number + 1)
    acknowledged = {record for target in all_targets for record in target.acknowledged}
    return Survived(count, len(acknowledged), await _standing(driven, acknowledged))


@asynccontextmanager
async def _running(target: Target) -> AsyncIterator[None]:
    target.start()
    try:
        yield
    finally:
        await asyncio.to_thread(target.kill)


async def _progress(targets: list[Target]) -> None:
    """Waits until a record more is acknowledged: a kill of what does nothing shows nothing."""
    before = sum(len(target.acknowledged) for target in targets)
    async with asyncio.timeout(PROGRESS_SECONDS_MAX):
        while sum(len(target.acknowledged) for target in targets) == before:  # noqa: ASYNC110 - threads tell it
            await asyncio.sleep(0.02)


async def _standing(url: str, acknowledged: set[UUID]) -> Sequenced:
    database = Database(url)
    try:
        sequencer, idle = sequencer_of(database), 0
        while idle < 3:
            idle = 0 if await sequencer.round() else idle + 1
        return await sequenced(database, Attestor(database, KEYS, SystemClock(), ISSUER), acknowledged=acknowledged)
    finally:
        await database.close()
