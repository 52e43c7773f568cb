"""The application as a server's process runs it: what came to stay when it began is kept from the garbage collector.

After its start a process holds some 340,000 objects that refer to each other (the graph, the catalogue, programmes,
classes) and live as long as it does. A full collection looks at each: it held up the event loop, and everybody who was
waiting on it, for a few tenths of a second whenever enough had been asked (docs/measurements.md). Put aside once
(`gc.freeze`), they are never looked at again, and what a collection finds is what requests left. When that is looked
for, api/collecting.py says.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from api.app import create_app
from api.collecting import Collecting, only_the_young


def serving(app: FastAPI) -> FastAPI:
    """The same application; once it has started, all that there is in the process is put aside."""
    start = app.router.lifespan_context

    @asynccontextmanager
    async def started(app: FastAPI) -> AsyncIterator[Any]:
        async with start(app) as state:
            gc.collect()
            gc.freeze()
            collecting = asyncio.create_task(Collecting().run())
            try:
                with only_the_young():
                    yield state
            finally:
                collecting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await collecting

    app.router.lifespan_context = started
    return app


def create_serving_app() -> FastAPI:
    """What each process of `sitthi serve` runs. Not for a process that makes several: none of them would ever go."""
    return serving(create_app())
