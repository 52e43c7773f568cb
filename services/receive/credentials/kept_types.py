"""Types of credentials as they were when the first was issued: what a `vct` leads to stays, byte for byte, as long as
wallets may hold one, whatever the service's manifest says since (SD-JWT VC §7, `vct#integrity`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.models import KeptType
from services.receive.credentials.needs import Offered
from services.receive.credentials.types import CredentialType, type_of


class KeptTypes:
    """One per process; opens its own transactions."""

    def __init__(self, db: Database, clock: Clock, issuers: IssuerKeys) -> None:
        self._db, self._clock, self._issuers = db, clock, issuers
        self._known: dict[str, CredentialType] = {}

    async def keep(self, offered: Offered) -> CredentialType:
        """The type under which one is about to be issued. To be called in no transaction."""
        if offered.configuration not in self._known:
            async with self._db.write() as session:
                kept = await self.keep_with(session, offered)
            self._known[offered.configuration] = kept
        return self._known[offered.configuration]

    async def keep_with(self, session: AsyncSession, offered: Offered) -> CredentialType:
        """As :meth:`keep`, in the transaction that issues: what is not issued leaves nothing."""
        if offered.configuration in self._known:
            return self._known[offered.configuration]
        made = type_of(offered, self._issuers)
        row = {"agency": offered.agency, "configuration": offered.configuration, "document": made.document}
        dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(KeptType).values(**row, kept_at=self._clock.now())
        await session.execute(insert.on_conflict_do_nothing())
        kept = await session.get(KeptType, (offered.agency, offered.configuration))
        assert kept is not None, "it is there, and types stay"
        return CredentialType(made.vct, kept.document)

    def at_hand(self, offered: Offered) -> CredentialType:
        """As :meth:`keep`, which was called before."""
        return self._known[offered.configuration]

    async def document(self, agency: str, configuration: str) -> bytes | None:
        """Of a type under which anything was issued."""
        async with self._db.read() as session:
            row = await session.get(KeptType, (agency, configuration))
        return None if row is None else row.document
