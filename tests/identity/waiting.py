"""Waiting for what happens in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], bool], *, seconds: float = 5) -> None:
    """Raises TimeoutError when it does not come to hold in time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def until_answered(holds: Callable[[], Awaitable[bool]], *, seconds: float = 5) -> None:
    """The same of what has to be asked for."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is asked for is in another process
            await asyncio.sleep(0.05)
