"""What is given once: from the application to the instalment, with the room that pays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from api.lifecycle import PaidOnce
from core.clock import BANGKOK, FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.money import Money
from identity.inbox.models import Message
from identity.inbox.service import Inbox
from services.apply.errors import AlreadyApplied, AlreadyClosed
from services.apply.lifecycle import Lifecycle
from services.apply.models import Application
from services.apply.service import ApplyService
from services.apply.states import Status
from services.apply.tasks import complete_given
from services.exchange.catalogue import Catalogue
from services.pay.awards import Awards
from services.pay.models import Instalment
from services.pay.payers import treasury_account
from services.pay.service import PaymentRuns
from tests.services.apply.test_lifecycle import RecordingLife
from tests.services.pay.town import Clerk
from tests.welfare.entitlements.conftest import PERSON, TableGate
from tests.welfare.entitlements.support import NoNotice
from welfare.entitlements.amounts import DecidedAmounts
from welfare.entitlements.decider import ProgrammeDecider
from welfare.programmes import ProgrammeCatalogue, ProgrammeUnknown

MATERNITY: Final = "programme:section-33-maternity"
WALLET: Final = "programme:digital-wallet"
MOTHER: Final[Mapping[str, Any]] = {
    **PERSON, "birth_date": date(1995, 1, 1), "social_security_section": "s33", "sso_birth_role": "mother",
    "sso_birth_on": date(2026, 9, 1), "sso_months_before_birth": 15, "sso_wage": Money.baht(40_000),
}  # fmt: skip
ONE_BIRTH: Final = 1_500_000 + 2_625_000
"""Satang: the lump sum, and half of the highest wage of 17,500 baht for three months."""


@dataclass
class Town:
    database: Database
    gate: TableGate
    clock: FixedClock
    keys: KeyRing
    catalogue: Catalogue
    programmes: ProgrammeCatalogue

    @property
    def awards(self) -> Awards:
        return Awards(DecidedAmounts(self.keys, self.programmes), self.clock, notices=Inbox(self.clock))

    @property
    def applying(self) -> ApplyService:
        decider = ProgrammeDecider(self.gate, self.clock, self.catalogue, self.programmes)
        return ApplyService(
            self.database, self.keys, self.clock, deciders={"programme": decider},
            awarder=self.awards, notices=NoNotice(),
        )  # fmt: skip

    async def apply(self, person: UUID, subject: str = MATERNITY) -> Application:
        submission = await self.applying.prepare(person, person, subject)
        async with self.database.write() as session:
            application = await self.applying.apply(session, submission)
            session.expunge_all()
            return application

    async def withdraw(self, application: Application) -> None:
        async with self.database.write() as session:
            await self.applying.withdraw(session, application.person, application.id)

    async def decide_again(self, application: Application) -> Application:
        again = await self.applying.prepare_reconsideration(application.person, application.id)
        async with self.database.write() as session:
            found = await self.applying.reconsider(session, again)
            session.expunge_all()
            return found

    async def approve(self, agency: str, period: date) -> int:
        """What is planned and approved for the month, in satang; from then on it is paid."""
        runs = PaymentRuns(self.clock, self.awards, self.keys, treasury_account)
        async with self.database.write() as session:
            run = await runs.plan(session, Clerk(agency), period)
        async with self.database.write() as session:
            return (await runs.approve(session, Clerk(agency), run.id)).total

    async def settle(self) -> None:
        """The bank has booked all that is in a run."""
        async with self.database.write() as session:
            query = update(Instalment).where(col(Instalment.run).is_not(None), col(Instalment.status) == "IN_RUN")
            await session.execute(query.values(status="SETTLED"))

    async def close_what_was_given(self) -> int:
        life = Lifecycle(self.applying, self.clock, self.awards, RecordingLife(), lambda _subject: "sso")
        return await complete_given(life, self.database, PaidOnce(self.programmes))

    async def status(self, application: Application) -> Status:
        async with self.database.read() as session:
            found = await session.get(Application, (application.person, application.id))
            assert found is not None
            return Status(found.status)

    async def owed(self) -> list[tuple[date, int]]:
        async with self.database.read() as session:
            rows = await session.scalars(
                select(Instalment).where(col(Instalment.status) != "CANCELLED").order_by(col(Instalment.period))
            )
            return [(row.period, row.satang) for row in rows]

    async def told_that_it_is_given_once(self) -> int:
        async with self.database.read() as session:
            query = select(func.count()).select_from(Message).where(col(Message.template) == "pay.given-once")
            return await session.scalar(query) or 0


@pytest.fixture
def town(
    database: Database, gate: TableGate, clock: FixedClock, keys: KeyRing, catalogue: Catalogue,
    programmes: ProgrammeCatalogue,
) -> Town:  # fmt: skip
    return Town(database, gate, clock, keys, catalogue, programmes)


def on(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 10, tzinfo=BANGKOK)


NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)


async def test_who_withdraws_and_applies_in_another_month_is_not_paid_again(gate: TableGate, town: Town) -> None:
    mother = gate.add(MOTHER)
    first = await town.apply(mother)
    assert await town.approve("sso", NOVEMBER) == ONE_BIRTH
    await town.withdraw(first)
    town.clock.set(on(2026, 12, 3))
    assert Status((await town.apply(mother)).status) is Status.APPROVED
    assert await town.owed() == [(NOVEMBER, ONE_BIRTH)]
    assert await town.told_that_it_is_given_once() == 1


async def test_what_was_never_paid_is_paid_after_all(gate: TableGate, town: Town) -> None:
    mother = gate.add(MOTHER)
    await town.withdraw(await town.apply(mother))
    town.clock.set(on(2026, 12, 3))
    await town.apply(mother)
    assert await town.owed() == [(DECEMBER, ONE_BIRTH)]
    assert await town.told_that_it_is_given_once() == 0


async def test_another_birth_is_paid_for_again(gate: TableGate, town: Town) -> None:
    mother = gate.add(MOTHER)
    first = await town.apply(mother)
    await town.approve("sso", NOVEMBER)
    await town.withdraw(first)
    town.clock.set(on(2027, 11, 3))
    gate.people[mother]["sso_birth_on"] = date(2027, 10, 20)
    await town.apply(mother)
    assert await town.owed() == [(NOVEMBER, ONE_BIRTH), (date(2027, 11, 1), ONE_BIRTH)]


async def test_the_wallet_is_filled_once_to_the_satang(gate: TableGate, town: Town) -> None:
    town.clock.set(on(2024, 10, 3))
    holder = gate.add(state_welfare_card=True)
    first = await town.apply(holder, WALLET)
    assert await town.approve("cgd", date(2024, 10, 1)) == 1_000_000
    await town.withdraw(first)
    town.clock.set(on(2024, 12, 3))
    await town.apply(holder, WALLET)
    assert await town.owed() == [(date(2024, 10, 1), 1_000_000)]


async def test_what_a_later_decision_grants_is_paid_though_it_was_not_yet_so_on_the_day_of_the_application(
    gate: TableGate, town: Town
) -> None:
    mother = gate.add(MOTHER, sso_birth_on=date(2026, 11, 30))
    gate.down.add("sso")
    waiting = await town.apply(mother)
    assert Status(waiting.status) is Status.SUBMITTED
    gate.down.clear()
    town.clock.set(on(2026, 12, 3))
    assert Status((await town.decide_again(waiting)).status) is Status.APPROVED
    assert await town.owed() == [(NOVEMBER, ONE_BIRTH)]


async def test_what_is_paid_is_what_the_decision_says_when_the_law_changed_since_the_application(
    gate: TableGate, town: Town
) -> None:
    town.clock.set(on(2025, 12, 29))
    mother = gate.add(MOTHER, sso_birth_on=date(2025, 9, 1))
    gate.down.add("sso")
    waiting = await town.apply(mother)
    gate.down.clear()
    town.clock.set(on(2026, 1, 5))
    await town.decide_again(waiting)
    assert await town.owed() == [(date(2025, 12, 1), ONE_BIRTH)], "by the highest wage of the day of the decision"


@pytest.mark.parametrize("back", [on(2025, 1, 6), on(2025, 1, 28)])
async def test_who_applied_while_it_was_given_has_it_though_a_source_was_down_until_it_was_over(
    gate: TableGate, town: Town, back: datetime
) -> None:
    town.clock.set(on(2024, 12, 30))
    gate.down |= {"cgd", "dopa"}
    waiting = await town.apply(gate.add(state_welfare_card=True), WALLET)
    assert Status(waiting.status) is Status.SUBMITTED
    gate.down.clear()
    town.clock.set(back)  # when there is no law, and when there is one of another phase
    assert Status((await town.decide_again(waiting)).status) is Status.APPROVED
    assert await town.owed() == [(date(2024, 12, 1), 1_000_000)]


async def test_who_applies_after_it_was_over_is_decided_by_the_law_of_the_day(gate: TableGate, town: Town) -> None:
    holder = gate.add(state_welfare_card=True, wallet_income=Money(0), wallet_deposits=Money(0))
    town.clock.set(on(2025, 1, 6))
    with pytest.raises(ProgrammeUnknown):
        await town.apply(holder, WALLET)
    town.clock.set(on(2025, 1, 28))
    assert Status((await town.apply(holder, WALLET)).status) is Status.REJECTED


# It closes once it is paid, so that there can be a next time.


async def test_a_birth_that_was_paid_closes_and_the_next_one_can_be_claimed(gate: TableGate, town: Town) -> None:
    mother = gate.add(MOTHER)
    first = await town.apply(mother)
    await town.approve("sso", NOVEMBER)
    with pytest.raises(AlreadyApplied):
        await town.apply(mother)
    assert await town.close_what_was_given() == 0, "it is not paid yet"
    await town.settle()
    assert sorted(await asyncio.gather(*(town.close_what_was_given() for _ in range(3)))) == [0, 0, 1]
    assert await town.status(first) is Status.COMPLETED
    with pytest.raises(AlreadyClosed):
        await town.withdraw(first)
    town.clock.set(on(2027, 11, 3))
    gate.people[mother]["sso_birth_on"] = date(2027, 10, 20)
    assert Status((await town.apply(mother)).status) is Status.APPROVED
    assert await town.owed() == [(NOVEMBER, ONE_BIRTH), (date(2027, 11, 1), ONE_BIRTH)]
    assert await town.close_what_was_given() == 0


async def test_after_it_closed_the_same_birth_is_paid_for_no_second_time(gate: TableGate, town: Town) -> None:
    mother = gate.add(MOTHER)
    await town.apply(mother)
    await town.approve("sso", NOVEMBER)
    await town.settle()
    await town.close_what_was_given()
    await town.apply(mother)
    assert await town.owed() == [(NOVEMBER, ONE_BIRTH)]


async def test_what_came_back_does_not_close_it(gate: TableGate, town: Town) -> None:
    first = await town.apply(gate.add(MOTHER))
    await town.approve("sso", NOVEMBER)
    async with town.database.write() as session:
        await session.execute(update(Instalment).values(status="RETURNED"))
    assert await town.close_what_was_given() == 0
    assert await town.status(first) is Status.APPROVED


async def test_what_is_given_once_and_never_again_stays_granted(gate: TableGate, town: Town) -> None:
    town.clock.set(on(2024, 10, 3))
    first = await town.apply(gate.add(state_welfare_card=True), WALLET)
    await town.approve("cgd", date(2024, 10, 1))
    await town.settle()
    assert await town.close_what_was_given() == 0
    assert await town.status(first) is Status.APPROVED
