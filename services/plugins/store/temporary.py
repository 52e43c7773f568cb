"""A store for a run that is only a check."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from tempfile import TemporaryDirectory

from core.clock import Clock
from services.plugins.contract.store import NoStore, Store
from services.plugins.plugin import Plugin
from services.plugins.store.migrations import Migration


def temporary_store(plugin: Plugin, clock: Clock) -> AbstractAsyncContextManager[Store]:
    """An empty store that is gone after the block."""
    return temporary_tables(plugin.slug, plugin.migrations, clock)


@asynccontextmanager
async def temporary_tables(slug: str, migrations: Sequence[Migration], clock: Clock) -> AsyncIterator[Store]:
    """The same of tables that no plugin stands beside."""
    if not migrations:
        yield NoStore()
        return
    # few plugins have tables, and a check of one without loads no database
    from core.database import Database  # noqa: PLC0415
    from services.plugins.store.store import PLACES, READERS, DatabaseStore  # noqa: PLC0415

    with TemporaryDirectory(prefix="sitthi-store-") as folder:
        database = Database(f"sqlite+aiosqlite:///{folder}/store.db", durable=False, pool_size=PLACES + READERS)
        store = DatabaseStore(slug, database, migrations, clock)
        try:
            yield store
        finally:
            await store.close()
