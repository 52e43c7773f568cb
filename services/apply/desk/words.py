"""What officers write about a person: sealed under that person's data key, so that it goes with them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.crypto import KeyRing, SealBroken
from core.envelope import SubjectKeys
from core.sealed import bound_to


class Words:
    def __init__(self, keys: KeyRing) -> None:
        self._subjects = SubjectKeys(keys)

    async def seal(self, session: AsyncSession, column: Any, person: UUID, key: UUID, said: Any) -> bytes:
        """JSON, for the row `key` of that column. `session` is a write session."""
        own = await self._subjects.for_sealing(session, person)
        return own.seal(orjson.dumps(said), bound_to=bound_to(column, key))

    async def open(self, session: AsyncSession, column: Any, person: UUID, key: UUID, sealed: bytes) -> Any:
        """None for what was erased."""
        try:
            return orjson.loads(await self._subjects.open(session, person, sealed, bound_to=bound_to(column, key)))
        except SealBroken:
            return None
