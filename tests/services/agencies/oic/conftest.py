from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.database import Database
from services.plugins.store.stores import Stores
from tests.services.agencies.oic.office import INSURER, Office, plugin_of_the_office
from tests.support.plugins.far_side import key_ring


@pytest.fixture
async def office(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    """With one insurer on its register; on both databases, as tables of a plugin are."""
    stores = Stores(database, key_ring(), clock, tmp_path)
    office = Office(clock, stores.of(plugin_of_the_office()))
    assert await office.takes("insurers", INSURER) == []
    yield office
    await stores.close()
