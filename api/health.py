"""`/health/live` and `/health/ready`, which a balancer asks: uncounted by any limit, and so never dear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from redis.asyncio import Redis
from sqlalchemy import text

from core.database import Database

FRESH_SECONDS: Final = 0.1
"""For so long an answer is everybody's, however often they ask."""


class Readiness:
    """What this process needs and does not reach: ten looks a second at most, shared by all who ask."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._db, self._redis = db, redis
        self._looking: asyncio.Task[Sequence[str]] | None = None
        self._began_at = float("-inf")

    async def failing(self) -> Sequence[str]:
        is_over = self._looking is None or self._looking.done()
        if self._looking is None or (is_over and time.monotonic() - self._began_at >= FRESH_SECONDS):
            self._began_at = time.monotonic()
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)  # whoever goes away takes nobody's answer along

    async def _look(self) -> Sequence[str]:
        failing = []
        try:
            async with self._db.read() as session:
                await session.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - whatever it is, we are not ready
            failing.append("database")
        try:
            await self._redis.ping()
        except Exception:  # noqa: BLE001 - whatever it is, we are not ready
            failing.append("cache")
        return failing


def health_router(readiness: Readiness) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> Response:
        return JSONResponse({"status": "live"})

    @router.get("/health/ready")
    async def ready() -> Response:
        """503 while the database or the cache does not answer."""
        failing = list(await readiness.failing())
        body = {"status": "ready" if not failing else "not ready", "failing": failing}
        return JSONResponse(body, 503 if failing else 200)

    return router
