from __future__ import annotations

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.database import Database
from tests.services.exchange.fakes import Exchange


@pytest.fixture
async def exchange(database: Database, redis: Redis, clock: FixedClock) -> Exchange:
    """A gate over DOPA and the revenue department, and one family that they know."""
    made = Exchange(database, redis, clock)
    await made.family()
    return made
