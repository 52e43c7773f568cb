"""How a serving process starts, and what it keeps from the garbage collector."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

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


@pytest.mark.in_turn
async def test_the_start_of_a_server_comes_through_every_layer(
    settings: Settings, database_url: str, clock: FixedClock
) -> None:
    app = create_app(settings, clock)
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    await to_app.put({"type": "lifespan.startup"})
    running = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, to_app.get, from_app.put))
    try:
        await asyncio.wait({running, told := asyncio.create_task(from_app.get())}, return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running.exception()
        assert told.result() == {"type": "lifespan.startup.complete"}
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await asyncio.gather(running, return_exceptions=True)
