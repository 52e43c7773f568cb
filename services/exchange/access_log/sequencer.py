"""The sequencer: gives each committed record its place in the tree, once, within a second (docs/adr/0018).

Records are appended by many transactions at once, which become visible in another order than that of their ids or of
their numbers: whoever remembers the last one taken and asks for later ones loses those that were slower. So a round
remembers the *snapshot* up to which all is in the tree, and takes what a newer snapshot shows and that one did not.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import cache
from typing import Final

from prometheus_client import Gauge

from core.attestation.service import Attestor
from core.clock import Clock
from core.database import Database
from core.database_faults import DatabaseUnavailable
from services.exchange.access_log.sequencer_state import Head
from services.exchange.access_log.sequencing import ledger_of
from services.exchange.access_log.verify import HEAD

ROUND_MAX: Final = 20_000
"""Records that one round takes."""
SEQUENCED_EVERY: Final = timedelta(milliseconds=400)
AFTER_OUTAGE_SECONDS: Final = 1.0


@cache
def lag() -> Gauge:
    """Made when first needed, once in a process."""
    return Gauge("sitthi_access_log_lag_seconds", "Since all of the access log was known to be in its tree")


class Sequencer:
    """One per process; of several at once one works. `log` names this log in its heads."""

    def __init__(self, database: Database, attestor: Attestor, clock: Clock, log: str) -> None:
        self._ledger = ledger_of(database)
        self._attestor, self._clock, self._log = attestor, clock, log
        self._whole_at = time.monotonic()

    async def run(self) -> int:
        """The job: rounds until nothing is left; answers how many records got their place.

        The gauge `sitthi_access_log_lag_seconds` says how long ago it last found, or left, all of the log in the tree.
        """
        total, placed = 0, ROUND_MAX
        try:
            while placed == ROUND_MAX and await self._ledger.has_work():
                placed = await self.round()
                total += placed
            if placed:  # nothing waited, or what did has its place; 0: another process is at it
                self._whole_at = time.monotonic()
        except DatabaseUnavailable:  # it is in the process's log already, and asking again at once mends nothing
            await asyncio.sleep(AFTER_OUTAGE_SECONDS)
            return 0
        finally:
            lag().set(time.monotonic() - self._whole_at)
        return total

    async def round(self, limit: int = ROUND_MAX) -> int:
        """Gives up to `limit` records their places, in one transaction with tiles, head and state.

        Answers how many; 0 also when another process is at it. Raises DatabaseUnavailable.
        """
        return await self._ledger.round(self._signed, limit)

    async def _signed(self, size: int, root: bytes) -> Head:
        at = self._clock.now()
        claims = {"size": size, "root": root.hex(), "at": at.isoformat(), "log": self._log}
        return Head(size, at, root, await self._attestor.sign(claims, typ=HEAD))
