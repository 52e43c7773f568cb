"""What was put right by a command is forgotten by the server whose cache nobody else can reach.

Without Redis the cache lives in the one process that serves; what the command line does reaches it through the
database.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.clock import Clock
from core.database import Database
from identity.people.correction import KnownFacts
from services.exchange.corrections.repository import CorrectionRepository

FOLLOW_EVERY: Final = timedelta(seconds=2)
OVERLAP: Final = timedelta(minutes=2)
"""A transaction that began earlier may be seen later."""
BATCH: Final = 500


class Forgetting:
    """One per process. It begins with what was put right shortly before the process started."""

    def __init__(self, db: Database, clock: Clock, facts: KnownFacts) -> None:
        self._db, self._clock, self._facts = db, clock, facts
        self._done: dict[UUID, datetime] = {}

    async def run(self) -> int:
        """Answers for how many cases it forgot. Raises `ServiceUnavailable` while the cache cannot be told."""
        now = self._clock.now()
        async with self._db.read() as session:
            found = await CorrectionRepository(session).corrected_since(now - OVERLAP, limit=BATCH)
        self._done = {key: at for key, at in self._done.items() if at > now - 2 * OVERLAP}
        new = [(key, person) for key, person in found if key not in self._done]
        for key, person in new:
            await self._facts.forget(person)
            self._done[key] = now
        return len(new)
