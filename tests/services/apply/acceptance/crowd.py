"""A process of its own that accepts applications until it is killed, and says which of them it was told are accepted.

Prints `asked KEY PERSON` before and `told KEY PERSON APPLICATION` after each. People and keys are those of a seed, so
that several processes, one after the other, ask for the same.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime
from random import Random  # noqa: TID251 (people and keys from a seed)
from uuid import UUID

from core.clock import BANGKOK, FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.settings import Settings
from services.apply.service import ApplyService
from tests.services.apply.acceptance.conftest import claim_of
from tests.services.apply.conftest import (
    PROGRAMME,
    RecordingNotices,
    Room,
    ScriptedDecider,
    TableAwarder,
    accepting,
)

LANES = 24


async def crowd(url: str, seed: int) -> None:
    keys, clock = KeyRing("k1", {"k1": bytes(32)}, bytes(32)), FixedClock(datetime(2026, 11, 16, 12, tzinfo=BANGKOK))
    database = Database(Settings(database_url=url).sqlalchemy_url)
    decider, notices, awarder = ScriptedDecider(), RecordingNotices(), TableAwarder()
    service = ApplyService(database, keys, clock, deciders={"programme": decider}, awarder=awarder, notices=notices)
    acceptance = accepting(Room(database, clock, keys, decider, notices, service, awarder))

    async def lane(number: int) -> None:
        chance = Random(seed * LANES + number)
        while True:
            person = UUID(int=chance.getrandbits(128), version=4)
            for key in [f"key-{person.hex[:8]}"] * chance.choice([1, 1, 2]):
                _say(f"asked {key} {person.hex}")
                made = await acceptance.accept(claim_of(person, key), PROGRAMME, None, asked=True)
                if made is not None:
                    _say(f"told {key} {person.hex} {made.id.hex}")

    await asyncio.gather(*(lane(number) for number in range(LANES)))


def _say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2])))
