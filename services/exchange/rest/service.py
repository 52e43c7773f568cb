"""Answering an agency's system: once, through the gate, signed, and counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from core.attestation.service import Attestor
from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.errors import SitthiError
from core.ids import MalformedNationalId, NationalId, new_id
from core.text import Text
from identity.officers.register import OfficerRegister
from identity.people import PeopleRegister
from identity.provider.errors import TokenInvalid
from identity.provider.subjects import Subjects
from services.exchange.catalogue import Catalogue
from services.exchange.errors import UnknownPurpose
from services.exchange.facts import Asker, AskerKind, Assured, Facts, Gate
from services.exchange.rest.answers import ANSWER_TYPE, Look, Named, came_of, document
from services.exchange.rest.auth import Caller
from services.exchange.rest.errors import AgentUnknown, PersonMalformed, PersonTwice, RequestConflict, RequestReplayed
from services.exchange.rest.models import AgencyRequest
from services.exchange.rest.repository import AgencyRequests
from services.exchange.rest.requests import Agent, AgentKind, Asked, PersonNamed
from services.exchange.usage.repository import Usage

OF_AN_OFFICER: Final = Text(th="เจ้าหน้าที่ของ{agency}", en="An officer of the {agency}")
OF_A_SYSTEM: Final = Text(th="ระบบของ{agency}", en="A system of the {agency}")
Outcome: TypeAlias = str | SitthiError
"""Of one person: the signed answer, or why there is none."""

log = structlog.get_logger("services.exchange.rest")


@dataclass(frozen=True, slots=True)
class _Read:
    """A person as named, before anybody asks the register."""

    national_id: NationalId | None
    person: UUID | None


class AgencyFacts:
    """One per process. It opens transactions of its own, as the gate does: call it outside of any."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        people: PeopleRegister,
        officers: OfficerRegister,
        subjects: Subjects,
        gate: Gate,
        catalogue: Catalogue,
        attestor: Attestor,
    ) -> None:
        self._db, self._clock, self._keys, self._people, self._officers = db, clock, keys, people, officers
        self._subjects, self._gate, self._catalogue, self._attestor = subjects, gate, catalogue, attestor

    async def answer(self, caller: Caller, asked: Asked, people: Sequence[PersonNamed]) -> Sequence[Outcome]:
        """An outcome for each of `people`, in their order.

        The request is entered before the gate is asked, and concluded and counted before anything is answered. Whoever
        is in no register is entered as a subject and asked about like everybody else, so that an answer never tells
        whether Sitthi knows a person. Raises `UnknownAttribute`, `UnknownPurpose`, :class:`AgentUnknown`,
        :class:`RequestReplayed`, :class:`RequestConflict`, and whatever the database raises; then nothing was told, and
        the number of a request that was entered is used up.
        """
        for name in asked.attributes:
            self._catalogue.askable(name)
        purpose = self._catalogue.purposes.get(asked.purpose)
        if purpose is None:
            raise UnknownPurpose
        await self._must_serve(caller, asked.agent)
        read = [self._read(caller, one) for one in people]
        look = Look(asked.request_id, caller, asked.agent, purpose, self._clock.now())
        found = await self._enter(look, asked, read)
        named = _each_once(read, found, [self._reference(caller, one) for one in found])
        subjects = [one.person for one in named if isinstance(one, Named)]
        facts = await self._facts(look, subjects, asked.attributes)
        signed = {one.person: await self._sign(look, one, facts) for one in named if isinstance(one, Named)}
        await self._conclude(look, facts)
        return [signed[one.person] if isinstance(one, Named) else one for one in named]

    async def _must_serve(self, caller: Caller, agent: Agent) -> None:
        """Raises :class:`AgentUnknown`."""
        if agent.kind is not AgentKind.OFFICER:
            return
        assert agent.officer is not None, "the request was read"
        async with self._db.read() as session:
            officer = await self._officers.find(session, agent.officer)
        if officer is None or officer.agency != caller.agency:
            log.warning("agency_agent_unknown", agency=caller.agency, client=caller.client)
            raise AgentUnknown

    def _read(self, caller: Caller, named: PersonNamed) -> _Read | SitthiError:
        try:
            if named.reference is not None:
                return _Read(None, self._subjects.person(named.reference, _sector(caller)))
            assert named.national_id is not None, "the request was read"
            return _Read(NationalId(named.national_id), None)
        except (MalformedNationalId, TokenInvalid):
            return PersonMalformed()

    async def _enter(self, look: Look, asked: Asked, read: Sequence[_Read | SitthiError]) -> Sequence[UUID | None]:
        """Enters the request and whoever is new, in one transaction, and answers the people's keys; None for nobody."""
        row = AgencyRequest(
            agency=look.caller.agency,
            id=look.id,
            client=look.caller.client,
            agent_kind=look.agent.kind.value,
            agent=look.agent.id,
            purpose=look.purpose.purpose.id,
            people=len(read),
            body_hash=self._keys.blind_index(asked.model_dump_json(), domain="agency-request"),
            at=look.at,
        )
        numbers = [one.national_id for one in read if isinstance(one, _Read) and one.national_id is not None]
        async with self._db.write() as session:
            former = await AgencyRequests(session).claim(row)
            if former is not None:
                replayed = former.body_hash == row.body_hash
                log.warning("agency_request_refused", agency=row.agency, client=row.client, replayed=replayed)
                raise RequestReplayed if replayed else RequestConflict
            known = await self._people.resolve(session, numbers)
            referred = [one.person for one in read if isinstance(one, _Read) and one.person is not None]
            there = await self._people.there(session, referred)
        return [_key(one, known, there) for one in read]

    async def _facts(self, look: Look, subjects: Sequence[UUID], attributes: Sequence[str]) -> Mapping[UUID, Facts]:
        if not subjects:
            return {}
        is_officer = look.agent.kind is AgentKind.OFFICER
        label = OF_AN_OFFICER if is_officer else OF_A_SYSTEM
        asker = Asker(
            kind=AskerKind.OFFICER if is_officer else AskerKind.SYSTEM,
            id=f"{look.caller.client}:{look.agent.id}",
            agency=look.caller.agency,
            label=label.filled(agency=look.caller.title),
            client=look.caller.client,
            agent=look.agent.id,
            assurance=Assured(bound_key=look.caller.bound_key),
        )
        return await self._gate.facts_of(subjects, attributes, asker=asker, purpose=look.purpose.purpose)

    async def _sign(self, look: Look, named: Named, facts: Mapping[UUID, Facts]) -> str:
        claims = document(new_id(), look, named, facts[named.person], self._catalogue)
        return await self._attestor.sign(claims, typ=ANSWER_TYPE)

    async def _conclude(self, look: Look, facts: Mapping[UUID, Facts]) -> None:
        now = self._clock.now()
        async with self._db.write() as session:
            await AgencyRequests(session).conclude(look.caller.agency, look.id, now)
            await Usage(session).add(
                bangkok_day(now),
                look.caller.agency,
                look.purpose.purpose.id,
                people=len(facts),
                by_steward=came_of(facts),
            )

    def _reference(self, caller: Caller, person: UUID | None) -> str:
        return "" if person is None else self._subjects.of(person, _sector(caller))


def _sector(caller: Caller) -> str:
    """All systems of an agency know a person by the same reference (OpenID Connect Core §8.1, sector identifier). No
    client is called like that: an id of a client has no colon."""
    return f"agency:{caller.agency}"


def _key(read: _Read | SitthiError, known: Mapping[str, UUID], there: Collection[UUID]) -> UUID | None:
    if isinstance(read, SitthiError):
        return None
    if read.national_id is not None:
        return known[read.national_id.digits]
    return read.person if read.person in there else None


def _each_once(
    read: Sequence[_Read | SitthiError], found: Sequence[UUID | None], references: Sequence[str]
) -> Sequence[Named | SitthiError]:
    """Whoever stands in the request twice, be it under a number and a reference, is answered the first time."""
    seen: set[UUID] = set()
    named: list[Named | SitthiError] = []
    for one, person, reference in zip(read, found, references, strict=True):
        if isinstance(one, SitthiError) or person is None:
            named.append(one if isinstance(one, SitthiError) else PersonMalformed())
        elif person in seen:
            named.append(PersonTwice())
        else:
            seen.add(person)
            named.append(Named(person, reference, one.national_id.digits if one.national_id else None))
    return named
