"""What a process does that issues credentials and takes some back, until it is killed: `python -m … URL`.

Each line says what is committed: `issued LIST PLACE`, `revoked LIST PLACE`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final
from uuid import UUID

from core.clock import SystemClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from services.receive.credentials import repository
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.models import WalletCredential
from services.receive.credentials.status import Status
from services.receive.credentials.statuses import StatusLists

KEYS: Final = KeyRing("test", {"test": bytes(range(32))}, bytes(range(32, 64)))
AGENCY: Final = "mhesi"
PLACES: Final = 64
"""Of a list: few, so that lists follow each other."""
PERSON: Final = UUID(int=1)


def lists_of(database: Database) -> StatusLists:
    clock = SystemClock()
    return StatusLists(
        database, KEYS, clock, IssuerKeys(database, KEYS, clock, "https://sitthi.example"), places=PLACES
    )


async def work(url: str) -> None:
    database = Database(Settings(database_url=url).sqlalchemy_url)
    lists, now, turn = lists_of(database), SystemClock().now(), 0
    while True:
        turn += 1
        async with database.write() as session:
            places = await lists.give(session, AGENCY, 1 + turn % 3)
            rows = [
                WalletCredential(
                    person=PERSON, id=new_id(), offer=new_id(), agency=AGENCY, configuration="degree.1",
                    list=one.list, place=one.place, issued_at=now, expires_at=now,
                )
                for one in places
            ]  # fmt: skip
            session.add_all(rows)
        for one in places:
            print(f"issued {one.list} {one.place}", flush=True)  # noqa: T201 - to the test
        if turn % 2:
            async with database.write() as session:
                for row in rows:
                    await repository.set_status(session, row, Status.INVALID, now)
            for one in places:
                print(f"revoked {one.list} {one.place}", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
