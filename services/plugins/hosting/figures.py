"""What operators see of host processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from prometheus_client import Counter, Gauge


@dataclass(frozen=True, slots=True)
class Figures:
    up: Gauge
    memory: Gauge
    ended: Counter
    open: Counter


@cache
def figures() -> Figures:
    """Made at first use: a process that hosts nothing shows none."""
    return Figures(
        Gauge("sitthi_package_up", "Whether the host process of a package answers", ["plugin"]),
        Gauge("sitthi_package_memory_bytes", "Resident memory of a package's host process", ["plugin"]),
        Counter("sitthi_package_host_ended", "Host processes that ended and were started again", ["plugin", "why"]),
        Counter("sitthi_package_open", "Host processes that began without what keeps them in", ["plugin", "lacks"]),
    )
