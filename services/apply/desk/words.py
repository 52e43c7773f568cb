"""What officers write about a person: sealed under that person's data key, so that it goes with them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.crypto import KeyRing, SealBroken
from core.envelope import SubjectKeys


class Words:
    """`place` is what a seal is bound to: `bound_to(Model.column, key)`."""

    def __init__(self, keys: KeyRing) -> None:
        self._subjects = SubjectKeys(keys)

    async def seal(self, session: AsyncSession, person: UUID, said: Any, *, place: str) -> bytes:
        """`said` is JSON; `session` is a write session."""
        own = await self._subjects.for_sealing(session, person)
        return own.seal(orjson.dumps(said), bound_to=place)

    async def open(self, session: AsyncSession, person: UUID, sealed: bytes, *, place: str) -> Any:
        """None for what was erased, and for what is another row's."""
        try:
            return orjson.loads(await self._subjects.open(session, person, sealed, bound_to=place))
        except SealBroken:
            return None
