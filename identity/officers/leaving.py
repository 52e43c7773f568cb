"""Officers who leave, and officers who come by the server's own command.

One officer is enough to end another's service: when somebody must go at once, nobody should wait for a second officer.
What one officer could do alone by it is to lock the agency out, not to let anybody in (docs/adr/0016).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import NotFound
from core.ids import NationalId
from core.text import Text
from identity.inbox.service import Inbox
from identity.messages import MESSAGES
from identity.officers.demands import AT_THE_DESK
from identity.officers.errors import NotAnOfficer, RoleMissing
from identity.officers.reasons import checked_reason, sayable
from identity.officers.register import Officer, OfficerRegister
from identity.officers.roles import OFFICERS_APPROVE, OFFICERS_PROPOSE
from identity.officers.trail import ActKind, Trail
from identity.provider.clients import OFFICER_CLIENT
from identity.provider.endings import Endings, EndReason

ENDED: Final = MESSAGES["identity.officer_ended"]
GLASS_BROKEN: Final = MESSAGES["identity.glass_broken"]


class Leaving:
    def __init__(self, officers: OfficerRegister, inbox: Inbox, clock: Clock) -> None:
        self._officers, self._inbox, self._clock = officers, inbox, clock
        self._trail, self._endings = Trail(clock), Endings(clock)

    async def end(self, session: AsyncSession, officer: Officer, person: UUID, reason: str) -> Officer:
        """Ends the service of an officer of the same agency, or one's own, and with it their sign-in on command lines.

        Everyone who keeps the agency's officers is told, and so is who leaves. Raises :class:`StepUpRequired`,
        :class:`NotAnOfficer`, :class:`RoleMissing`, :class:`NotFound`, :class:`BadInput`.
        """
        officer.must_meet(AT_THE_DESK, self._clock.now())
        said = checked_reason(reason)
        now = await self._officers.find(session, officer.person)
        if now is None or now.agency != officer.agency:
            raise NotAnOfficer
        if person != officer.person and not now.roles & {OFFICERS_PROPOSE, OFFICERS_APPROVE}:
            raise RoleMissing(role=OFFICERS_PROPOSE)
        leaver = await self._officers.find(session, person)
        if leaver is None or leaver.agency != officer.agency:
            raise NotFound
        await self._officers.end(session, person, by=officer.person.hex)
        await self._endings.end_of_client_and_person(session, person, OFFICER_CLIENT, EndReason.REVOKED)
        await self._trail.note(
            session, ActKind.OFFICER_ENDED, agency=officer.agency, by=officer.person.hex, subject=person, note=said
        )
        told = {one.person for one in await self._keepers(session, officer.agency)} | {person}
        for one in sorted(told - {officer.person}):
            await self._inbox.send(
                session, one, ENDED, name=sayable(leaver.name), by=sayable(officer.name), agency=officer.agency
            )
        return leaver

    async def bootstrap(
        self,
        session: AsyncSession,
        national_id: NationalId,
        *,
        agency: str,
        roles: Collection[str],
        name: Text,
        by: str,
        break_glass: str | None = None,
    ) -> Officer:
        """Adds an officer by the server's own command (:meth:`OfficerRegister.bootstrap`).

        `break_glass` is the reason for doing so although two officers could; it stays in the trail. Every officer whom
        the agency has is told in any case: one keeper can end the other, and then no glass is in the way.
        Raises :class:`AgencyGovernsItself` without a reason, and what `bootstrap` raises.
        """
        said = None if break_glass is None else checked_reason(break_glass)
        colleagues = await self._officers.of_agency(session, agency)
        added, broke_glass = await self._officers.bootstrap(
            session, national_id, agency=agency, roles=roles, name=name, by=by, breaking_glass=said is not None
        )
        if broke_glass and said is not None:
            await self._trail.note(session, ActKind.GLASS_BROKEN, agency=agency, by=by, subject=added.person, note=said)
        for one in colleagues:
            await self._inbox.send(session, one.person, GLASS_BROKEN, name=name, agency=agency)
        return added

    async def _keepers(self, session: AsyncSession, agency: str) -> list[Officer]:
        keeping = {OFFICERS_PROPOSE, OFFICERS_APPROVE}
        return [one for one in await self._officers.of_agency(session, agency) if one.roles & keeping]
