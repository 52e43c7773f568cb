from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.database import Database
from tests.services.pay.fees.till import Till, till_over


@pytest.fixture
async def till(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Till]:
    async with till_over(database, clock, tmp_path / "bills.sqlite") as made:
        yield made
