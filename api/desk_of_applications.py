"""The officers' desk, put together: what an agency decides, who is near whom, and who comes with an officer's token."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import ServiceUnavailable
from core.text import Text
from core.viewer import Viewer
from identity.delegation.repository import DelegationRepository
from identity.inbox.service import Inbox
from identity.officers import Officer, OfficerRegister
from identity.officers.demands import AT_THE_DESK
from identity.officers.errors import NotAnOfficer
from identity.officers.register import SignIn
from identity.provider.clients import OFFICER_AUDIENCE, OFFICER_SCOPE
from identity.provider.errors import TokenInvalid
from identity.provider.presented import Presenting
from identity.provider.verifier import TokenVerifier
from services.apply.delivery.decider import PREFIX, worked_at_the_desk
from services.apply.desk.declaring import Declarations
from services.apply.desk.service import CaseDesk
from services.apply.desk.showing import CaseLooks
from services.apply.evidence.service import EvidenceDesk
from services.apply.messages import MESSAGES
from services.apply.roles import SUPERVISE
from services.apply.service import ApplyService
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Asker, AskerKind, Purpose
from services.plugins.contract import Manifest

if TYPE_CHECKING:
    from api.house import House
    from api.lifecycle import DecidingAgency

OPENED_NEAR: Final = MESSAGES["apply.opened-near"]
TIES: Final = "officer-ties"
HOUSE: Final = "household_members"
_REGISTRY: Final = "dopa"
_CHECK: Final = Text(
    th="ระบบตรวจว่าเจ้าหน้าที่ไม่พิจารณาเรื่องของคนในบ้านตนเอง", en="A check that no officer decides for their own household"
)


class DeskSubjects:
    """Implements :class:`services.apply.desk.needs.Subjects`: programmes by their payer, and services of agencies that
    have a form for them and no system that takes applications."""

    def __init__(self, programmes: DecidingAgency, manifests: Callable[[], Iterable[Manifest]]) -> None:
        self._programmes, self._manifests = programmes, manifests

    def of_agency(self, agency: str) -> Mapping[str, Text]:
        services = {
            PREFIX + one.slug: one.title.text
            for one in self._manifests()
            if one.agency.slug == agency and worked_at_the_desk(one)
        }
        return {**self._programmes.programmes_of(agency), **services}


class Register(Protocol):
    """The gate, as far as ties are proved by it."""

    async def children(
        self, subject: UUID, *, asker: Asker, purpose: Purpose, of: str = ...
    ) -> tuple[UUID, ...] | None: ...


class OfficerTies:
    """Implements :class:`services.apply.desk.needs.Ties`: by the house register, the register of births, and our own
    delegations. The officer finds each such check in their own access log."""

    def __init__(self, db: Database, register: Register, catalogue: Catalogue) -> None:
        self._db, self._register, self._catalogue = db, register, catalogue

    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        """Raises ServiceUnavailable."""
        if officer in people:
            return True
        async with self._db.read() as session:
            delegations = await DelegationRepository(session).not_ended(officer)
        acting = {one for row in delegations if row.accepted_at is not None for one in (row.person, row.delegate)}
        if acting & (set(people) - {officer}):
            return True
        known, is_all = await self.household(officer)
        if known & set(people):
            return True
        if not is_all:
            raise ServiceUnavailable(self._catalogue.agency_title(_REGISTRY))
        return False

    async def household(self, officer: UUID) -> tuple[frozenset[UUID], bool]:
        """Who lives with the officer, and their minor children wherever those live, so far as it is known; and whether
        that is all of them."""
        asker = Asker(AskerKind.SYSTEM, "desk.ties", _REGISTRY, _CHECK)
        purpose = self._catalogue.purposes[TIES].purpose
        house = await self._register.children(officer, asker=asker, purpose=purpose, of=HOUSE)
        children = await self._register.children(officer, asker=asker, purpose=purpose)
        return frozenset((*(house or ()), *(children or ()))), house is not None and children is not None


class SupervisorsTold:
    """Implements :class:`services.apply.desk.declaring.Told`."""

    def __init__(self, inbox: Inbox, officers: OfficerRegister) -> None:
        self._inbox, self._officers = inbox, officers

    async def opened_near(self, session: AsyncSession, *, agency: str, application: UUID, title: Text) -> None:
        for officer in await self._officers.of_agency(session, agency):
            if SUPERVISE in officer.roles:
                await self._inbox.send(session, officer.person, OPENED_NEAR, title=title, ending=application.hex[-6:])


class OfficerTokens:
    """Lets officers in by their own tokens, those for `/officer`. What an officer may do is looked up each time.

    An agency's system is not asked here in an officer's name: two pairs of eyes are worth what the proof is worth that
    they are two (docs/adr/0037).
    """

    def __init__(
        self,
        issuer: str,
        db: Database,
        clock: Clock,
        presenting: Presenting,
        verifier: TokenVerifier,
        officers: OfficerRegister,
    ) -> None:
        self._issuer, self._db, self._clock = issuer, db, clock
        self._presenting, self._officers = presenting, officers
        self.verifier = verifier

    def brings(self, headers: Mapping[str, str]) -> bool:
        """Whether the token says that it is an officer's: which verifier looks at it. Nothing of it is believed."""
        parts = headers.get("authorization", "").rpartition(" ")[2].split(".")
        if len(parts) != 3:
            return False
        try:
            claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
            audience: Any = claims["aud"]
        except (binascii.Error, ValueError, TypeError, KeyError):
            return False
        return self._issuer + OFFICER_AUDIENCE in ([audience] if isinstance(audience, str) else audience)

    async def officer(self, headers: Mapping[str, str], method: str, url: str) -> tuple[Viewer, Officer]:
        """Who comes. Raises TokenExpired, TokenInvalid (of somebody who acts for another, too), NotAnOfficer,
        StepUpRequired, and what a bound token raises."""
        presented = await self._presenting.of(headers, method=method, url=url)
        viewer = await self.verifier.verify(presented.token, jkt=presented.jkt)
        if OFFICER_SCOPE not in viewer.scopes or viewer.acting is not None or viewer.authenticated_at is None:
            raise TokenInvalid
        async with self._db.read() as session:
            found = await self._officers.find(session, viewer.person)
        if found is None:
            raise NotAnOfficer
        officer = replace(found, sign_in=SignIn(viewer.acr, viewer.authenticated_at))
        officer.must_meet(AT_THE_DESK, self._clock.now())
        return viewer, officer


