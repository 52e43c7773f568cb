"""Systems of a juristic person: clients that prove themselves by keys (`private_key_jwt`).

An officer of it with the power `manage:systems` keeps them. Ending one takes that officer, or any director: a key may
have leaked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import NotFound
from core.text import Text
from identity.juristic.errors import NotItsOfficer, PowerMissing, TooManySystems
from identity.juristic.models import JuristicPerson, JuristicStep
from identity.juristic.register import By, JuristicRegister
from identity.messages import MESSAGES
from identity.provider.endings import Endings
from identity.provider.models import Client
from identity.provider.registration import juristic_client, register_client, replace_keys

MANAGE: Final = "manage:systems"
SYSTEMS_MAX: Final = 20
"""Of one juristic person, that work."""
CHANGED: Final = MESSAGES["juristic.systems"]
_CLIENT: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


class Systems:
    def __init__(self, register: JuristicRegister, clock: Clock) -> None:
        self._register, self._clock = register, clock

    async def add(
        self, session: AsyncSession, person: UUID, juristic: UUID, name: Text, jwks: Mapping[str, Any]
    ) -> Client:
        """Raises :class:`NotItsOfficer`, :class:`PowerMissing`, :class:`TooManySystems`, `BadInput`."""
        row, appointment = await self._managed(session, person, juristic)
        live = [one for one in await self._register.clients(session, row.id) if one.ended_at is None]
        if len(live) >= SYSTEMS_MAX:
            raise TooManySystems
        client = await register_client(
            session,
            juristic_client(row.id, name, jwks),
            created_by=person.hex,
            clock=self._clock,
            prefix=f"{row.agency}-juristic",
        )
        return await self._done(session, row, JuristicStep.CLIENT_ADDED, person, client, appointment)

    async def replace_keys(
        self, session: AsyncSession, person: UUID, juristic: UUID, client: str, jwks: Mapping[str, Any]
    ) -> Client:
        """Its keys become these, whole: name the old beside the new until all use the new.

        Raises :class:`NotItsOfficer`, :class:`PowerMissing`, `NotFound` for one that is not this juristic person's or
        was ended, `BadInput`.
        """
        row, appointment = await self._managed(session, person, juristic)
        await self._one(session, row.id, client)
        await replace_keys(session, client, jwks, agency=None, clock=self._clock)
        return await self._done(session, row, JuristicStep.CLIENT_KEYS, person, client, appointment)

    async def end(self, session: AsyncSession, person: UUID, juristic: UUID, client: str) -> Client:
        """At once, with every token it holds. Raises `NotFound`, alike for a stranger."""
        row = await self._register.get(session, juristic, lock=True)
        if row is None:
            raise NotFound
        appointment: UUID | None = None
        if person not in await self._register.directors(session, juristic):
            try:
                appointment = (await self._register.acting_for(session, person, juristic, MANAGE)).appointment
            except (NotItsOfficer, PowerMissing):
                raise NotFound from None
        await self._one(session, row.id, client)
        await Endings(self._clock).end_client(session, client)
        return await self._done(session, row, JuristicStep.CLIENT_ENDED, person, client, appointment)

    async def _managed(self, session: AsyncSession, person: UUID, juristic: UUID) -> tuple[JuristicPerson, UUID]:
        """The juristic person, held until the transaction ends, and the appointment by which its systems are kept."""
        row = await self._register.get(session, juristic, lock=True)
        if row is None:
            raise NotItsOfficer
        return row, (await self._register.acting_for(session, person, juristic, MANAGE)).appointment

    async def _one(self, session: AsyncSession, juristic: UUID, client: str) -> Client:
        found = await session.get(Client, client, populate_existing=True) if _CLIENT.fullmatch(client) else None
        if found is None or found.juristic != juristic or found.ended_at is not None:
            raise NotFound
        return found

    async def _done(
        self,
        session: AsyncSession,
        row: JuristicPerson,
        step: JuristicStep,
        person: UUID,
        client: str,
        appointment: UUID | None,
    ) -> Client:
        self._register.note(session, row.id, step, By(person), client=client, appointment=appointment)
        await session.flush()
        await self._register.tell_directors(session, row, CHANGED, but=(person,))
        found = await session.get(Client, client, populate_existing=True)
        assert found is not None, "it was written in this transaction"
        return found
