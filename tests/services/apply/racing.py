"""A process of its own in which many of one household, or of one child's parents, apply at once.

Says `ready`, waits for a line, and then prints how many of its attempts made an application.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from core.clock import BANGKOK, FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from services.apply.errors import AlreadyApplied
from services.apply.service import ApplyService, Submission
from tests.services.apply.conftest import PROGRAMME, RecordingNotices, ScriptedDecider, TableAwarder


async def race(url: str, unit: str, attempts: int) -> int:
    keys, clock = KeyRing("k1", {"k1": bytes(32)}, bytes(32)), FixedClock(datetime(2026, 11, 16, 12, tzinfo=BANGKOK))
    database = Database(Settings(database_url=url).sqlalchemy_url, durable=False)
    service = ApplyService(
        database, keys, clock, deciders={"programme": ScriptedDecider(unit=unit)}, awarder=TableAwarder(),
        notices=RecordingNotices(),
    )  # fmt: skip
    people = [new_id() for _ in range(attempts)]
    submissions = [await service.prepare(one, one, PROGRAMME) for one in people]
    print("ready", flush=True)  # noqa: T201 - told to the test
    await asyncio.to_thread(sys.stdin.readline)

    async def attempt(submission: Submission) -> bool:
        try:
            async with database.write() as session:
                await service.apply(session, submission)
        except AlreadyApplied:
            return False
        return True

    done = await asyncio.gather(*(attempt(one) for one in submissions))
    await database.close()
    return sum(done)


if __name__ == "__main__":
    print(asyncio.run(race(sys.argv[1], sys.argv[2], int(sys.argv[3]))), flush=True)  # noqa: T201 - told to the test
