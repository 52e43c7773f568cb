"""Figures for monitoring: what is owed to agencies, how attempts ended, what was dropped."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge

from services.apply.delivery.repository import Owed

_NAMES: Final = ("plugin", "step")


class DeliveryFigures:
    def attempted(self, plugin: str, step: str, outcome: str) -> None:
        _attempts().labels(plugin, step, outcome).inc()

    def dropped(self, plugin: str, count: int) -> None:
        _dropped().labels(plugin).inc(count)

    def show(self, owed: Iterable[Owed]) -> None:
        """Replaces what the gauges said before."""
        for gauge in (_owed(), _stuck()):
            gauge.clear()
        for one in owed:
            _owed().labels(one.plugin, one.step).set(one.count)
            _stuck().labels(one.plugin, one.step).set(one.stuck)


@cache
def _attempts() -> Counter:
    words = "Attempts to reach an agency's service about an application or an event, by how they ended"
    return Counter("sitthi_delivery_attempts", words, (*_NAMES, "outcome"))


@cache
def _dropped() -> Counter:
    return Counter("sitthi_delivery_events_dropped", "Events that no plugin took within a month", ("plugin",))


@cache
def _owed() -> Gauge:
    words = "What is owed to agencies' services now, but for looks at the state that go well"
    return Gauge("sitthi_deliveries_owed", words, _NAMES)


@cache
def _stuck() -> Gauge:
    words = "Of what is owed, what was tried five times or meets trouble for an hour: somebody should look"
    return Gauge("sitthi_deliveries_stuck", words, _NAMES)
