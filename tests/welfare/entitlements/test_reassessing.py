"""Grants under the real programmes, looked at again: what begins it, what it ends, and what is paid then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.lifecycle import HeldByAwards
from core.clock import BANGKOK, FixedClock
from core.crypto import KeyRing
from core.database import Database
from services.apply.models import Application, Decision
from services.apply.reassessing import CorrectedFact, Law, Reassessed, Reassessments
from services.apply.service import ApplyService
from services.apply.states import Status
from services.exchange.catalogue import Catalogue
from services.pay.awards import Awards
from services.pay.models import Award, Instalment
from tests.welfare.entitlements.conftest import CHILD, TableGate
from tests.welfare.entitlements.support import NoNotice
from welfare.entitlements.amounts import DecidedAmounts
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.lawbook import ProgrammeLaws
from welfare.programmes import ProgrammeCatalogue
from welfare.rules import AttributeType, Kind, Vocabulary, parse

OLD_AGE = "programme:old-age-allowance"
GRANT = "programme:child-support-grant"


class NoCorrections:
    async def corrected_since(self, session: AsyncSession, at: datetime) -> Sequence[CorrectedFact]:
        return ()


class NoHouses:
    async def with_whom(self, person: UUID) -> Collection[UUID] | None:
        return None


@dataclass
class Office:
    """Decides, awards and looks again, over facts in a table."""

    database: Database
    gate: TableGate
    clock: FixedClock
    keys: KeyRing
    catalogue: Catalogue
    programmes: ProgrammeCatalogue

    @property
    def awards(self) -> Awards:
        return Awards(DecidedAmounts(self.keys, self.programmes), self.clock)

    @property
    def apply(self) -> ApplyService:
        decider = ProgrammeDecider(self.gate, self.clock, self.catalogue, self.programmes)
        return ApplyService(
            self.database, self.keys, self.clock, deciders={"programme": decider}, awarder=self.awards,
            notices=NoNotice(),
        )  # fmt: skip

    @property
    def laws(self) -> ProgrammeLaws:
        return ProgrammeLaws(self.clock, self.catalogue, self.programmes)

    async def look_again(self) -> Reassessed:
        held = HeldByAwards(self.awards)
        again = Reassessments(
            self.database, self.clock, self.apply, laws=self.laws, corrections=NoCorrections(), held=held,
            households=NoHouses(),
        )  # fmt: skip
        return await again.run()

    async def granted(self, person: UUID, subject: str, beneficiary: UUID | None = None) -> Application:
        submission = await self.apply.prepare(person, beneficiary or person, subject)
        async with self.database.write() as session:
            row = await self.apply.apply(session, submission)
        assert row.status == Status.APPROVED
        return row

    async def month(self, period: date) -> None:
        """What planning a run does with each award for that month."""
        async with self.database.write() as session:
            running = list(await session.scalars(select(Award).where(col(Award.ends_on).is_(None))))
            await self.awards.schedule(session, running, period)

    async def get(self, application: UUID) -> Application:
        async with self.database.read() as session:
            row = await session.scalar(select(Application).where(col(Application.id) == application))
        assert row is not None
        return row

    async def paid(self) -> Mapping[date, int]:
        async with self.database.read() as session:
            return {one.period: one.satang // 100 for one in await session.scalars(select(Instalment))}


@pytest.fixture
def office(
    database: Database, gate: TableGate, clock: FixedClock, keys: KeyRing, catalogue: Catalogue,
    programmes: ProgrammeCatalogue,
) -> Office:  # fmt: skip
    return Office(database, gate, clock, keys, catalogue, programmes)


def with_a_stricter_law(office: Office, starts: date) -> None:
    """From then on the old-age allowance asks for a fact that no decision has read."""
    programme = office.programmes["old-age-allowance"]
    now = programme.versions[-1]
    vocabulary = Vocabulary({**now.vocabulary.person, "has_credit_card": AttributeType(Kind.BOOL)})
    condition = replace(now.conditions[0], id="card", tree=parse("NOT has_credit_card", vocabulary, {}))
    stricter = replace(now, starts=starts, conditions=(*now.conditions, condition), vocabulary=vocabulary)
    until = replace(now, until=date.fromordinal(starts.toordinal() - 1))
    changed = replace(programme, versions=(*programme.versions[:-1], until, stricter))
    office.programmes = ProgrammeCatalogue(
        tuple(changed if one.slug == changed.slug else one for one in office.programmes)
    )


async def test_a_grant_knows_its_law_and_the_day_on_which_it_changes(office: Office) -> None:
    row = await office.granted(office.gate.add(birth_date=date(1947, 3, 1)), OLD_AGE)
    assert row.law_from == office.laws.in_force()[OLD_AGE].name
    assert row.changes_on == date(2027, 10, 1), "the band of 80 begins with the fiscal year"


async def test_the_book_of_laws_knows_what_is_read_and_from_what_it_is_derived(office: Office) -> None:
    book = office.laws
    version = office.programmes["child-support-grant"].version_on(office.clock.today())
    assert version is not None
    assert version.starts is not None
    assert book.in_force()[GRANT] == Law(version.starts.isoformat(), version.starts)
    assert book.reads(GRANT, "household_income")
    assert book.reads(GRANT, "annual_income"), "of which the household's is the sum"
    assert book.reads(GRANT, "birth_date"), "of the child"
    assert not book.reads(GRANT, "has_credit_card")
    assert {GRANT, "programme:state-welfare-card"} <= book.totals("annual_income")
    assert OLD_AGE not in book.totals("annual_income")
    assert book.totals("birth_date") == frozenset()
    assert not book.reads("service:oic", "birth_date")
    assert not book.reads("programme:none", "birth_date")


async def test_a_child_that_turns_six_ends_the_grant_and_the_months_before_stay_owed(office: Office) -> None:
    parent = office.gate.add()
    child = office.gate.add(CHILD, parent=parent, birth_date=date(2021, 1, 12))
    row = await office.granted(parent, GRANT, child)
    assert row.changes_on == date(2027, 1, 12)
    office.clock.set(datetime(2027, 1, 11, 12, tzinfo=BANGKOK))
    assert await office.look_again() == Reassessed()
    office.clock.set(datetime(2027, 1, 12, 12, tzinfo=BANGKOK))
    assert await office.look_again() == Reassessed(owed=1, done=1)
    assert (await office.get(row.id)).status == Status.ENDED
    months = [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert await office.paid() == dict.fromkeys(months, 600), "on the 1st of January it was not yet six"
    async with office.database.read() as session:
        decisions = list(await session.scalars(select(col(Decision.outcome)).order_by(col(Decision.sequence))))
    assert decisions == ["GRANTED", "REFUSED"]


async def test_a_rate_that_rises_with_age_is_decided_again_and_goes_on(office: Office) -> None:
    row = await office.granted(office.gate.add(birth_date=date(1947, 3, 1)), OLD_AGE)
    office.clock.set(datetime(2027, 10, 1, 9, tzinfo=BANGKOK))
    assert await office.look_again() == Reassessed(owed=1, done=1)
    paid = await office.paid()
    assert len(paid) == 12, "the months that nobody planned are made too"
    assert (paid[date(2027, 9, 1)], paid[date(2027, 10, 1)]) == (700, 800)
    assert (await office.get(row.id)).status == Status.APPROVED


async def test_a_month_whose_law_needs_an_unread_fact_is_held_until_it_is_read(office: Office) -> None:
    person = office.gate.add(birth_date=date(1955, 3, 1))
    row = await office.granted(person, OLD_AGE)
    with_a_stricter_law(office, date(2027, 1, 1))
    office.clock.set(datetime(2026, 12, 20, 9, tzinfo=BANGKOK))
    await office.month(date(2027, 1, 1))
    assert await office.paid() == {date(2026, 11, 1): 700}
    async with office.database.read() as session:
        [(month, _)] = await office.awards.held_months(session)
        amounts = DecidedAmounts(office.keys, office.programmes)
        assert await amounts.needed(session, row.id, date(2027, 1, 1)) == ("has_credit_card",)
        assert await amounts.needed(session, row.id, date(2026, 12, 1)) == ()
    assert (month.period, month.needs) == (date(2027, 1, 1), ["has_credit_card"])
    assert await office.look_again() == Reassessed(), "the law is not in force yet"
    office.clock.set(datetime(2027, 1, 1, 9, tzinfo=BANGKOK))
    office.gate.down = {office.catalogue.attribute("has_credit_card").steward}
    found = await office.look_again()
    assert (found.done, found.waiting) == (0, found.owed)
    office.gate.down = set()
    office.clock.set(datetime(2027, 1, 2, 9, tzinfo=BANGKOK))
    assert (await office.look_again()).done == found.owed
    assert await office.paid() == dict.fromkeys([date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)], 700)
    async with office.database.read() as session:
        assert await office.awards.held_months(session) == []


async def test_under_a_stricter_law_a_right_ends_from_its_first_day(office: Office) -> None:
    row = await office.granted(office.gate.add(birth_date=date(1955, 3, 1), has_credit_card=True), OLD_AGE)
    with_a_stricter_law(office, date(2027, 1, 1))
    office.clock.set(datetime(2027, 1, 3, 9, tzinfo=BANGKOK))
    await office.look_again()
    assert (await office.get(row.id)).status == Status.ENDED
    assert set(await office.paid()) == {date(2026, 11, 1), date(2026, 12, 1)}
