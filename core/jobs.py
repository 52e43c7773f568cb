"""Work that comes round: jobs that a serving process repeats. Each may run twice at once, and be cut off anywhere.

What must not be lost lies in rows that carry their own state; a job only looks for rows that wait. So nothing here is
remembered, and every worker may run every job.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import delete
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from core.models import IdempotencyRecord

IDEMPOTENCY_KEPT: Final = timedelta(days=30)

log = structlog.get_logger("core.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """`run` is called every `every`, the first time one interval after the start."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]


@asynccontextmanager
async def repeating(jobs: Sequence[Job]) -> AsyncIterator[None]:
    """Repeats the jobs while the block runs. One that fails is logged by name and tried again at its next turn."""
    tasks = [asyncio.create_task(_repeat(job), name=job.name) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def forget_old_keys(db: Database, clock: Clock) -> int:
    """Forgets idempotency keys after 30 days; answers how many."""
    async with db.write() as session:
        before = clock.now() - IDEMPOTENCY_KEPT
        gone = await session.execute(delete(IdempotencyRecord).where(col(IdempotencyRecord.created_at) < before))
        return gone.rowcount  # type: ignore[attr-defined,no-any-return]  # of a CursorResult, which DML answers


async def _repeat(job: Job) -> None:
    while True:
        await asyncio.sleep(job.every.total_seconds())
        try:
            await job.run()
        except Exception:
            log.exception("job failed", job=job.name)
