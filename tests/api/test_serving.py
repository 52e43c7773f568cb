"""What a serving process keeps from the garbage collector."""

from __future__ import annotations

import gc

import pytest

from api.app import create_app
from api.serving import serving
from core.clock import FixedClock
from core.settings import Settings


@pytest.mark.in_turn
async def test_once_started_a_collection_looks_at_nothing_that_came_to_stay(
    settings: Settings, database_url: str, clock: FixedClock
) -> None:
    app = serving(create_app(settings, clock))
    before = gc.get_freeze_count()
    try:
        async with app.router.lifespan_context(app):
            assert gc.get_freeze_count() - before > 100_000
            assert len(gc.get_objects()) < 10_000
    finally:
        gc.unfreeze()
