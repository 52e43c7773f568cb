"""The room of applications with a made-up agency behind a real runner, and the real gate before made-up sources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.forms import AllForms
from api.service_turns import RegistryTurns
from api.services_applied import ConsentsOfPeople, NumbersOfPeople, PluginAgencies
from core.attestation.service import Attestor
from core.cache import open_redis
from core.clock import FixedClock
from core.database import Database
from core.money import Money
from core.text import Text
from services.apply.delivery import repository
from services.apply.delivery.courier import Courier
from services.apply.delivery.decider import ServiceDecider
from services.apply.delivery.desk import DeliveryDesk
from services.apply.delivery.hearing import Hearing
from services.apply.delivery.models import AgencyEvent, DeliveryAttempt, ServiceCase
from services.apply.delivery.needs import Needs
from services.apply.delivery.states import Hindrance
from services.apply.models import Application
from services.apply.service import ApplyService
from services.apply.states import Status
from services.exchange.consent.receipts import ConsentReceipts
from services.exchange.consent.service import ConsentService
from services.exchange.consent.texts import load_texts
from services.plugins.contract import Host
from services.plugins.operating.windows import Windows
from services.plugins.plugin import Plugin
from services.plugins.runner import LaneLimits, Runner
from tests.services.apply.conftest import TableAwarder
from tests.services.apply.delivery.office import SLUG, Office
from tests.services.exchange.fakes import CATALOGUE, KEYS, Exchange
from welfare.programmes import ProgrammeCatalogue

NAME = {
    f"{part}_{script}": text
    for script in ("th", "en")
    for part, text in (("title", "-"), ("given", "Somchai"), ("middle", ""), ("family", "Jaidee"))
}


@dataclass
class RecordingNotices:
    told: list[tuple[UUID, Status]] = field(default_factory=list)
    payments: list[Money] = field(default_factory=list)
    hindrances: list[Hindrance] = field(default_factory=list)

    async def application_changed(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, status: Status
    ) -> None:
        self.told.append((person, status))

    async def payment_requested(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money
    ) -> None:
        self.payments.append(amount)

    async def fee_due(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money, day: date
    ) -> None:
        self.payments.append(amount)

    async def fee_reminded(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money, day: date
    ) -> None:
        self.payments.append(amount)

    async def fee_lapsed(self, session: AsyncSession, *, person: UUID, application: UUID, title: Text) -> None:
        """Nothing lapses in these tests."""

    async def hindered(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, hindrance: Hindrance
    ) -> None:
        self.hindrances.append(hindrance)


class Worker:
    """One process: its rooms and its courier, over the common database and the common agency."""

    def __init__(self, database: Database, clock: FixedClock, exchange: Exchange, market: Market) -> None:
        self.database, self.clock, self.market = database, clock, market
        attestor = Attestor(database, KEYS, clock, "http://localhost:8000")
        receipts = ConsentReceipts(CATALOGUE, load_texts(), KEYS, attestor)
        self.consents = ConsentService(CATALOGUE, clock, receipts)
        forms = AllForms(CATALOGUE, ProgrammeCatalogue(()), lambda: [one.manifest for one in market.plugins], clock)
        host = Host(clock, agency=None)  # type: ignore[arg-type]  # the agency of these tests is in their functions
        self.windows = Windows(clock)
        runner = Runner(lambda _: host, LaneLimits(failures_max=1_000_000), windows=self.windows)
        agencies = PluginAgencies(runner, lambda: market.plugins, RegistryTurns)
        numbers, consents = NumbersOfPeople(exchange.people), ConsentsOfPeople(self.consents)
        needs = Needs(database, exchange.gate, CATALOGUE, consents)
        self.desk = DeliveryDesk(KEYS, clock, agencies, numbers, consents)
        self.consents.ended = self.desk
        self.notices = market.notices
        self.service = ApplyService(
            database,
            KEYS,
            clock,
            deciders={"service": ServiceDecider(agencies, forms, needs)},
            awarder=TableAwarder(),
            notices=market.notices,
            forms=forms,
            deliveries=self.desk,
        )
        self.hearing = Hearing(KEYS, clock, self.service, self.desk, market.notices)
        self.courier = Courier(
            database,
            clock,
            KEYS,
            agencies=agencies,
            numbers=numbers,
            needs=needs,
            hearing=self.hearing,
            chance=lambda: 1.0,
        )

    async def apply(self, person: UUID, answers: object = None, slug: str = SLUG) -> UUID:
        given = {"shopName": "ร้านข้าวแกง"} if answers is None else answers
        submission = await self.service.prepare(person, person, f"service:{slug}", given)
        async with self.database.write() as session:
            return (await self.service.apply(session, submission)).id

    async def withdraw(self, person: UUID, application: UUID, *, leaving: bool = False) -> None:
        async with self.database.write() as session:
            await self.service.withdraw(session, person, application, leaving=leaving)

    async def later(self, **time: float) -> int:
        self.clock.advance(timedelta(**time))
        return await self.courier.run()

    async def application(self, person: UUID, application: UUID) -> Application:
        async with self.database.read() as session:
            found = await session.get(Application, (person, application))
        assert found is not None
        return found

    async def case(self, person: UUID, application: UUID) -> ServiceCase:
        async with self.database.read() as session:
            found = await repository.case(session, person, application)
        assert found is not None
        return found

    async def actions(self, person: UUID, application: UUID) -> list[str]:
        from services.apply import repository as applications  # noqa: PLC0415 - two of one name

        async with self.database.read() as session:
            found = await applications.events(session, person, [application])
        return [event.action for event in found[application]]

    async def attempts(self) -> list[tuple[str, str]]:
        async with self.database.read() as session:
            rows = await session.scalars(select(DeliveryAttempt).order_by(col(DeliveryAttempt.id)))
        return [(row.step, row.outcome) for row in rows]

    async def events(self) -> list[AgencyEvent]:
        async with self.database.read() as session:
            return list(await session.scalars(select(AgencyEvent).order_by(col(AgencyEvent.at))))


@dataclass
class Market:
    """What all workers share: the agency, what is published, what citizens are told."""

    office: Office
    plugins: list[Plugin] = field(default_factory=list)
    notices: RecordingNotices = field(default_factory=RecordingNotices)

    def publish(self, **changed: Any) -> None:
        self.plugins = [self.office.plugin(**changed)]


@pytest.fixture
def market(clock: FixedClock) -> Market:
    made = Market(Office(clock))
    made.publish()
    return made


@pytest.fixture
async def exchange(database: Database, clock: FixedClock) -> AsyncIterator[Exchange]:
    redis = open_redis(None)
    yield Exchange(database, redis, clock)
    await redis.aclose()


@pytest.fixture
async def worker(database: Database, clock: FixedClock, exchange: Exchange, market: Market) -> Worker:
    return Worker(database, clock, exchange, market)


@pytest.fixture
async def citizen(exchange: Exchange) -> UUID:
    person = await exchange.person("citizen", birth_date=date(1990, 1, 1))
    exchange.dopa.file[exchange.ids["citizen"]]["name"] = NAME
    return person
