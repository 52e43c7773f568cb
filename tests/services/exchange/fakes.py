"""Sources that are made up, and the exchange put together around them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from core.assurance import OF_THAID
from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable
from core.ids import NationalId, check_digit
from core.money import Money
from core.text import Text
from identity.people import PeopleRegister
from services.exchange.access_log.records import AccessEntry, AccessOutcome
from services.exchange.catalogue import Catalogue, load_catalogue
from services.exchange.facts import Asker, AskerKind, Assured, Purpose, Reading
from services.exchange.gate import ExchangeGate
from tests.support import access_log

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
KEYS = KeyRing("k1", {"k1": bytes(range(32))}, bytes(range(32, 64)))
CATALOGUE = load_catalogue()


def national_id(number: int) -> NationalId:
    """A valid one, made up, different for each number."""
    twelve = f"1{number:011d}"
    return NationalId(twelve + str(check_digit(twelve)))


class FakeSource:
    """An authority whose file the test writes, and breaks. It remembers what it was asked."""

    def __init__(self, agency: str, provides: Collection[str]) -> None:
        self.agency = agency
        self.provides = frozenset(provides)
        self.file: dict[NationalId, dict[str, Any]] = {}
        self.asked: list[tuple[NationalId, frozenset[str]]] = []
        self.broken: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def read(self, person: NationalId, attributes: Collection[str]) -> Mapping[str, Reading]:
        self.asked.append((person, frozenset(attributes)))
        if self.gate is not None:
            await self.gate.wait()
        if self.broken is not None:
            raise self.broken
        record = self.file.get(person, {})
        return {
            name: value if isinstance(value, Reading) else Reading(value, AS_OF)
            for name, value in record.items()
            if name in attributes
        }

    def breaks(self) -> None:
        self.broken = ServiceUnavailable(self.agency)

    @property
    def attributes_asked(self) -> set[str]:
        return {name for _, names in self.asked for name in names}


def of_steward(agency: str) -> FakeSource:
    return FakeSource(agency, [a.id for a in CATALOGUE.attributes.values() if a.steward == agency and not a.derived])


@dataclass
class Exchange:
    """A gate over two sources, and the families that they know."""

    database: Database
    redis: Redis
    clock: FixedClock
    dopa: FakeSource = field(default_factory=lambda: of_steward("dopa"))
    rd: FakeSource = field(default_factory=lambda: of_steward("rd"))
    others: list[FakeSource] = field(default_factory=list)
    catalogue: Catalogue = CATALOGUE
    timeout_seconds: float = 2.0
    delegations: Any = None
    bars: Any = None

    def __post_init__(self) -> None:
        self.people = PeopleRegister(KEYS, self.clock)
        self.gate = self.new_gate()
        self.ids: dict[str, NationalId] = {}
        self.keys: dict[str, UUID] = {}

    def new_gate(self) -> ExchangeGate:
        return ExchangeGate(
            database=self.database,
            clock=self.clock,
            keys=KEYS,
            redis=self.redis,
            people=self.people,
            catalogue=self.catalogue,
            sources=lambda: [self.dopa, self.rd, *self.others],
            delegations=self.delegations,
            bars=self.bars,
            source_timeout_seconds=self.timeout_seconds,
        )

    async def person(self, name: str, **facts: Any) -> UUID:
        """Enters a person; `annual_income` goes to the revenue department's file, all else to DOPA's."""
        made = national_id(len(self.ids) + 1)
        self.ids[name] = made
        for attribute, value in facts.items():
            source = self.rd if self.catalogue.attribute(attribute).steward == "rd" else self.dopa
            source.file.setdefault(made, {})[attribute] = value
        async with self.database.write() as session:
            self.keys[name] = (await self.people.resolve(session, [made]))[made.digits]
        return self.keys[name]

    async def family(self) -> None:
        """A mother, her two minor children, and a lodger: one household."""
        await self.person("mother", birth_date=date(1990, 5, 1), annual_income=Money.baht(90_000), nationality="thai")
        await self.person("elder", birth_date=date(2015, 1, 1), annual_income=Money(0), nationality="thai")
        await self.person("younger", birth_date=date(2022, 1, 1), annual_income=Money(0), nationality="thai")
        await self.person("lodger", birth_date=date(1980, 1, 1), annual_income=Money.baht(110_000), nationality="other")
        house = [self.ids[name].digits for name in ("mother", "elder", "younger", "lodger")]
        for name in ("mother", "elder", "younger", "lodger"):
            self.dopa.file[self.ids[name]]["household_members"] = house
            self.dopa.file[self.ids[name]]["children"] = []
        self.dopa.file[self.ids["mother"]]["children"] = [self.ids["elder"].digits, self.ids["younger"].digits]

    async def entries(self, subject: UUID | None = None) -> list[AccessEntry]:
        return await access_log.entries(self.database, KEYS, subject)

    async def outcomes(self, subject: UUID | None = None) -> list[AccessOutcome]:
        return await access_log.outcomes(self.database, KEYS, subject)


def citizen(person: UUID, request: UUID | None = None) -> Asker:
    you = Text(th="คุณ", en="You")
    return Asker(AskerKind.CITIZEN, person.hex, None, you, request, assurance=Assured(OF_THAID))


def system(applicant: UUID | None = None) -> Asker:
    label = Text(th="ระบบสวัสดิการ", en="The welfare platform")
    return Asker(AskerKind.SYSTEM, "welfare", "dla", label, applicant=applicant)


def officer(agency: str | None) -> Asker:
    return Asker(AskerKind.OFFICER, "0" * 32, agency, Text(th="เจ้าหน้าที่", en="An officer"))


def purpose(name: str) -> Purpose:
    return CATALOGUE.purposes[name].purpose


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    """Lets others run until it holds; for what no event tells."""
    async with asyncio.timeout(60):
        while True:
            holds = condition()
            if holds is True or (not isinstance(holds, bool) and await holds):
                return
            await asyncio.sleep(0.005)
