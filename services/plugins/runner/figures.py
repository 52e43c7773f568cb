"""What operators see of the operations: figures for monitoring, and a view of this process's lanes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol

from prometheus_client import Counter, Gauge, Histogram

from services.plugins.runner.guards import BreakerState, Lane

WELL: Final = "WELL"
DECLINED: Final = "DECLINED"
"""The agency answered with an error that its manifest declares."""
CACHED: Final = "CACHED"
"""A kept answer was given again; the agency was not asked."""
ABANDONED: Final = "ABANDONED"
"""Whoever asked went away."""
_STATES: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class LaneHealth:
    """One operation, as this process has met it since it started."""

    plugin: str
    operation: str
    breaker: BreakerState
    failures: int
    """In a row, up to now."""
    running: int
    waiting: int
    last: str | None
    """How the last call ended: `WELL`, `DECLINED`, `ABANDONED` or a code of :class:`Trouble`."""


class Counting(Protocol):
    """Sums up how operations answer, for the catalogue."""

    def count(self, slug: str, operation: str, outcome: str, seconds: float | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Own:
    """The figures of one operation, looked up once."""

    seconds: Histogram
    breaker: Gauge
    running: Gauge
    waiting: Gauge


@dataclass(slots=True)
class Watch:
    """A lane, and what is told of it."""

    plugin: str
    operation: str
    lane: Lane
    last: str | None = None
    own: _Own | None = None
    calls: dict[str, Counter] = field(default_factory=dict)
    tally: Counting | None = None

    def ended(self, outcome: str, seconds: float) -> None:
        self.last = outcome
        self._calls(outcome).inc()
        self._told.seconds.observe(seconds)
        self.tell()
        if self.tally is not None:
            self.tally.count(self.plugin, self.operation, outcome, seconds)

    def tell(self) -> None:
        """Brings the gauges to this moment: that a pause is over, no call tells."""
        told = self._told
        told.breaker.set(_STATES[self.lane.breaker.state])
        told.running.set(self.lane.running)
        told.waiting.set(self.lane.waiting)

    def spared(self, outcome: str = CACHED) -> None:
        """It was not asked: a kept answer was given again, or there is maintenance."""
        self._calls(outcome).inc()
        if self.tally is not None:
            self.tally.count(self.plugin, self.operation, outcome)

    @property
    def _told(self) -> _Own:
        if self.own is None:
            all_, names = figures(), (self.plugin, self.operation)
            gauges = (gauge.labels(*names) for gauge in (all_.breaker, all_.running, all_.waiting))
            self.own = _Own(all_.seconds.labels(*names), *gauges)
        return self.own

    def _calls(self, outcome: str) -> Counter:
        if outcome not in self.calls:
            self.calls[outcome] = figures().calls.labels(self.plugin, self.operation, outcome)
        return self.calls[outcome]

    @property
    def health(self) -> LaneHealth:
        breaker = self.lane.breaker
        return LaneHealth(
            self.plugin,
            self.operation,
            breaker.state,
            breaker.failures,
            self.lane.running,
            self.lane.waiting,
            self.last,
        )


@dataclass(frozen=True, slots=True)
class Figures:
    calls: Counter
    seconds: Histogram
    breaker: Gauge
    running: Gauge
    waiting: Gauge
    of_agency: Gauge


@cache
def figures() -> Figures:
    """Made when first needed, once in a process."""
    names = ["plugin", "operation"]
    return Figures(
        Counter("sitthi_agency_calls_total", "Operations of plugins by how they ended", [*names, "outcome"]),
        Histogram("sitthi_agency_seconds", "How long they took, waiting for a place included", names, buckets=_BUCKETS),
        Gauge("sitthi_agency_breaker", "0 closed, 1 half-open, 2 open: the agency is not asked", names),
        Gauge("sitthi_agency_running", "Calls under way", names),
        Gauge("sitthi_agency_waiting", "Calls waiting for a place", names),
        Gauge("sitthi_agency_service", "1: whose a plugin is, to sum the others up by agency", ["agency", "plugin"]),
    )
