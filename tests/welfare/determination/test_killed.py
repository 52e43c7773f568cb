"""kill -9 of whoever reads, decides, follows and tells: nobody is told twice, and nobody is left out."""

from __future__ import annotations

from random import Random  # noqa: TID251 (moments from a seed)
from typing import Final

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.database import Database
from tests.welfare.determination.kills import LATER_MOMENTS, MOMENTS, Register, moments_of
from tests.welfare.determination.villages import Village

KILLS: Final = 5


@pytest.mark.fakeredis_only
async def test_killed_at_any_moment_nobody_is_told_twice_and_nobody_is_left_out(
    database: Database, database_url: str, redis: Redis, clock: FixedClock
) -> None:
    dice = Random(11)
    register = Register(Village(database, redis, clock), database_url, "8:3")
    run = await register.drawn_up()
    most = MOMENTS
    while register.killed < KILLS:
        became = await register.worked_on(run, [*moments_of(dice, KILLS - 2, most), 0])
        assert became[-1] != "killed"
        assert await register.faults(run) == []
        await register.put_right()
        most = LATER_MOMENTS
