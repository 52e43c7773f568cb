"""Maintenance windows as a worker knows them: looked at before every call, so in memory, and few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.clock import Clock
from core.text import Text


@dataclass(frozen=True, slots=True)
class Window:
    """From `begins_at` on, until just before `ends_at`."""

    id: UUID
    slug: str
    begins_at: datetime
    ends_at: datetime
    words: Text
    operations: frozenset[str] = frozenset()
    """None of them: all."""

    def is_on(self, now: datetime) -> bool:
        return self.begins_at <= now < self.ends_at

    def covers(self, operation: str) -> bool:
        return not self.operations or operation in self.operations

    def meets(self, begins_at: datetime, ends_at: datetime, operations: frozenset[str]) -> bool:
        """Whether at some moment some operation would be in both."""
        at_once = self.begins_at < ends_at and begins_at < self.ends_at
        return at_once and (not self.operations or not operations or not self.operations.isdisjoint(operations))


class Windows:
    """Those of this moment and of later. The follower swaps them as a whole when an agency announces or cancels one."""

    def __init__(self, clock: Clock, windows: Iterable[Window] = ()) -> None:
        self._clock = clock
        self._of: Mapping[str, tuple[Window, ...]] = {}
        self.swap(windows)

    def swap(self, windows: Iterable[Window]) -> None:
        of: dict[str, tuple[Window, ...]] = {}
        for window in sorted(windows, key=lambda one: (one.begins_at, one.id)):
            of[window.slug] = (*of.get(window.slug, ()), window)
        self._of = of

    def of(self, slug: str) -> Sequence[Window]:
        """Those that are on or to come, the next one first."""
        windows = self._of.get(slug, ())
        if not windows:
            return ()
        now = self._clock.now()
        return [window for window in windows if now < window.ends_at]

    def on(self, slug: str, operation: str) -> Window | None:
        """The one because of which the operation is not asked now; of several the one that ends last."""
        if slug not in self._of:
            return None
        now = self._clock.now()
        found = [one for one in self._of[slug] if one.is_on(now) and one.covers(operation)]
        return max(found, key=lambda one: one.ends_at, default=None)

    def is_on(self, slug: str) -> bool:
        """Whether any of the service's operations is not asked now."""
        if slug not in self._of:
            return False
        now = self._clock.now()
        return any(one.is_on(now) for one in self._of[slug])
