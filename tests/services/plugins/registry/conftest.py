from __future__ import annotations

import pytest

from core.clock import FixedClock
from core.database import Database
from tests.support.services import Registering


@pytest.fixture
def services(database: Database, clock: FixedClock) -> Registering:
    return Registering(database, clock)
