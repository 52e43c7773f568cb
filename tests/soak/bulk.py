"""`script/soak bulk`: kills what looks at whole populations with SIGKILL at seeded moments, starts it again, and then
asks who was told twice, or left out. Registers of a village are drawn up and followed, one after the other."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random  # noqa: TID251 (villages and moments from a seed)
from typing import Final

from fakeredis.aioredis import FakeRedis

from core import migrations
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from tests.support.postgres import Postgres
from tests.welfare.determination.killed import BEGAN
from tests.welfare.determination.kills import LATER_MOMENTS, MOMENTS, Register, moments_of
from tests.welfare.determination.villages import Village

KILLS: Final = 200
AT_ONCE: Final = 12
PHASES: Final = 5


@contextlib.asynccontextmanager
async def a_database(url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrations.upgrade, url)
    database = Database(Settings(database_url=url).sqlalchemy_url)
    try:
        yield database
    finally:
        await database.close()


async def one_village(url: str, seed: int, left: int) -> tuple[int, list[str]]:
    """How many were killed, and what was wrong afterwards."""
    dice, faults = Random(seed), list[str]()
    async with a_database(url) as database:
        village = f"{dice.randint(5, 14)}:{seed}"
        register = Register(Village(database, FakeRedis(), FixedClock(BEGAN)), url, village)
        run, most = await register.drawn_up(), MOMENTS
        for phase in range(PHASES):
            moments = moments_of(dice, min(AT_ONCE, max(left - register.killed, 0)), most)
            await register.worked_on(run, [*moments, 0])
            faults += [f"seed {seed}, phase {phase}: {one}" for one in await register.faults(run)]
            await register.put_right()
            most = LATER_MOMENTS
    return register.killed, faults


async def soak(kills: int, seed: int, on: str) -> int:
    began, killed, villages, faults = time.monotonic(), 0, 0, list[str]()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        postgres = stack.enter_context(Postgres.running()) if on == "postgresql" else None
        while killed < kills and not faults:
            name = f"soak{villages}"
            url = f"sqlite:///{Path(folder) / name}.sqlite" if postgres is None else postgres.create(name)
            found, wrong = await one_village(url, seed + villages, kills - killed)
            killed, villages, faults = killed + found, villages + 1, faults + wrong
    seconds = time.monotonic() - began
    print(  # noqa: T201 - its answer
        f"bulk on {on}, seed {seed}, {seconds:.0f} s: {killed} kills in {villages} villages, {len(faults)} faults"
    )
    for fault in faults:
        print(f"  {fault}")  # noqa: T201 - its answer
    return 1 if faults else 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/soak bulk")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default=None)
    given = parser.parse_args()
    both = [given.on] if given.on else ["sqlite", "postgresql"]
    sys.exit(max(asyncio.run(soak(given.kills, given.seed, on)) for on in both))


if __name__ == "__main__":
    main()
