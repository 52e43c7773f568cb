"""The desk over the room of applications, with a law that the test can read and officers of two agencies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable
from core.ids import new_id
from core.text import Text
from identity.officers import Officer, OfficerRegister
from identity.officers.models import Officer as OfficerRow
from identity.officers.register import SignIn
from identity.people import PeopleRegister
from services.apply.deciding import Holder, Missing, Outcome, Prepared, Request
from services.apply.desk import acts, repository
from services.apply.desk.acts import Act
from services.apply.desk.models import DeskDecision
from services.apply.desk.service import CaseDesk
from services.apply.models import Application
from services.apply.roles import CHECK, DECIDE, READ, SUPERVISE
from services.exchange.catalogue import load_catalogue
from services.exchange.facts import Lack
from tests.services.apply.conftest import PROGRAMME, TITLE, Room

PASSKEY, THAID = "ial2.3-aal2.2", "ial2.3-aal2.1"
REASON = (("หลักฐานแสดงว่าเกิดก่อนปี 2508", None), ("ระเบียบ มท. 2566 ข้อ 6 (2)", None))
BIRTH = Missing("birth_date", Text(th="วันเกิด", en="birth date"), Holder.AGENCY, "dopa")
GRANT = acts.decide(True, *REASON, {"birth_date": "1950-01-01"})  # noqa: FBT003 - a word of the law
REFUSE = acts.decide(False, *REASON)  # noqa: FBT003 - as above


@dataclass
class Law:
    """Grants whoever was born before 1965, as a register or an officer says; of the rest it knows nothing."""

    registered: str | None = None
    pays: bool = True
    satang: int = 60_000
    silent: bool = False
    register_down: bool = False
    """The rest can be decided on; what this one holds cannot be told at this moment."""
    house: str | None = None
    """Where everybody lives, of whom an officer asks; None where it is a person's own."""
    seen: list[Request] = field(default_factory=list)

    async def prepare(self, request: Request) -> Prepared:
        self.seen.append(request)
        if self.silent:
            raise ServiceUnavailable("dopa")
        born = self.registered or request.findings.get("birth_date")
        outcome = Outcome.NEEDS_INFORMATION
        if born is not None:
            outcome = Outcome.GRANTED if born < "1965" else Outcome.REFUSED
        source = {"source": "dopa" if self.registered else None, "as_of": None, "state": "FRESH"}
        record = {
            "facts": {
                "birth_date": {"value": born, "th": "วันเกิด", "en": "birth date", **source},
                "annual_income": {"value": 5, "th": "รายได้", "en": "income", "source": "rd", "state": "FRESH"},
                "has_credit_card": {"value": None, "th": "บัตร", "en": "card", "source": "citizen"},
            },
            "benefits": {"monthly": self.satang},
        }
        birth = replace(BIRTH, why=Lack.SILENT if self.register_down else Lack.NOT_KNOWN)
        missing = (birth,) if outcome is Outcome.NEEDS_INFORMATION else ()
        return Prepared(outcome, TITLE, record, (), missing, pays=self.pays, unit=self.house)


@dataclass
class Ties:
    near: set[UUID] = field(default_factory=set)
    """With whom every officer lives."""
    silent: bool = False

    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        if self.silent:
            raise ServiceUnavailable("dopa")
        return bool(self.near & set(people)) or officer in people


class Subjects:
    def of_agency(self, agency: str) -> Mapping[str, Text]:
        return {PROGRAMME: TITLE} if agency == "dla" else {}


@dataclass
class World:
    room: Room
    law: Law
    ties: Ties
    desk: CaseDesk
    officers: OfficerRegister
    people: dict[str, Officer] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        return self.room.database

    def __getitem__(self, name: str) -> Officer:
        return self.people[name]

    async def serves(self, name: str, agency: str, *roles: str) -> Officer:
        row = OfficerRow(
            person=new_id(), agency=agency, roles=sorted(roles), name_th="ก", name_en=name, active=True,
            updated_at=self.room.clock.now(),
        )  # fmt: skip
        async with self.db.write() as session:
            session.add(row)
        signed_in = SignIn(PASSKEY, self.room.clock.now())
        officer = Officer(row.person, agency, frozenset(roles), Text(th="ก", en=name), signed_in)
        self.people[name] = officer
        return officer

    def signed_in(self, name: str, acr: str = PASSKEY) -> Officer:
        """The officer, signed in anew at this moment."""
        return replace(self.people[name], sign_in=SignIn(acr, self.room.clock.now()))

    async def act(self, who: str | Officer, row: Application, act: Act, **more: Any) -> Application:
        officer = self.signed_in(who) if isinstance(who, str) else who
        ready = await self.desk.prepare(officer, row.id, act, **more)
        async with self.db.write() as session:
            return await self.desk.perform(session, ready)

    async def waiting(self, person: UUID | None = None) -> Application:
        """One that no register could help with."""
        return await self.room.apply(person or new_id())

    async def proposed(self, row: Application, by: str = "maker") -> UUID:
        await self.act(by, row, acts.Claim())
        await self.act(by, row, GRANT)
        async with self.db.read() as session:
            decisions = await self.desk_decisions(session, row)
        return next(one.id for one in decisions if one.result is None)

    async def desk_decisions(self, session: Any, row: Application) -> Sequence[DeskDecision]:
        return await repository.decisions(session, row.person, row.id)


@pytest.fixture
async def world(room: Room, clock: FixedClock, keys: KeyRing) -> World:
    law, ties = Law(), Ties()
    room.service._deciders = {"programme": law}
    officers = OfficerRegister(PeopleRegister(keys, clock), clock)
    desk = CaseDesk(room.database, clock, keys, room.service, officers, load_catalogue(), Subjects(), ties)
    world = World(room, law, ties, desk, officers)
    await world.serves("maker", "dla", DECIDE)
    await world.serves("checker", "dla", CHECK)
    await world.serves("both", "dla", DECIDE, CHECK)
    await world.serves("head", "dla", SUPERVISE)
    await world.serves("reader", "dla", READ)
    await world.serves("clerk", "dla", "pay.plan")
    await world.serves("stranger", "dcy", DECIDE, CHECK, SUPERVISE, READ)
    return world
