"""The register of officers. Every change of it is an event that stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import Demand, StepUpRequired
from core.clock import Clock
from core.errors import BadInput
from core.ids import NationalId, new_id
from core.text import Text
from identity.inbox.service import Inbox
from identity.officers.errors import AgencyGovernsItself, NotAnOfficer, RoleMissing, ServesAnotherAgency
from identity.officers.models import Officer as OfficerRow
from identity.officers.models import OfficerEvent
from identity.officers.reasons import checked_name
from identity.officers.roles import OFFICERS_APPROVE, OFFICERS_PROPOSE, check_roles
from identity.passkeys import alerts
from identity.passkeys.models import Passkey
from identity.people import PeopleRegister
from identity.provider.endings import Endings, EndReason
from identity.provider.models import SignInSession

_BECAME_OFFICER: Final = "OFFICER"
_AGENCY: Final = re.compile(r"[a-z][a-z0-9-]{1,30}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in behind an officer's request."""

    acr: str
    authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer as the rooms see one: who acts, for which agency, and what they may do."""

    person: UUID
    agency: str
    roles: frozenset[str]
    name: Text
    sign_in: SignIn | None = field(default=None, compare=False)
    """None where nobody signed in, as in a list; then no demand is met."""

    def must_have(self, role: str) -> None:
        """Raises :class:`RoleMissing`."""
        if role not in self.roles:
            raise RoleMissing(role=role)

    def must_meet(self, demand: Demand, now: datetime) -> None:
        """Raises :class:`StepUpRequired`."""
        sign_in = self.sign_in
        if sign_in is None or not demand.met_by(sign_in.acr, sign_in.authenticated_at, now):
            raise StepUpRequired(demand)


class OfficerRegister:
    def __init__(self, people: PeopleRegister, clock: Clock) -> None:
        self._people, self._clock = people, clock

    async def add(
        self,
        session: AsyncSession,
        national_id: NationalId,
        *,
        agency: str,
        roles: Collection[str],
        name: Text,
        by: str,
    ) -> Officer:
        """Enters a person as an officer of the agency with exactly these roles; a former officer comes back.

        What somebody has of a counter ends when they become an officer: nobody is one on one clerk's word.
        Raises :class:`BadInput` for a slug or role of another form and a name with a national ID in it,
        :class:`RoleNotForAgency`, :class:`ServesAnotherAgency`.
        """
        _check(agency, roles)
        checked_name(name)
        known = await self._people.resolve(session, [national_id])
        person = known[national_id.digits]
        row = await session.get(OfficerRow, person, with_for_update=True)
        if row is not None and row.active and row.agency != agency:
            raise ServesAnotherAgency(agency=row.agency)
        wanted, now = sorted(set(roles)), self._clock.now()
        kind = "ROLES_CHANGED" if row is not None and row.active else "ADDED"
        if row is None:
            row = OfficerRow(
                person=person,
                agency=agency,
                roles=wanted,
                name_th=name.th,
                name_en=name.en,
                active=True,
                updated_at=now,
            )
            session.add(row)
        else:
            row.agency, row.roles, row.active, row.updated_at = agency, wanted, True, now
            row.name_th, row.name_en = name.th, name.en
        self._note(session, row, kind, by)
        await session.flush()
        if kind == "ADDED":
            await self._end_of_counter(session, person)
        return _officer(row)

    async def bootstrap(
        self,
        session: AsyncSession,
        national_id: NationalId,
        *,
        agency: str,
        roles: Collection[str],
        name: Text,
        by: str,
        breaking_glass: bool = False,
    ) -> tuple[Officer, bool]:
        """:meth:`add`, as the server's own command does it: for an agency that cannot add officers by itself yet.

        Answers the officer, and whether glass was broken: whether two officers could have done it. Raises, beside what
        `add` raises, :class:`AgencyGovernsItself`.
        """
        governs_itself = await self.governs_itself(session, agency)
        if governs_itself and not breaking_glass:
            raise AgencyGovernsItself(agency=agency)
        added = await self.add(session, national_id, agency=agency, roles=roles, name=name, by=by)
        return added, governs_itself

    async def governs_itself(self, session: AsyncSession, agency: str) -> bool:
        """Whether one officer can propose others and a second one can approve them."""
        officers = await self.of_agency(session, agency)
        makers = {one.person for one in officers if OFFICERS_PROPOSE in one.roles}
        checkers = {one.person for one in officers if OFFICERS_APPROVE in one.roles}
        return bool(makers and checkers) and len(makers | checkers) > 1

    async def end(self, session: AsyncSession, person: UUID, *, by: str) -> None:
        """Ends an officer's service: from the next command on they may do nothing. Does nothing to whoever is none."""
        row = await session.get(OfficerRow, person, with_for_update=True)
        if row is None or not row.active:
            return
        row.active, row.updated_at = False, self._clock.now()
        self._note(session, row, "ENDED", by)
        await session.flush()

    async def find(self, session: AsyncSession, person: UUID) -> Officer | None:
        """The officer that this person is now."""
        row = await session.get(OfficerRow, person, populate_existing=True)
        return None if row is None or not row.active else _officer(row)

    async def must_serve(self, session: AsyncSession, officer: Officer, role: str) -> None:
        """That the officer serves that agency in that role at this moment, whatever was true when they signed in.

        Raises :class:`NotAnOfficer`, :class:`RoleMissing`.
        """
        now = await self.find(session, officer.person)
        if now is None or now.agency != officer.agency:
            raise NotAnOfficer
        now.must_have(role)

    async def name_of(self, session: AsyncSession, person: UUID) -> Text:
        """The name of whoever is or was an officer: it is public. Raises :class:`NotAnOfficer`."""
        row = await session.get(OfficerRow, person)
        if row is None:
            raise NotAnOfficer
        return Text(th=row.name_th, en=row.name_en)

    async def of_agency(self, session: AsyncSession, agency: str) -> Sequence[Officer]:
        """The agency's officers in service."""
        query = (
            select(OfficerRow)
            .where(col(OfficerRow.agency) == agency, col(OfficerRow.active))
            .order_by(col(OfficerRow.person))
            .execution_options(populate_existing=True)
        )
        return [_officer(row) for row in await session.scalars(query)]

    async def all(self, session: AsyncSession) -> Sequence[Officer]:
        """Every officer in service, by agency."""
        query = (
            select(OfficerRow).where(col(OfficerRow.active)).order_by(col(OfficerRow.agency), col(OfficerRow.person))
        )
        return [_officer(row) for row in await session.scalars(query)]

    async def _end_of_counter(self, session: AsyncSession, person: UUID) -> None:
        """Passkeys that were added after a counter, what was signed in with them, and sessions that began at one."""
        ended = await session.scalars(
            update(Passkey)
            .where(
                col(Passkey.person) == person,
                col(Passkey.ended_at).is_(None),
                col(Passkey.strong_at) > col(Passkey.created_at),
            )
            .values(ended_at=self._clock.now(), end_reason=_BECAME_OFFICER)
            .returning(col(Passkey.label))
            .execution_options(synchronize_session=False)
        )
        labels = ended.all()
        for label in labels:
            await Inbox(self._clock).send(session, person, alerts.REMOVED, label=label)
        at_counter = select(col(SignInSession.id)).where(
            col(SignInSession.person) == person,
            col(SignInSession.assisted_by).is_not(None),
            col(SignInSession.ended_at).is_(None),
        )
        if labels or (await session.scalars(at_counter.limit(1))).first() is not None:
            await Endings(self._clock).end_sessions(session, person, EndReason.SESSION_ENDED)

    def _note(self, session: AsyncSession, row: OfficerRow, kind: str, by: str) -> None:
        event = OfficerEvent(
            person=row.person, id=new_id(), kind=kind, agency=row.agency, roles=row.roles, by=by, at=self._clock.now()
        )
        session.add(event)


def _check(agency: str, roles: Collection[str]) -> None:
    if not _AGENCY.fullmatch(agency):
        raise BadInput(Text(th="ชื่อย่อหน่วยงานไม่ถูกต้อง", en="this is not the slug of an agency"), path=("agency",))
    check_roles(agency, roles)


def _officer(row: OfficerRow) -> Officer:
    return Officer(row.person, row.agency, frozenset(row.roles), Text(th=row.name_th, en=row.name_en))
