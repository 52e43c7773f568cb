"""The whole application for each test, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from core.clock import FixedClock
from core.settings import Settings
from tests.api.asking import Asking
from tests.conftest import NOW, run_directory
from tests.laws.tables import contents
from tests.support.app import Served, served
from tests.support.databases import Databases, Kind
from tests.support.population import furnish


@pytest.fixture
async def sitthi(
    request: pytest.FixtureRequest, settings: Settings, database_url: str, clock: FixedClock
) -> AsyncIterator[Served]:
    """The application over a migrated database of its own and a small population, at the clock's moment."""
    furnish(run_directory(request.config), settings.data, clock.today())
    async with served(settings, clock) as app:
        yield app


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Kind.SQLITE, Kind.POSTGRESQL])
async def house(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """One application for all of these tests on each database: none of them may change it."""
    folder, clock = tmp_path_factory.mktemp("bad-input"), FixedClock(NOW)
    furnish(run_directory(request.config), folder / "data", clock.today())
    with databases.clone(request.param, folder) as url:
        given: dict[str, Any] = {"data": folder / "data", "database_url": url}
        async with served(Settings(**given), clock) as app:
            for persona in ("elder", "graduate"):  # whom one meets by looking is entered in the register of people
                await app.graph("{ viewer { entitlements { status } } }", persona=persona)
            yield app


@pytest_asyncio.fixture(loop_scope="module")
async def ask(
    house: Served, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Asking]:
    """After each test every table is as it was."""
    before = await contents(house.house.db)
    yield Asking(house, capsys, caplog)
    assert await contents(house.house.db) == before
