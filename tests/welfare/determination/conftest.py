from __future__ import annotations

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.database import Database
from tests.welfare.determination.populations import Land


@pytest.fixture
def land(database: Database, redis: Redis, clock: FixedClock) -> Land:
    return Land(database, redis, clock)
