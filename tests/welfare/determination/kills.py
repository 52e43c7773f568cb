"""A register on which real processes work, each killed at a seeded moment; then who was told twice, or left out."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251 (moments from a seed)
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from identity.inbox.models import Message
from tests.welfare.determination.killed import BEGAN, settled
from tests.welfare.determination.villages import REAL, Village
from welfare.programmes import Outcome

ROOT: Final = Path(__file__).parents[3]
GRANT, DCY = "child-support-grant", "dcy"
HELD_MINUTES: Final = 3
"""After which what a killed reader had for itself is free."""
MOMENTS: Final = 400
LATER_MOMENTS: Final = 60
"""About so many pass until a register of a small village is drawn up, and until what was put right is followed."""


class Register:
    """Of the child support grant: houses, children, and a message once to each parent."""

    def __init__(self, land: Village, url: str, village: str) -> None:
        self.land, self._url, self._village = land, url, village
        self.phase = self.minutes = self.killed = 0

    async def drawn_up(self) -> UUID:
        land = self.land
        await settled(land, self._village, 0)
        maker, checker = await land.officers(DCY)
        for one in (maker.person, checker.person):
            land.houses[one] = land.kin[one] = None
        proposal = await land.propose(maker, programmes=[GRANT], tell=True)
        async with land.database.write() as session:
            await land.proposals.approve(session, checker, proposal)
        return proposal

    async def worked_on(self, run: UUID, moments: Sequence[int]) -> list[str]:
        """What became of each process that was started on it, one after the other."""
        cases = []
        for moment in moments:
            self.minutes += HELD_MINUTES
            cases.append(f"{run.hex}:{self.phase}:{self.minutes}:{moment}")
        words = ["-m", "tests.welfare.determination.killed", self._url, self._village, *cases]
        process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=PIPE, cwd=ROOT)
        said, _ = await process.communicate()
        assert process.returncode == 0, said
        became = said.decode().split()
        self.killed += became.count("killed")
        return became

    async def put_right(self) -> None:
        """The next phase: some facts are others from now on."""
        self.phase, self.minutes = self.phase + 1, 0
        land = self.land
        fresh = Village(land.database, land.redis, land.clock)
        await settled(fresh, self._village, self.phase)
        for person, facts in fresh.people.items():
            land.people[person] |= facts
        land.clock.set(BEGAN + timedelta(hours=self.phase))

    async def faults(self, run: UUID) -> list[str]:
        """Nothing, it is hoped."""
        land, found = self.land, await self.land.answers_on_children(run)
        faults = [] if found == land.every(REAL[GRANT]) else ["the answers are not those of one citizen at a time"]
        row = await land.row(run)
        if (row.state, row.people) != ("DECIDED", len(land.people)):
            faults.append(f"{row.state}: {row.people} people instead of {len(land.people)}")
        told = await self._told()
        ever = await self._ever_entitled(run)
        faults += [f"told {count} times" for person, count in told.items() if count > ever.get(person, 0)]
        entitled = {
            person
            for (person, _, _), one in found.items()
            if one == Outcome.MET and not land.people[person]["deceased"]
        }
        alive = {person for person in entitled if land.people[person].get("deceased") is False}
        faults += ["somebody entitled was not told"] * len(alive - told.keys())
        for person in land.people:
            if not any(one.request == run for one in await land.exchange.entries(person)):
                faults.append("somebody was read without an entry")
        return faults

    async def _told(self) -> Counter[UUID]:
        query = select(col(Message.person)).where(col(Message.template) == "welfare.newly_entitled")
        async with self.land.database.read() as session:
            return Counter((await session.scalars(query)).all())

    async def _ever_entitled(self, run: UUID) -> Counter[UUID]:
        """How many spells of a parent were told of; of several children at once it is one message."""
        spells = [one for person in self.land.people for one in await self.land.spells(person, GRANT)]
        moments = {(one.person, one.told_at) for one in spells if one.told_at is not None}
        return Counter(person for person, _ in moments)


def moments_of(dice: Random, count: int, most: int = MOMENTS) -> list[int]:
    return [dice.randint(1, most) for _ in range(count)]
