"""Who sends, where it is not the agency: a juristic person of its register, in the name of an officer."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from identity.juristic.errors import NotItsOfficer
from identity.juristic.register import JuristicRegister, Represented
from identity.provider.subjects import Subjects
from services.plugins.contract import Reporter
from services.plugins.plugin import Plugin

AGENT: Final = "AgentID"
"""The header by which a system names its officer, by the key of the appointment. GDX has one of that name too."""
_KEY: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Senders:
    def __init__(self, db: Database, register: JuristicRegister, subjects: Subjects) -> None:
        self._db, self._register, self._subjects = db, register, subjects

    async def admit(self, plugin: Plugin, operation: str, client: str, agent: str) -> Reporter:
        """Who reports, if that system may send to the operation in the name of that officer; it is written into the
        juristic person's trail. Raises `NotItsOfficer` and `PowerMissing`."""
        async with self._db.write() as session:
            acting = await self._acting(session, plugin, operation, client, agent)
            self._register.note_act(session, acting, f"{plugin.slug}/{operation}")
        return reporter_of(acting, self._subjects)

    async def still(self, plugin: Plugin, operation: str, client: str, agent: str) -> None:
        """That it is still so. Raises as :meth:`admit`."""
        async with self._db.read() as session:
            await self._acting(session, plugin, operation, client, agent)

    async def _acting(
        self, session: AsyncSession, plugin: Plugin, operation: str, client: str, agent: str
    ) -> Represented:
        power = plugin.manifest.operations[operation].power
        if power is None or not _KEY.fullmatch(agent):
            raise NotItsOfficer
        agency = plugin.manifest.agency.slug
        return await self._register.acting_by_client(
            session, client, agency=agency, appointment=UUID(hex=agent), power=power
        )


def reporter_of(acting: Represented, subjects: Subjects) -> Reporter:
    """Who acts, as a plugin is told: also of an officer who acts in the graph (identity/juristic/acting)."""
    # The same name as that of a citizen whose token is forwarded: no client of the provider can bear it.
    officer = subjects.of(acting.person, f"agency {acting.agency}")
    return Reporter(acting.number, acting.kind.value, officer, acting.client or "")
