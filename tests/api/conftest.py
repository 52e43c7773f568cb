"""The whole application for each test, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.clock import FixedClock
from core.settings import Settings
from tests.conftest import run_directory
from tests.support.app import Served, served
from tests.support.population import furnish


@pytest.fixture
async def sitthi(
    request: pytest.FixtureRequest, settings: Settings, database_url: str, clock: FixedClock
) -> AsyncIterator[Served]:
    """The application over a migrated database of its own and a small population, at the clock's moment."""
    furnish(run_directory(request.config), settings.data, clock.today())
    async with served(settings, clock) as app:
        yield app
