from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.database import Database
from services.plugins.store.stores import Stores
from tests.services.agencies.oic.office import POLICY, plugin_of_the_office
from tests.services.agencies.oic_claims.fund import INSURER, Fund
from tests.support.plugins.far_side import key_ring


@pytest.fixture
async def fund(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Fund]:
    """With one insurer and one policy, which covers 1กข 1234 of Bangkok to 16:30 on 16 November 2026."""
    stores = Stores(database, key_ring(), clock, tmp_path)
    fund = Fund(clock, stores.of(plugin_of_the_office()))
    assert await fund.takes("insurers", INSURER) == []
    await fund.reports(POLICY)
    yield fund
    await stores.close()
