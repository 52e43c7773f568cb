"""Letting people in at a counter: an officer sees the person and their document, and hands them a code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import Aal, Assurance, Ial
from core.clock import Clock
from core.crypto import KeyRing
from core.errors import BadInput
from core.ids import NationalId
from core.sealed import bound_to
from core.text import Text
from identity.counter.codes import new_code, normalised
from identity.counter.errors import CounterCodeWrong, NotForAnOfficer, NotForYourself, NotSeen
from identity.counter.models import CounterCode
from identity.officers.demands import AT_THE_DESK
from identity.officers.register import Officer, OfficerRegister
from identity.officers.roles import COUNTER
from identity.officers.trail import ActKind, Trail
from identity.people import PeopleRegister

CODE_SECONDS: Final = 600
KIOSK_SECONDS: Final = 900
METHOD: Final = "counter"
AMR: Final = ("otp",)
"""RFC 8176: a one-time code. That an officer saw the person is in the IAL."""
OF_COUNTER: Final = Assurance(Ial.IAL_2_3, Aal.AAL_1)
"""Proofed in person, and one factor: whoever holds the slip of paper."""
_NAME_LENGTH_MAX: Final = 200
_NAME: Final = Text(th="ต้องมีชื่อตามเอกสาร", en="the name as the document has it is needed")


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A code for the person in front of the officer. It is shown once, and is nowhere kept."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Admitted:
    """Who came in with a code, and who let them."""

    person: UUID
    name: Text
    officer: UUID
    agency: str


class Counter:
    def __init__(self, keys: KeyRing, clock: Clock, people: PeopleRegister, officers: OfficerRegister) -> None:
        self._keys, self._clock, self._people, self._officers = keys, clock, people, officers
        self._trail = Trail(clock)

    async def issue(
        self, session: AsyncSession, officer: Officer, national_id: NationalId, name: Text, *, saw_person: bool
    ) -> Issued:
        """A code, good for ten minutes and once; an earlier one of that person is good no more.

        `name` is as the document has it, in one script or both. Raises :class:`StepUpRequired`, :class:`NotAnOfficer`,
        :class:`RoleMissing`, :class:`NotSeen`, :class:`BadInput`, :class:`NotForYourself`, :class:`NotForAnOfficer`.
        """
        officer.must_meet(AT_THE_DESK, self._clock.now())
        await self._officers.must_serve(session, officer, COUNTER)
        if not saw_person:
            raise NotSeen
        read = _checked(name)
        known = await self._people.resolve(session, [national_id])
        person = known[national_id.digits]
        if person == officer.person:
            raise NotForYourself
        if await self._officers.find(session, person) is not None:
            raise NotForAnOfficer
        now = self._clock.now()
        await session.execute(
            update(CounterCode)
            .where(
                col(CounterCode.person) == person, col(CounterCode.used_at).is_(None), col(CounterCode.expires_at) > now
            )
            .values(expires_at=now)
        )
        code = new_code()
        key, expires_at = self._hash(code.replace("-", "")), now + timedelta(seconds=CODE_SECONDS)
        plain = json.dumps({"th": read.th, "en": read.en}, ensure_ascii=False).encode()
        session.add(
            CounterCode(
                code_hash=key,
                person=person,
                name_sealed=self._keys.seal(plain, bound_to=bound_to(CounterCode.name_sealed, key)),
                officer=officer.person,
                agency=officer.agency,
                created_at=now,
                expires_at=expires_at,
            )
        )
        await self._trail.note(
            session, ActKind.COUNTER_CODE_MADE, agency=officer.agency, by=officer.person.hex, subject=person
        )
        return Issued(code, expires_at)

    async def redeem(self, session: AsyncSession, typed: str) -> Admitted:
        """Who the code lets in; it is used up. Of parallel attempts one wins.

        Raises :class:`CounterCodeWrong`, also when the officer's service or role has ended since, or when the person
        has become an officer.
        """
        code, now = normalised(typed), self._clock.now()
        used = await session.execute(
            update(CounterCode)
            .where(
                col(CounterCode.code_hash) == self._hash(code or ""),
                col(CounterCode.used_at).is_(None),
                col(CounterCode.expires_at) > now,
            )
            .values(used_at=now)
            .returning(
                col(CounterCode.code_hash),
                col(CounterCode.person),
                col(CounterCode.name_sealed),
                col(CounterCode.officer),
                col(CounterCode.agency),
            )
            .execution_options(synchronize_session=False)
        )
        row = used.tuples().first()
        if row is None:
            raise CounterCodeWrong
        key, person, sealed, by, agency = row
        officer = await self._officers.find(session, by)
        if officer is None or officer.agency != agency or COUNTER not in officer.roles:
            raise CounterCodeWrong
        if await self._officers.find(session, person) is not None:
            raise CounterCodeWrong
        await self._trail.note(session, ActKind.COUNTER_CODE_USED, agency=agency, by=by.hex, subject=person)
        name = Text(**json.loads(self._keys.open(sealed, bound_to=bound_to(CounterCode.name_sealed, key))))
        return Admitted(person, name, by, agency)

    def _hash(self, code: str) -> bytes:
        """Keyed: 50 bits could be tried out by whoever holds a copy of the table."""
        return self._keys.blind_index(code, domain="counter-code")


def _checked(name: Text) -> Text:
    th, en = (" ".join(said.split()) for said in (name.th, name.en))
    if not (th or en) or any(len(said) > _NAME_LENGTH_MAX or not said.isprintable() for said in (th, en)):
        raise BadInput(_NAME, path=("name",))
    return Text(th=th or en, en=en or th)
