"""Tells everybody, once, what the committed list says of our own names: at a start, before the first request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from api.deprecations.ours import OURS, OurNames, our_names
from core.clock import Clock
from core.database import Database
from services.plugins.notices.history import History, Whose, standing_notices


async def tell_our_names(
    db: Database,
    clock: Clock,
    lock: Callable[[AsyncSession], Awaitable[object]],
    names: OurNames | None = None,
) -> bool:
    """Answers whether there was anything new. `lock` holds back others who would publish."""
    names = names or our_names()
    async with db.read() as session:
        stood = (await standing_notices(session, OURS)).get(OURS, {})
    if stood == dict(names.standing):
        return False
    async with db.write() as session:
        await lock(session)
        return await History(session, clock.now()).of_our_own(Whose(OURS, "", ""), names.standing, names.removed)
