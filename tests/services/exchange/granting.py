"""A process of its own that grants and withdraws consents, many at a time; test_consent_races.py starts two.

Reads one JSON document from standard input: `{"url", "person", "now", "acts"}`, each act a list of attributes to agree
to (null: all), or `{"withdraw": id}`. Writes `[{"id"} or {"error"}]` to standard output, in the order of the acts.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.database import Database
from core.errors import SitthiError
from services.exchange.consent.receipts import ConsentReceipts
from services.exchange.consent.service import ConsentService
from services.exchange.consent.texts import load_texts
from tests.services.exchange.consenting import ISSUER, SCREENING, WORDS
from tests.services.exchange.fakes import CATALOGUE, KEYS


async def act(service: ConsentService, db: Database, person: UUID, wanted: Any) -> dict[str, str]:
    try:
        if isinstance(wanted, dict):
            leaving = await service.prepare_withdrawal(db, person, UUID(hex=wanted["withdraw"]))
            async with db.write() as session:
                return {"id": (await service.withdraw(session, leaving)).id.hex}
        made = await service.prepare_grant(db, person, purpose=SCREENING.id, text_version=WORDS, attributes=wanted)
        async with db.write() as session:
            return {"id": (await service.grant(session, made)).id.hex}
    except SitthiError as error:
        return {"error": error.code}


async def main() -> None:
    given = json.load(sys.stdin)
    db, clock = Database(given["url"]), FixedClock(datetime.fromisoformat(given["now"]))
    receipts = ConsentReceipts(CATALOGUE, load_texts(), KEYS, Attestor(db, KEYS, clock, ISSUER))
    service = ConsentService(CATALOGUE, clock, receipts)
    person = UUID(hex=given["person"])
    done = await asyncio.gather(*(act(service, db, person, one) for one in given["acts"]))
    sys.stdout.write(json.dumps(done))
    await db.close()


if __name__ == "__main__":
    asyncio.run(main())