def furnish_desk(house: House, apply: ApplyService) -> OfficerTokens:
    """Puts the desk into the rooms of a house whose evidence has a room already."""
    subjects = DeskSubjects(house.life.agency_of, lambda: [plugin.manifest for plugin in house.registry.plugins])
    officers = house.identity.office.officers
    ties = OfficerTies(house.db, house.gate, house.catalogue)
    desk = CaseDesk(house.db, house.clock, house.keys, apply, officers, house.catalogue, subjects, ties)
    evidence = house.rooms.get(EvidenceDesk)
    evidence.at_the_desk = lambda subject: not house.deliveries.takes(subject)
    declarations = Declarations(house.db, house.clock, ties, SupervisorsTold(house.inbox, officers))
    looks = CaseLooks(
        house.db, house.clock, house.keys, desk, apply, house.gate, house.catalogue, evidence, officers, declarations
    )
    house.rooms.add(Declarations, declarations)
    house.rooms.add(OfficerTies, ties)
    house.rooms.add(CaseDesk, desk)
    house.rooms.add(CaseLooks, looks)
    verifier = house.identity.verifier_for(OFFICER_AUDIENCE)
    issuer = house.settings.issuer
    return OfficerTokens(issuer, house.db, house.clock, house.identity.presenting, verifier, officers)
