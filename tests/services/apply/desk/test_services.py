"""A service of an agency that has a form and no system for it: its officers decide it at this desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from core.clock import FixedClock
from core.database import Database
from core.ids import new_id
from core.text import Text
from identity.officers import Officer, OfficerRegister
from identity.officers.models import Officer as OfficerRow
from identity.officers.register import SignIn
from identity.people import PeopleRegister
from services.apply import repository as applications
from services.apply.delivery.errors import AtTheAgency
from services.apply.delivery.models import ServiceCase
from services.apply.desk import acts
from services.apply.desk.acts import Act
from services.apply.desk.service import CaseDesk
from services.apply.roles import DECIDE
from services.apply.states import Status
from services.exchange.catalogue import load_catalogue
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.conftest import citizen as citizen  # noqa: PLC0414 - a fixture
from tests.services.apply.delivery.conftest import exchange as exchange  # noqa: PLC0414 - a fixture
from tests.services.apply.delivery.conftest import market as market  # noqa: PLC0414 - a fixture
from tests.services.apply.delivery.conftest import worker as worker  # noqa: PLC0414 - a fixture
from tests.services.apply.delivery.office import OPERATIONS, SLUG
from tests.services.apply.desk.conftest import PASSKEY, REASON, Ties
from tests.services.exchange.fakes import KEYS

WITHOUT_SUBMIT = {name: spec for name, spec in OPERATIONS.items() if spec["kind"] not in ("submit", "status", "cancel")}
SUBJECT = f"service:{SLUG}"


class Subjects:
    def of_agency(self, agency: str) -> Mapping[str, Text]:
        return {SUBJECT: Text(th="ที่ขายของ", en="stall")} if agency == "oic" else {}


@dataclass
class Counter:
    worker: Worker
    desk: CaseDesk
    officer: Officer

    async def act(self, key: UUID, act: Act) -> Any:
        ready = await self.desk.prepare(self.officer, key, act)
        async with self.worker.database.write() as session:
            return await self.desk.perform(session, ready)


@pytest.fixture
async def counter(database: Database, clock: FixedClock, worker: Worker, market: Market) -> Counter:
    market.publish(operations=WITHOUT_SUBMIT)
    officers = OfficerRegister(PeopleRegister(KEYS, clock), clock)
    desk = CaseDesk(database, clock, KEYS, worker.service, officers, load_catalogue(), Subjects(), Ties())
    key, roles = new_id(), [DECIDE]
    async with database.write() as session:
        session.add(
            OfficerRow(
                person=key, agency="oic", roles=roles, name_th="ก", name_en="A", active=True, updated_at=clock.now()
            )
        )
    officer = Officer(key, "oic", frozenset(roles), Text(th="ก", en="A"), SignIn(PASSKEY, clock.now()))
    return Counter(worker, desk, officer)


async def test_it_is_taken_and_waits_for_officers_and_no_system_is_told(counter: Counter, citizen: UUID) -> None:
    key = await counter.worker.apply(citizen)
    assert (await counter.worker.application(citizen, key)).status == Status.SUBMITTED
    async with counter.worker.database.read() as session:
        assert await session.get(ServiceCase, (citizen, key)) is None
    assert await counter.worker.courier.run() == 0


async def test_an_officer_asks_the_citizen_answers_and_the_officer_decides_by_judgement(
    counter: Counter, citizen: UUID
) -> None:
    key = await counter.worker.apply(citizen)
    await counter.act(key, acts.Claim())
    await counter.act(key, acts.ask([{"attribute": "shopName", "why": "ชื่อร้านไม่ชัดเจน"}]))
    assert (await counter.worker.application(citizen, key)).status == Status.NEEDS_INFORMATION
    service = counter.worker.service
    again = await service.prepare_supplement(citizen, key, {"shopName": "ร้านก๋วยเตี๋ยว"})
    async with counter.worker.database.write() as session:
        assert (await service.supplement(session, again)).status == Status.SUBMITTED
    done = await counter.act(key, acts.decide(True, *REASON))  # noqa: FBT003 - a word of the law
    assert done.status == Status.APPROVED
    async with counter.worker.database.read() as session:
        decision = await applications.last_decision(session, key)
    assert decision is not None
    assert (decision.rule, [one["condition"] for one in decision.reasons]) == (None, ["officer"])


async def test_a_refusal_is_appealed_and_the_application_taken_back_without_an_agencys_system(
    counter: Counter, citizen: UUID
) -> None:
    key = await counter.worker.apply(citizen)
    await counter.act(key, acts.Claim())
    await counter.act(key, acts.decide(False, *REASON))  # noqa: FBT003 - a word of the law
    async with counter.worker.database.write() as session:
        appealed = await counter.worker.service.appeal(session, citizen, key, "ขอให้ตรวจอีกครั้ง")
    assert appealed.status == Status.APPEALED
    await counter.worker.withdraw(citizen, key)
    assert (await counter.worker.application(citizen, key)).status == Status.WITHDRAWN


async def test_what_an_agencys_system_takes_is_still_at_the_agency(
    counter: Counter, market: Market, citizen: UUID
) -> None:
    market.publish()
    key = await counter.worker.apply(citizen)
    with pytest.raises(AtTheAgency):
        await counter.worker.service.prepare_supplement(citizen, key, {})
