"""What the far side remembers: nonces, so that no call counts twice, and what calls with an effect ended in.

Both live in the process. An agency that answers from several, or that restarts while calls are under way, keeps them
where all of them look: the id of an application is its key for ever, so its own table of applications does for that.
A call is remembered by its hash. Answers that are documents, or long for another reason, are remembered as long as a
bounded memory holds them, the last ones first, and one that is asked for again after that is made again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from services.plugins.contract.wire import FRESH_SECONDS, KEY_REMEMBERED_DAYS

NONCES_MAX: Final = 200_000
RUNS_MAX: Final = 100_000
LARGE_BYTES: Final = 64 * 1024
"""More than any state of an application takes: nothing that is not a document is usually so long."""
LARGE_TOTAL_BYTES: Final = 64_000_000
"""Of all documents and long answers that are remembered at once. One may be of 7 MB; a host process has 300."""
NONCE_SECONDS: Final = 2 * FRESH_SECONDS
"""A call may be signed `FRESH_SECONDS` ahead of our clock, and is fresh for as long again after that."""
REMEMBERED_FOR: Final = timedelta(days=KEY_REMEMBERED_DAYS)

Answer = TypeVar("Answer")


class MemoryFull(Exception):
    """Nothing more can be remembered; a call is rather not taken than taken twice."""


class KeyReused(Exception):
    """The idempotency key belongs to another call."""


class Nonces:
    """Nonces by the key that signed them, each for as long as a call with it could be fresh."""

    def __init__(self, entries_max: int = NONCES_MAX) -> None:
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._max = entries_max

    def first(self, keyid: str, nonce: str, now: datetime) -> bool:
        """Whether it is met for the first time; it is met now. Raises :class:`MemoryFull`."""
        while self._seen and now - next(iter(self._seen.values())) > timedelta(seconds=NONCE_SECONDS):
            self._seen.popitem(last=False)
        if (keyid, nonce) in self._seen:
            return False
        if len(self._seen) >= self._max:
            raise MemoryFull
        self._seen[keyid, nonce] = now
        return True


@dataclass(slots=True)
class _Run(Generic[Answer]):
    call: bytes
    began: datetime
    task: asyncio.Task[Answer]


class Runs(Generic[Answer]):
    """Calls with an effect, by key: the same call runs once, however often it comes and though it comes at once."""

    def __init__(self, entries_max: int = RUNS_MAX, size_of: Callable[[Answer], int] = lambda _: 0) -> None:
        """`size_of` says how many bytes an answer takes of :data:`LARGE_TOTAL_BYTES`; one of 0 is forgotten
        with its key alone."""
        self._runs: OrderedDict[str, _Run[Answer]] = OrderedDict()
        self._max, self._size_of = entries_max, size_of
        self._large: OrderedDict[str, int] = OrderedDict()
        self._large_bytes = 0

    async def once(self, key: str, call: bytes, run: Callable[[], Awaitable[Answer]], now: datetime) -> Answer:
        """What `run` answers, or answered when the call came first. One that failed may be tried again.

        Whoever asked may go away meanwhile: the run goes on. Raises :class:`KeyReused`, :class:`MemoryFull`, and what
        `run` raises.
        """
        self._forget(now)
        call = hashlib.sha256(call).digest()
        found = self._runs.get(key)
        if found is None:
            if len(self._runs) >= self._max:
                raise MemoryFull
            found = self._runs[key] = _Run(call, now, asyncio.ensure_future(self._tried(key, run)))
            found.task.add_done_callback(_heard)
        elif found.call != call:
            raise KeyReused
        return await asyncio.shield(found.task)

    async def _tried(self, key: str, run: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await run()
        except BaseException:
            self._runs.pop(key, None)
            raise
        if size := self._size_of(answer):
            self._large[key] = size
            self._large_bytes += size
            while self._large_bytes > LARGE_TOTAL_BYTES and len(self._large) > 1:
                oldest = next(iter(self._large))
                self._drop(oldest)
        return answer

    def _drop(self, key: str) -> None:
        self._runs.pop(key, None)
        self._large_bytes -= self._large.pop(key, 0)

    def _forget(self, now: datetime) -> None:
        while self._runs:
            key, first = next(iter(self._runs.items()))
            if now - first.began <= REMEMBERED_FOR or not first.task.done():
                return
            self._drop(key)


def _heard(task: asyncio.Task[Any]) -> None:
    """Whoever asked may have gone away before it failed."""
    if not task.cancelled():
        task.exception()
