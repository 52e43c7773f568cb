"""When a serving process collects its oldest garbage: while nobody waits for it, if there is such a moment.

A full collection looks at all that came to stay since the start (tokens that are remembered, first of all) and stops
everything for 20 to 35 ms of a busy process. By itself Python begins one in the middle of a flood, because that is when
objects are made. So it is left the young ones, which take less than a millisecond, and the oldest are looked at in a
moment of little work; in the middle of work only when so much has come that waiting longer could cost memory.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

YOUNG: Final = (10_000, 20)
"""Objects made and not gone since the last collection of the youngest; of those, collections, until the next elder."""
NEVER: Final = 1_000_000_000
LOOK_SECONDS: Final = 1.0
QUIET: Final = 0.2
"""Of a process's time: with less work than that, a collection makes nobody wait that would be noticed."""
REST_SECONDS: Final = 60.0
"""At least so long between two that nothing presses for."""
ELDER_MAX: Final = 50
"""Collections of the elder young: then the oldest are looked at whatever goes on. Some 10 million objects were made
since that had not gone at once."""

log = structlog.get_logger(__name__)


class Collecting:
    """Of one process. :meth:`look` is called every second or so, on the thread of its event loop."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.perf_counter,
        cpu: Callable[[], float] = time.thread_time,
        elder: Callable[[], int] = lambda: gc.get_count()[2],
        collect: Callable[[], object] = gc.collect,
    ) -> None:
        self._wall, self._cpu, self._elder, self._collect = wall, cpu, elder, collect
        self._looked, self._worked, self._collected = wall(), cpu(), wall()

    def look(self) -> bool:
        """Whether it collected."""
        now, worked = self._wall(), self._cpu()
        is_quiet = worked - self._worked < (now - self._looked) * QUIET
        elder, is_rested = self._elder(), now - self._collected >= REST_SECONDS
        is_due = elder >= ELDER_MAX or (elder > 0 and is_quiet and is_rested)
        if is_due:
            self._collect()
            self._collected = self._wall()
            log.debug("garbage_collected", seconds=round(self._collected - now, 4), quiet=is_quiet)
        self._looked, self._worked = self._wall(), self._cpu()
        return is_due

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()


@contextmanager
def only_the_young() -> Iterator[None]:
    """In the block Python itself collects no oldest garbage."""
    before = gc.get_threshold()
    gc.set_threshold(*YOUNG, NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
