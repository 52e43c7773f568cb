"""How a host process is looked after."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from services.plugins.hosting.handover import HostLimits


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, all of them."""

    start_seconds: float = 20.0
    """A host that does not answer so long after its start has failed."""
    watch_seconds: float = 1.0
    """Between two looks at it."""
    hang_seconds: float = 5.0
    """One whose loop does not turn for so long is replaced."""
    stop_seconds: float = 5.0
    """How long calls that it has taken may go on when the server stops, or a host is replaced."""
    again_seconds: float = 0.25
    """Before it is started again after it ended; doubled with each end that comes soon after a start."""
    again_seconds_max: float = 60.0
    steady_seconds: float = 60.0
    """A host that lived so long has started well."""
    limits: HostLimits = field(default_factory=HostLimits)

    def wait_seconds(self, failures: int) -> float:
        """Before the next start, after so many soon ends in a row; by chance a half to the whole of it, so that hosts
        that fell together do not start together."""
        whole: float = min(self.again_seconds_max, self.again_seconds * 2 ** min(failures - 1, 30))
        return whole * (0.5 + secrets.randbelow(1_000) / 2_000)
