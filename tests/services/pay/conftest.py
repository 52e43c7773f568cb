from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from core.clock import FixedClock
from core.database import Database
from services.sandbox.bank import bank_app
from tests.services.pay.town import TownHall


@pytest.fixture
async def hall(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[TownHall]:
    app = bank_app(tmp_path / "bank" / "bank.sqlite", clock)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as client:
        yield TownHall(database, clock, app.state.bank, client)
