"""What keeps one agency's trouble its own: a lane with so many places, and a breaker that stops asking the silent.

The states of a breaker: closed (asks) → open after `failures_max` failures in a row (refuses at once, for
`open_seconds`) → half-open (lets one through) → closed when that one succeeds, open when it fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneLimits:
    places: int = 20
    """Calls of one plugin that may run at once; those beyond wait within their own time limit."""
    failures_max: int = 5
    open_seconds: float = 10.0


class LaneClosed(Exception):
    """The breaker is open: the agency is not asked."""


class Breaker:
    """Counts failures in a row. `seconds` is a clock that only moves forward."""

    def __init__(self, limits: LaneLimits, seconds: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._seconds = limits, seconds
        self._failures = 0
        self._opened_at: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        if self._opened_at is None:
            return False
        return self._trying or self._seconds() - self._opened_at < self._limits.open_seconds

    def enter(self) -> None:
        """Raises :class:`LaneClosed`. Whoever enters says afterwards how it went."""
        if self.is_open:
            raise LaneClosed
        self._trying = self._opened_at is not None

    def succeeded(self) -> None:
        self._failures, self._opened_at, self._trying = 0, None, False

    def failed(self) -> None:
        self._failures += 1
        if self._trying or self._failures >= self._limits.failures_max:
            self._opened_at = self._seconds()
        self._trying = False

    def left(self) -> None:
        """Nobody knows how it went: the caller gave up."""
        self._trying = False


class Lane:
    """The way to one plugin."""

    def __init__(self, limits: LaneLimits, seconds: Callable[[], float] = time.monotonic) -> None:
        self.breaker = Breaker(limits, seconds)
        self._places = asyncio.Semaphore(limits.places)

    @asynccontextmanager
    async def enter(self, time_limit_seconds: float) -> AsyncIterator[None]:
        """Waits for a place, then lets the block run; both together take the time limit at most.

        Raises :class:`LaneClosed` at once when the breaker is open, or opens while waiting, and `TimeoutError`. Only
        the block's own failures count for the breaker: a crowd is not the agency's fault.
        """
        if self.breaker.is_open:
            raise LaneClosed
        deadline = asyncio.get_running_loop().time() + time_limit_seconds
        async with asyncio.timeout_at(deadline):
            await self._places.acquire()
        try:
            async with self._watched(), asyncio.timeout_at(deadline):
                yield
        finally:
            self._places.release()

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        self.breaker.enter()
        try:
            yield
        except Exception:
            self.breaker.failed()
            raise
        except BaseException:
            self.breaker.left()
            raise
        self.breaker.succeeded()
