"""Consents that ended by themselves get their end and its receipt; so does an end that nobody could sign for before."""

from __future__ import annotations

from typing import Final

from core.clock import Clock
from core.database import Database
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.service import ConsentService

BATCH: Final = 200


async def give_receipts(db: Database, clock: Clock, consents: ConsentService) -> int:
    """Answers how many it wrote. Every process may run it at the same time; of two, one writes."""
    async with db.read() as session:
        waiting = await ConsentRepository(session).to_receipt(clock.now(), limit=BATCH)
    written = 0
    for consent in waiting:
        receipt = await consents.prepare_end(consent)
        async with db.write() as session:
            written += await consents.end(session, receipt)
    return written
