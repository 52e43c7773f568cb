"""What an award pays in which month, from the stored decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from api.lifecycle import EndingLaws
from core.clock import BANGKOK, FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.money import Money
from core.text import Text
from services.apply.models import Application
from services.apply.service import ApplyService
from services.apply.states import Status
from services.exchange.catalogue import Catalogue
from services.pay.awards import Awards
from services.pay.models import Instalment
from tests.welfare.entitlements.conftest import CHILD, TableGate
from tests.welfare.entitlements.support import NoAward, NoNotice
from welfare.entitlements.amounts import DecidedAmounts
from welfare.entitlements.decider import ProgrammeDecider
from welfare.programmes import Programme, ProgrammeCatalogue, ProgrammeUnknown, Version
from welfare.rules import AttributeType, Kind, Vocabulary, parse

OLD_AGE = "programme:old-age-allowance"
GRANT = "programme:child-support-grant"


@dataclass
class Payday:
    """Applies, and asks what a month pays."""

    database: Database
    gate: TableGate
    clock: FixedClock
    keys: KeyRing
    catalogue: Catalogue
    programmes: ProgrammeCatalogue

    def service(self) -> ApplyService:
        decider = ProgrammeDecider(self.gate, self.clock, self.catalogue, self.programmes)
        return ApplyService(
            self.database, self.keys, self.clock,
            deciders={"programme": decider}, awarder=NoAward(), notices=NoNotice(),
        )  # fmt: skip

    async def status(self, application: UUID) -> Status:
        async with self.database.read() as session:
            found = await session.scalar(select(col(Application.status)).where(col(Application.id) == application))
        return Status(str(found))

    async def reconsidered(self, person: UUID, application: UUID) -> None:
        apply = self.service()
        again = await apply.prepare_reconsideration(person, application)
        async with self.database.write() as session:
            await apply.reconsider(session, again)

    async def granted(self, person: UUID, subject: str, beneficiary: UUID | None = None) -> UUID:
        apply = self.service()
        submission = await apply.prepare(person, beneficiary or person, subject)
        async with self.database.write() as session:
            return (await apply.apply(session, submission)).id

    async def paid(self, application: UUID, year: int, month: int) -> Money | None:
        async with self.database.read() as session:
            source = DecidedAmounts(self.keys, self.programmes)
            return await source.amount(session, application, date(year, month, 1))


@pytest.fixture
def payday(
    database: Database, gate: TableGate, clock: FixedClock, keys: KeyRing, catalogue: Catalogue,
    programmes: ProgrammeCatalogue,
) -> Payday:  # fmt: skip
    return Payday(database, gate, clock, keys, catalogue, programmes)


async def test_the_band_of_age_steps_at_the_start_of_the_fiscal_year(payday: Payday) -> None:
    elder = payday.gate.add(birth_date=date(1947, 3, 1))
    application = await payday.granted(elder, OLD_AGE)
    assert await payday.paid(application, 2027, 9) == Money.baht(700)
    assert await payday.paid(application, 2027, 10) == Money.baht(800)


async def test_an_approved_disabled_adult_is_paid_whatever_was_down(payday: Payday) -> None:
    holder = payday.gate.add(disability_card=True)
    payday.gate.down = {"cgd"}
    application = await payday.granted(holder, "programme:disability-allowance")
    assert await payday.status(application) is Status.SUBMITTED
    payday.gate.down = set()
    await payday.reconsidered(holder, application)
    assert await payday.status(application) is Status.APPROVED
    assert await payday.paid(application, 2026, 11) == Money.baht(800)


async def test_the_months_that_an_agency_was_down_are_paid_when_it_is_back(payday: Payday) -> None:
    payday.clock.set(datetime(2026, 11, 30, 10, 0, tzinfo=BANGKOK))
    holder = payday.gate.add(disability_card=True)
    payday.gate.down = {"cgd"}
    application = await payday.granted(holder, "programme:disability-allowance")
    payday.gate.down = set()
    payday.clock.set(datetime(2027, 1, 2, 10, 0, tzinfo=BANGKOK))
    await payday.reconsidered(holder, application)
    assert await payday.paid(application, 2026, 10) is None
    paid = [await payday.paid(application, *month) for month in ((2026, 11), (2026, 12), (2027, 1))]
    assert paid == [Money.baht(800)] * 3


async def test_a_month_before_the_application_pays_nothing(payday: Payday) -> None:
    application = await payday.granted(payday.gate.add(birth_date=date(1947, 3, 1)), OLD_AGE)
    assert await payday.paid(application, 2026, 10) is None
    assert await payday.paid(application, 2026, 11) == Money.baht(700)


async def test_a_child_born_and_registered_in_a_month_is_paid_for_it(payday: Payday) -> None:
    parent = payday.gate.add()
    child = payday.gate.add(CHILD, parent=parent, birth_date=date(2026, 11, 12))
    application = await payday.granted(parent, GRANT, child)
    assert await payday.paid(application, 2026, 11) == Money.baht(600)
    assert await payday.paid(application, 2032, 11) == Money.baht(600), "on the 1st it is not yet six"
    assert await payday.paid(application, 2032, 12) is None


async def test_a_disabled_childs_rate_falls_when_it_comes_of_age(payday: Payday) -> None:
    parent = payday.gate.add()
    child = payday.gate.add(CHILD, parent=parent, birth_date=date(2010, 5, 2), disability_card=True)
    application = await payday.granted(parent, "programme:disability-allowance", child)
    assert await payday.paid(application, 2028, 5) == Money.baht(1000)
    assert await payday.paid(application, 2028, 6) == Money.baht(800)


async def test_cash_is_paid_and_benefits_in_kind_are_not(payday: Payday) -> None:
    application = await payday.granted(payday.gate.add(), "programme:state-welfare-card")
    assert await payday.paid(application, 2026, 12) is None


async def test_a_supplement_is_paid_with_the_allowance(payday: Payday) -> None:
    holder = payday.gate.add(disability_card=True, state_welfare_card=True)
    application = await payday.granted(holder, "programme:disability-allowance")
    assert await payday.paid(application, 2026, 12) == Money.baht(1000)


async def test_what_was_refused_and_what_is_unknown_pays_nothing(payday: Payday) -> None:
    application = await payday.granted(payday.gate.add(), OLD_AGE)
    assert await payday.paid(application, 2026, 12) is None
    assert await payday.paid(new_id(), 2026, 12) is None


async def test_a_decision_of_before_the_top_up_pays_it_in_its_months_alone(payday: Payday) -> None:
    payday.clock.set(datetime(2022, 1, 10, 9, tzinfo=BANGKOK))
    application = await payday.granted(payday.gate.add(birth_date=date(1955, 3, 1)), OLD_AGE)
    paid = [await payday.paid(application, 2022, month) for month in (3, 4, 9, 10)]
    assert paid == [Money.baht(600), Money.baht(700), Money.baht(700), Money.baht(600)]


def _with_version(programmes: ProgrammeCatalogue, change: Version) -> ProgrammeCatalogue:
    """The catalogue with a version of the old-age allowance that follows the one in force."""

    def changed(programme: Programme) -> Programme:
        if f"programme:{programme.slug}" != OLD_AGE:
            return programme
        assert change.starts is not None
        until = date.fromordinal(change.starts.toordinal() - 1)
        last = replace(programme.versions[-1], until=until)
        return replace(programme, versions=(*programme.versions[:-1], last, change))

    return ProgrammeCatalogue(tuple(changed(programme) for programme in programmes))


async def test_a_new_version_of_the_law_raises_the_rate_from_its_first_month(payday: Payday) -> None:
    application = await payday.granted(payday.gate.add(birth_date=date(1955, 3, 1)), OLD_AGE)
    now = payday.programmes["old-age-allowance"].versions[-1]
    benefit = replace(now.benefits[0], arms=(), otherwise=Money.baht(1250))
    payday.programmes = _with_version(payday.programmes, replace(now, starts=date(2027, 1, 1), benefits=(benefit,)))
    assert await payday.paid(application, 2026, 12) == Money.baht(700)
    assert await payday.paid(application, 2027, 1) == Money.baht(1250)


async def test_a_new_law_that_asks_for_another_fact_pays_nothing_on_a_guess(payday: Payday) -> None:
    application = await payday.granted(payday.gate.add(birth_date=date(1955, 3, 1)), OLD_AGE)
    now = payday.programmes["old-age-allowance"].versions[-1]
    vocabulary = Vocabulary({**now.vocabulary.person, "has_credit_card": AttributeType(Kind.BOOL)})
    condition = replace(now.conditions[0], id="card", tree=parse("NOT has_credit_card", vocabulary, {}))
    stricter = replace(now, starts=date(2027, 1, 1), conditions=(*now.conditions, condition), vocabulary=vocabulary)
    payday.programmes = _with_version(payday.programmes, stricter)
    assert await payday.paid(application, 2026, 12) == Money.baht(700)
    assert await payday.paid(application, 2027, 1) is None


async def test_a_later_correction_of_the_file_changes_nothing_that_was_granted_under_it(payday: Payday) -> None:
    application = await payday.granted(payday.gate.add(birth_date=date(1955, 3, 1)), OLD_AGE)
    now = payday.programmes["old-age-allowance"]
    benefit = replace(now.versions[-1].benefits[0], arms=(), otherwise=Money.baht(1))
    corrected = replace(now, versions=(*now.versions[:-1], replace(now.versions[-1], benefits=(benefit,))))
    payday.programmes = ProgrammeCatalogue((corrected,))
    assert await payday.paid(application, 2026, 12) == Money.baht(700)


def test_payer_and_payday_are_of_the_programme(keys: KeyRing, programmes: ProgrammeCatalogue) -> None:
    source = DecidedAmounts(keys, programmes)
    assert source.payer(GRANT) == "dcy"
    assert source.payday(GRANT, date(2027, 2, 1)) == date(2027, 2, 10)
    assert source.payday("programme:state-welfare-card", date(2027, 2, 1)) == date(2027, 2, 1)


def test_a_payday_that_a_month_does_not_have_is_its_last_day(keys: KeyRing, programmes: ProgrammeCatalogue) -> None:
    now = programmes["old-age-allowance"]
    benefit = replace(now.versions[-1].benefits[0], payday=31)
    late = replace(now, versions=(replace(now.versions[-1], benefits=(benefit,)),))
    source = DecidedAmounts(keys, ProgrammeCatalogue((late,)))
    assert source.payday(OLD_AGE, date(2027, 2, 1)) == date(2027, 2, 28)


@pytest.mark.parametrize("subject", ["programme:none", "service:old-age-allowance", ""])
def test_nobody_pays_an_unknown_subject(keys: KeyRing, programmes: ProgrammeCatalogue, subject: str) -> None:
    with pytest.raises(ProgrammeUnknown):
        DecidedAmounts(keys, programmes).payer(subject)


async def test_a_grant_schedules_its_first_instalment_in_the_same_transaction(
    database: Database, gate: TableGate, clock: FixedClock, keys: KeyRing, catalogue: Catalogue,
    programmes: ProgrammeCatalogue,
) -> None:  # fmt: skip
    parent = gate.add()
    twins = [gate.add(CHILD, parent=parent) for _ in range(2)]
    decider = ProgrammeDecider(gate, clock, catalogue, programmes)
    awards = Awards(DecidedAmounts(keys, programmes), clock)
    apply = ApplyService(database, keys, clock, deciders={"programme": decider}, awarder=awards, notices=NoNotice())
    for twin in twins:
        submission = await apply.prepare(parent, twin, GRANT)
        async with database.write() as session:
            await apply.apply(session, submission)
    async with database.read() as session:
        instalments = (await session.scalars(select(Instalment))).all()
    assert {(i.person, i.beneficiary, i.satang) for i in instalments} == {(parent, twin, 60_000) for twin in twins}


@pytest.mark.parametrize(
    ("born", "year", "month", "paid"),
    [
        (date(2020, 12, 1), 2026, 11, 600),  # six on the 1st of December
        (date(2020, 12, 1), 2026, 12, None),
        (date(2020, 12, 2), 2026, 12, 600),  # still five on the 1st
        (date(2020, 12, 2), 2027, 1, None),
        (date(2024, 2, 29), 2030, 2, 600),  # six on 1 March, for 2030 has no 29 February
        (date(2024, 2, 29), 2030, 3, None),
    ],
)
async def test_a_child_is_paid_for_the_months_on_whose_first_day_it_is_not_yet_six(
    payday: Payday, born: date, year: int, month: int, paid: int | None
) -> None:
    parent = payday.gate.add()
    child = payday.gate.add(CHILD, parent=parent, birth_date=born)
    application = await payday.granted(parent, GRANT, child)
    assert await payday.paid(application, year, month) == (None if paid is None else Money.baht(paid))


@pytest.mark.parametrize("born", [date(1966, 11, 1), date(1966, 11, 16)])
async def test_whoever_is_sixty_by_the_day_of_the_decision_is_paid_for_its_month(payday: Payday, born: date) -> None:
    application = await payday.granted(payday.gate.add(birth_date=born), OLD_AGE)
    assert await payday.paid(application, 2026, 11) == Money.baht(600)
    assert await payday.paid(application, 2026, 12) == Money.baht(600)


@pytest.mark.parametrize(("born", "october"), [(date(1957, 10, 1), 700), (date(1957, 10, 2), 600)])
async def test_octobers_payment_has_the_band_of_the_first_of_october(payday: Payday, born: date, october: int) -> None:
    application = await payday.granted(payday.gate.add(birth_date=born), OLD_AGE)
    assert await payday.paid(application, 2027, 9) == Money.baht(600)
    assert await payday.paid(application, 2027, 10) == Money.baht(october)


@pytest.mark.parametrize(("hour", "starts"), [(16, date(2026, 11, 1)), (17, date(2026, 12, 1))])
async def test_the_month_of_an_award_begins_at_midnight_in_bangkok(payday: Payday, hour: int, starts: date) -> None:
    payday.clock.set(datetime(2026, 11, 30, hour, 59, tzinfo=UTC))
    application = await payday.granted(payday.gate.add(birth_date=date(1950, 1, 1)), OLD_AGE)
    awards = Awards(DecidedAmounts(payday.keys, payday.programmes), payday.clock)
    async with payday.database.write() as session:
        await awards.award(
            session,
            application=application,
            payee=new_id(),
            beneficiary=new_id(),
            subject=OLD_AGE,
            title=Text("ก", "a"),
            since=payday.clock.today(),
        )
    async with payday.database.read() as session:
        [instalment] = await session.scalars(select(Instalment))
    assert instalment.period == starts


@pytest.mark.parametrize(
    ("month", "over"), [(date(2026, 12, 1), False), (date(2027, 1, 1), False), (date(2027, 2, 1), True)]
)
def test_law_is_over_in_the_month_after_its_last_day(
    keys: KeyRing, programmes: ProgrammeCatalogue, month: date, over: bool
) -> None:
    now = programmes["old-age-allowance"]
    last = replace(now.versions[-1], until=date(2027, 1, 31))
    ending = ProgrammeCatalogue((replace(now, versions=(*now.versions[:-1], last)),))
    assert DecidedAmounts(keys, ending).ran_out(OLD_AGE, month) is over
    assert not DecidedAmounts(keys, programmes).ran_out(OLD_AGE, month), "it has no last day"
    laws = EndingLaws(ending, Awards(DecidedAmounts(keys, ending), FixedClock(datetime(2026, 1, 1, tzinfo=BANGKOK))))
    assert laws.ending(date(2026, 11, 1), timedelta(days=90)) == {}
    assert laws.ending(date(2026, 11, 2), timedelta(days=90)) == {"old-age-allowance": date(2027, 1, 31)}
    assert laws.ending(date(2027, 2, 1), timedelta(days=90)) == {"old-age-allowance": date(2027, 1, 31)}


def test_what_is_given_once_never_runs_out(keys: KeyRing, programmes: ProgrammeCatalogue) -> None:
    assert not DecidedAmounts(keys, programmes).ran_out("programme:digital-wallet", date(2030, 1, 1))
