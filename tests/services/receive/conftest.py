from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.database import Database
from services.pay.rails.bank import BankRail
from services.receive.service import Receipts
from services.sandbox.bank import bank_app
from tests.services.pay.town import KEYS, TownHall, jobs_over

ISSUER = "https://sitthi.example"


@pytest.fixture
def attestor(database: Database, clock: FixedClock) -> Attestor:
    return Attestor(database, KEYS, clock, ISSUER)


@pytest.fixture
def receipts(clock: FixedClock, attestor: Attestor) -> Receipts:
    return Receipts(clock, KEYS, ISSUER, attestor)


@pytest.fixture
async def hall(database: Database, clock: FixedClock, receipts: Receipts, tmp_path: Path) -> AsyncIterator[TownHall]:
    """A town hall whose settled payments get receipts."""
    app = bank_app(tmp_path / "bank.sqlite", clock)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as client:
        hall = TownHall(database, clock, app.state.bank, client)
        hall.jobs = jobs_over(database, clock, BankRail(client, "http://bank"), hall.awards, receipts)
        yield hall
