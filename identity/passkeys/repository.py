"""Reading passkeys. The person comes first; by credential alone only where somebody is about to prove who they are."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from identity.passkeys.models import Passkey


class PasskeyRows:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, person: UUID) -> Sequence[Passkey]:
        """Those that work, the eldest first."""
        query = select(Passkey).where(col(Passkey.person) == person, col(Passkey.ended_at).is_(None))
        return (await self._session.scalars(query.order_by(col(Passkey.id)))).all()

    async def own(self, person: UUID, key: UUID) -> Passkey | None:
        """Also one that works no more."""
        found: Passkey | None = await self._session.scalar(
            select(Passkey).where(col(Passkey.person) == person, col(Passkey.id) == key)
        )
        return found

    async def by_credential(self, credential_id: bytes, *, lock: bool = False) -> Passkey | None:
        """The one that works under this id; with `lock` nobody else uses it until the transaction ends."""
        query = select(Passkey).where(col(Passkey.credential_id) == credential_id, col(Passkey.ended_at).is_(None))
        found: Passkey | None = await self._session.scalar(query.with_for_update() if lock else query)
        return found
