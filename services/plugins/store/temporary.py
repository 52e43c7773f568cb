"""A store for a run that is only a check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

from core.clock import Clock
from services.plugins.contract.store import NoStore, Store
from services.plugins.plugin import Plugin


@asynccontextmanager
async def temporary_store(plugin: Plugin, clock: Clock) -> AsyncIterator[Store]:
    """An empty store that is gone after the block."""
    if not plugin.migrations:
        yield NoStore()
        return
    # few plugins have tables, and a check of one without loads no database
    from core.database import Database  # noqa: PLC0415
    from services.plugins.store.store import PLACES, DatabaseStore  # noqa: PLC0415

    with TemporaryDirectory(prefix="sitthi-store-") as folder:
        database = Database(f"sqlite+aiosqlite:///{folder}/store.db", durable=False, pool_size=PLACES)
        store = DatabaseStore(plugin.slug, database, plugin.migrations, clock)
        try:
            yield store
        finally:
            await store.close()
