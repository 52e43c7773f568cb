"""A program that works on a register and is killed: `python -m …killed URL VILLAGE RUN:PHASE:MINUTES:MOMENT…`.

For each it forks a child that settles the made-up village, puts facts right as the phases up to that one say, and then
reads, decides, follows and tells; SIGKILL comes at that moment, counted over every statement and commit on the database
and every question to a source. Moment 0 never comes. It prints, for each, how many moments went by, or that the child
was killed. It forks before anything has started a thread.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 (what is put right, from a seed)
from typing import Any, Final
from uuid import UUID

from fakeredis.aioredis import FakeRedis
from sqlalchemy import event

from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.money import Money
from core.settings import Settings
from services.exchange.facts import Reading
from tests.welfare.determination.villages import Village

BEGAN: Final = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)
CHUNK: Final = 5
PUT_RIGHT: Final = 4
"""Facts in each phase after the first."""


class Moments:
    """Counts, and kills the process at the chosen one."""

    def __init__(self, deadly: int) -> None:
        self.deadly, self.count = deadly, 0

    def __call__(self, *_: Any) -> None:
        self.count += 1
        if self.count == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)


async def settled(land: Village, village: str, phase: int) -> None:
    """The village with all that was put right in the phases up to this one, in the same order in every process."""
    houses, _, seed = village.partition(":")
    await land.settle(int(houses), int(seed))
    now = land.clock.now()
    for number in range(1, phase + 1):
        dice, people = Random(f"{seed}:{number}"), sorted(land.people)
        land.clock.set(BEGAN + timedelta(hours=number))
        for person in dice.sample(people, PUT_RIGHT):
            if dice.random() < 0.5:
                land.change(person, annual_income=dice.choice((Money(0), Money.baht(900_000), Money.baht(90_000))))
            else:
                land.change(person, person_status=dice.choice(("normal", "institution")))
    land.clock.set(now)


def watched(land: Village, tick: Moments) -> None:
    """A moment at each step that leaves the process."""
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(land.database.engine.sync_engine, name, tick)
    for source in land.sources.values():
        real = source.read

        async def read(person: Any, attributes: Collection[str], real: Any = real) -> Mapping[str, Reading]:
            tick()
            told: Mapping[str, Reading] = await real(person, attributes)
            return told

        source.read = read  # type: ignore[method-assign]


async def work(url: str, village: str, run: UUID, phase: int, minutes: int, tick: Moments) -> None:
    database = Database(Settings(database_url=url).sqlalchemy_url)
    land = Village(database, FakeRedis(), FixedClock(BEGAN + timedelta(hours=phase, minutes=minutes)))
    await settled(land, village, phase)
    watched(land, tick)
    await land.determinations.run(run, chunk=CHUNK)
    await land.determinations.follow(chunk=CHUNK)
    await land.telling.run()
    await database.close()


def main(url: str, village: str, *cases: str) -> None:
    for case in cases:
        run, phase, minutes, moment = case.split(":")
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            tick = Moments(int(moment))
            asyncio.run(work(url, village, UUID(hex=run), int(phase), int(minutes), tick))
            os.write(writer, str(tick.count).encode())
            os._exit(0)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        passed = os.read(reader, 20).decode()
        os.close(reader)
        if not os.WIFSIGNALED(status) and status != 0:
            raise SystemExit(f"{case}: the child failed by itself")
        print("killed" if os.WIFSIGNALED(status) else passed, flush=True)  # noqa: T201 - how it answers


if __name__ == "__main__":
    main(*sys.argv[1:])
