"""What keeps one operation's trouble its own: a lane with so many places, and a breaker that stops asking the silent.

The states of a breaker: closed (asks) → open after `failures_max` failures in a row (refuses at once, for
`open_seconds`) → half-open (lets one through, the probe) → closed when the probe succeeds, open when it fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from services.plugins.runner.errors import is_of_the_call


@dataclass(frozen=True, slots=True)
class LaneLimits:
    places: int = 20
    """Calls of one operation that may run at once; those beyond wait within their own time limit."""
    waiting: int = 40
    """Calls that may wait for a place; one more is refused at once."""
    failures_max: int = 5
    open_seconds: float = 10.0
    hold_seconds_max: float = 60.0
    """An agency that asks to be left alone (`Retry-After`) is left alone no longer than this."""


class LaneClosed(Exception):
    """The breaker is open: the agency is not asked."""


class LaneFull(Exception):
    """Too many wait already: the agency is not asked."""


class BreakerState(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"
    """The next call may try, or is trying."""


class Breaker:
    """Counts failures in a row. `seconds` is a clock that only moves forward.

    While it is not closed only the probe's outcome counts: what was under way when it opened says nothing new.
    """

    def __init__(self, limits: LaneLimits, seconds: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._seconds = limits, seconds
        self._failures = 0
        self._open_until: float | None = None
        self._trying = False

    @property
    def state(self) -> BreakerState:
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._seconds() < self._open_until else BreakerState.HALF_OPEN

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        return self._trying or self.state is BreakerState.OPEN

    @property
    def failures(self) -> int:
        """In a row, up to now."""
        return self._failures

    def enter(self) -> bool:
        """Whether this call is the probe. Raises :class:`LaneClosed`. Whoever enters says afterwards how it went."""
        if self.is_open:
            raise LaneClosed
        self._trying = self._open_until is not None
        return self._trying

    def succeeded(self, *, probe: bool = False) -> None:
        if probe or self._open_until is None:
            self._failures, self._open_until, self._trying = 0, None, False

    def failed(self, *, probe: bool = False) -> None:
        if not probe and self._open_until is not None:
            return
        self._failures += 1
        if probe or self._failures >= self._limits.failures_max:
            self._open_until, self._trying = self._seconds() + self._limits.open_seconds, False

    def left(self, *, probe: bool = False) -> None:
        """Nobody knows how it went: the caller gave up."""
        if probe:
            self._trying = False

    def hold(self, seconds: float) -> None:
        """Opens it, at the agency's own wish, for so long."""
        until = self._seconds() + min(seconds, self._limits.hold_seconds_max)
        self._open_until = max(until, self._open_until or until)


class Lane:
    """The way to one operation of one plugin."""

    def __init__(self, limits: LaneLimits, seconds: Callable[[], float] = time.monotonic) -> None:
        self.breaker = Breaker(limits, seconds)
        self.running = 0
        self.waiting = 0
        self._limits = limits
        self._places: dict[int, asyncio.Semaphore] = {}
        """By how many there are: two versions of a plugin, side by side for a moment, may declare different numbers."""

    @asynccontextmanager
    async def enter(self, time_limit_seconds: float, places_max: int | None = None) -> AsyncIterator[None]:
        """Waits for one of `places_max` places (or as many as the limits say), then lets the block run; both together
        take the time limit at most.

        Raises :class:`LaneClosed` at once when the breaker is open, or opens while waiting, :class:`LaneFull` at once
        when too many wait, and `TimeoutError`. Only the block's own failures count for the breaker: a crowd is not the
        agency's fault, nor is what lies in the one call, its subject's file or its arguments.
        """
        if self.breaker.is_open:
            raise LaneClosed
        places = self._of(places_max or self._limits.places)
        deadline = asyncio.get_running_loop().time() + time_limit_seconds
        if places.locked():
            await self._wait(places, deadline)
        else:
            await places.acquire()  # at once
        self.running += 1
        try:
            probe = self.breaker.enter()
            try:
                async with asyncio.timeout_at(deadline):
                    yield
            except Exception as error:
                if is_of_the_call(error):
                    self.breaker.left(probe=probe)
                else:
                    self.breaker.failed(probe=probe)
                raise
            except BaseException:
                self.breaker.left(probe=probe)
                raise
            self.breaker.succeeded(probe=probe)
        finally:
            self.running -= 1
            places.release()

    async def _wait(self, places: asyncio.Semaphore, deadline: float) -> None:
        if self.waiting >= self._limits.waiting:
            raise LaneFull
        self.waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await places.acquire()
        finally:
            self.waiting -= 1

    def _of(self, places_max: int) -> asyncio.Semaphore:
        if places_max not in self._places:
            self._places[places_max] = asyncio.Semaphore(places_max)
        return self._places[places_max]
