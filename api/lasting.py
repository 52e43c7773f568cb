"""What stays open ends with the sign-in that opened it: WebSockets and event streams (docs/adr/0012)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import orjson

from api.errors import as_json
from core.errors import SitthiError
from core.graph import Context
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.revocations import Revocations


async def until_ended(context: Context) -> SitthiError:
    """Returns why, once the sign-in of the viewer has expired or was ended; never, when there is no viewer."""
    viewer = context.viewer
    if viewer is None:
        await asyncio.Event().wait()
        raise AssertionError
    left = (viewer.expires_at - context.clock.now()).total_seconds()
    revoked = context.rooms.get(Revocations).until_revoked(viewer.ended_by)
    try:
        await asyncio.wait_for(revoked, max(left, 0))
    except TimeoutError:
        return TokenExpired()
    return TokenInvalid()


async def ending_with(context: Context, stream: Callable[[], AsyncIterator[str]]) -> AsyncGenerator[str]:
    """An event stream (`graphql-sse`), until its sign-in ends; then it says so and is complete."""
    ended = asyncio.ensure_future(until_ended(context))
    events = aiter(stream())
    try:
        while True:
            following = asyncio.ensure_future(_next(events))
            await asyncio.wait({following, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                await _cancelled(following)
                if not isinstance(why := ended.result(), TokenExpired):  # which the client could see coming
                    said = orjson.dumps(as_json(why, context.language)).decode()
                    yield f"event: next\ndata: {said}\n\n"
                yield "event: complete\ndata:\n\n"
                return
            event = following.result()
            if event is None:
                return
            yield event
    finally:
        await _cancelled(ended)
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def _next(events: AsyncIterator[str]) -> str | None:
    return await anext(events, None)


async def _cancelled(task: asyncio.Future[object] | asyncio.Future[str | None] | asyncio.Future[SitthiError]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
