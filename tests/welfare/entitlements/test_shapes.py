"""Programmes that exclude each other, that are put only to whoever asks, that are rights, that pay once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import func, select

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.money import Money
from core.text import Text
from services.apply.errors import ExcludedByAnother, NotOfferedHere
from services.apply.models import Application
from services.apply.service import ApplyService
from services.apply.states import Status
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Asker, AskerKind
from tests.welfare.entitlements.conftest import CHILD, PERSON, TableGate
from tests.welfare.entitlements.support import NoAward, NoNotice, by_programme
from welfare.entitlements.amounts import DecidedAmounts
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.service import Entitlement, EntitlementService, EntitlementStatus
from welfare.programmes import Outcome, ProgrammeCatalogue

UNEMPLOYMENT: Final = "programme:section-33-unemployment"
PENSION: Final = "programme:section-33-old-age"
OUT_OF_WORK: Final[Mapping[str, Any]] = {
    **PERSON, "birth_date": date(1966, 3, 15), "social_security_section": "none", "health_scheme": "universal_coverage",
    "sso_job_ending": "laid_off", "sso_job_ended_on": date(2026, 11, 1), "sso_months_before_job_ended": 15,
    "sso_job_seeker": True, "sso_wage": Money.baht(12_000), "sso_pension_months": 200, "sso_pension_years_over": 1,
    "sso_pension_wage": Money.baht(12_000), "sso_old_age_own": Money.baht(70_000),
    "sso_old_age_all": Money.baht(150_000), "sso_months_in_36": 36, "sso_plan": "none", "sso_plan_months_in_4": 0,
    "sso_plan_months_in_36": 0, "sso_birth_role": "none", "sso_months_before_birth": 0,
}  # fmt: skip
"""Entitled to the unemployment benefit and to the pension of social security; nobody may have both."""
ILL: Final[Mapping[str, Any]] = {**PERSON, "aids_certified": True}


@dataclass
class Town:
    database: Database
    gate: TableGate
    clock: FixedClock
    keys: KeyRing
    catalogue: Catalogue
    programmes: ProgrammeCatalogue

    @property
    def applying(self) -> ApplyService:
        decider = ProgrammeDecider(self.gate, self.clock, self.catalogue, self.programmes)
        return ApplyService(
            self.database, self.keys, self.clock,
            deciders={"programme": decider}, awarder=NoAward(), notices=NoNotice(),
            beside=decider.beside,
        )  # fmt: skip

    async def apply(
        self, person: UUID, subject: str, beneficiary: UUID | None = None, answers: Mapping[str, Any] | None = None
    ) -> Application:
        applying = self.applying
        submission = await applying.prepare(person, beneficiary or person, subject, dict(answers or {}))
        async with self.database.write() as session:
            application = await applying.apply(session, submission)
            session.expunge_all()
            return application

    async def withdraw(self, person: UUID, application: UUID) -> None:
        async with self.database.write() as session:
            await self.applying.withdraw(session, person, application)

    async def paid(self, application: UUID, year: int, month: int) -> Money | None:
        async with self.database.read() as session:
            return await DecidedAmounts(self.keys, self.programmes).amount(session, application, date(year, month, 1))

    async def applications(self) -> int:
        async with self.database.read() as session:
            return await session.scalar(select(func.count()).select_from(Application)) or 0


@pytest.fixture
def town(
    database: Database, gate: TableGate, clock: FixedClock, keys: KeyRing, catalogue: Catalogue,
    programmes: ProgrammeCatalogue,
) -> Town:  # fmt: skip
    return Town(database, gate, clock, keys, catalogue, programmes)


async def look(service: EntitlementService, person: UUID, slug: str) -> Entitlement:
    return by_programme(await service.of(person), person)[slug]


def beside(found: Entitlement) -> list[tuple[Outcome, Text]]:
    conditions = found.assessment.determination.conditions
    return [(c.outcome, c.law) for c in conditions if c.id.startswith("beside.")]


async def test_who_has_neither_is_entitled_to_both_and_told_that_they_exclude_each_other(
    service: EntitlementService, gate: TableGate
) -> None:
    person = gate.add(OUT_OF_WORK)
    for slug in ("section-33-unemployment", "section-33-old-age"):
        found = await look(service, person, slug)
        assert found.status is EntitlementStatus.ENTITLED
        [(outcome, law)] = beside(found)
        assert outcome is Outcome.MET
        assert law.en == "Social Security Act 2533, section 78"


async def test_who_has_the_one_is_told_why_not_the_other(
    service: EntitlementService, gate: TableGate, town: Town
) -> None:
    person = gate.add(OUT_OF_WORK)
    await town.apply(person, UNEMPLOYMENT)
    pension = await look(service, person, "section-33-old-age")
    assert pension.status is EntitlementStatus.NOT_ENTITLED
    assert [outcome for outcome, _ in beside(pension)] == [Outcome.UNMET]
    assert (pension.assessment.determination.benefits, pension.assessment.missing) == ((), ())
    assert (await look(service, person, "section-33-unemployment")).status is EntitlementStatus.RECEIVING


async def test_what_the_law_would_say_on_another_day_does_not_look_at_applications(
    service: EntitlementService, gate: TableGate, town: Town
) -> None:
    person = gate.add(OUT_OF_WORK)
    await town.apply(person, UNEMPLOYMENT)
    then = by_programme(await service.of(person, on=date(2026, 12, 1)), person)["section-33-old-age"]
    assert (then.status, beside(then)) == (EntitlementStatus.ENTITLED, [])


@pytest.mark.parametrize(("first", "second"), [(UNEMPLOYMENT, PENSION), (PENSION, UNEMPLOYMENT)])
async def test_the_second_is_not_taken_and_leaves_nothing(gate: TableGate, town: Town, first: str, second: str) -> None:
    person = gate.add(OUT_OF_WORK)
    held = await town.apply(person, first)
    with pytest.raises(ExcludedByAnother) as caught:
        await town.apply(person, second)
    assert str(held.title["en"]) in str(caught.value)
    assert await town.applications() == 1


async def test_once_the_first_is_withdrawn_the_second_is_taken(gate: TableGate, town: Town) -> None:
    person = gate.add(OUT_OF_WORK)
    held = await town.apply(person, UNEMPLOYMENT)
    await town.withdraw(person, held.id)
    assert Status((await town.apply(person, PENSION)).status) is Status.APPROVED


async def test_of_both_at_the_same_time_one_is_taken(gate: TableGate, town: Town) -> None:
    person = gate.add(OUT_OF_WORK)
    attempts = [town.apply(person, subject) for subject in (UNEMPLOYMENT, PENSION) * 4]
    found = await asyncio.gather(*attempts, return_exceptions=True)
    assert len([one for one in found if isinstance(one, Application)]) == 1
    assert any(isinstance(one, ExcludedByAnother) for one in found)
    assert await town.applications() == 1


async def test_what_was_refused_or_lapsed_does_not_come_back_beside_what_was_taken_since(
    gate: TableGate, town: Town
) -> None:
    person = gate.add(OUT_OF_WORK, sso_months_before_job_ended=1)
    refused = await town.apply(person, UNEMPLOYMENT)
    assert Status(refused.status) is Status.REJECTED
    pension = await town.apply(person, PENSION)
    async with town.database.write() as session:
        with pytest.raises(ExcludedByAnother):
            await town.applying.appeal(session, person, refused.id, "ส่งเงินสมทบครบแล้ว")
    await town.withdraw(person, pension.id)
    async with town.database.write() as session:
        appealed = await town.applying.appeal(session, person, refused.id, "ส่งเงินสมทบครบแล้ว")
        assert Status(appealed.status) is Status.APPEALED
    with pytest.raises(ExcludedByAnother):
        await town.apply(person, PENSION)


async def test_another_childs_is_no_hindrance(gate: TableGate, town: Town) -> None:
    parent = gate.add(OUT_OF_WORK, social_security_section="s33")
    young = {**CHILD, "elder_siblings_under_six": 0, "elder_siblings_under_seven": 0}
    first, second = gate.add(young, parent=parent), gate.add(young, parent=parent)
    await town.apply(parent, "programme:section-33-child-allowance", first)
    gate.people[parent] |= {"social_security_section": "s40", "sso_plan": "plan_300", "sso_plan_months_in_36": 36}
    with pytest.raises(ExcludedByAnother):
        await town.apply(parent, "programme:section-40-child-allowance", first)
    other = await town.apply(parent, "programme:section-40-child-allowance", second)
    assert Status(other.status) is Status.APPROVED


async def test_the_allowances_for_age_and_disability_are_had_together(gate: TableGate, town: Town) -> None:
    elder = gate.add(birth_date=date(1955, 3, 1), disability_card=True)
    for slug in ("old-age-allowance", "disability-allowance"):
        assert Status((await town.apply(elder, f"programme:{slug}")).status) is Status.APPROVED


async def test_nobody_is_asked_about_an_illness_who_did_not_apply(service: EntitlementService, gate: TableGate) -> None:
    person = gate.add(ILL)
    assert "aids-allowance" not in by_programme(await service.of(person))
    assert not any(asked.attributes & {"aids_certified", "without_support"} for asked in gate.asked)


async def test_who_applied_sees_it_and_whoever_acts_for_them_does_not(
    service: EntitlementService, gate: TableGate, town: Town
) -> None:
    person = gate.add(ILL, state_welfare_card=True)
    await town.apply(person, "programme:aids-allowance")
    assert (await look(service, person, "aids-allowance")).status is EntitlementStatus.RECEIVING
    delegate = Asker(AskerKind.DELEGATE, person.hex, None, Text(th="ก", en="a"))
    assert "aids-allowance" not in by_programme(await service.of(person, asker=delegate))


async def test_what_only_the_applicant_can_say_is_asked_of_them(gate: TableGate, town: Town) -> None:
    person = gate.add(ILL)
    waiting = await town.apply(person, "programme:aids-allowance")
    assert Status(waiting.status) is Status.NEEDS_INFORMATION
    assert [(m["attribute"], m["held_by"]) for m in waiting.missing] == [("without_support", "CITIZEN")]
    other = gate.add(ILL)
    told = await town.apply(other, "programme:aids-allowance", answers={"without_support": True})
    assert Status(told.status) is Status.APPROVED
    assert await town.paid(told.id, 2026, 12) == Money.baht(500)


@pytest.mark.parametrize("slug", ["student-loan", "universal-coverage", "section-40-sickness"])
async def test_what_is_not_applied_for_here_is_refused_before_any_fact_is_read(
    gate: TableGate, town: Town, slug: str
) -> None:
    person = gate.add(OUT_OF_WORK)
    with pytest.raises(NotOfferedHere):
        await town.apply(person, f"programme:{slug}")
    assert gate.asked == []


async def test_a_right_is_answered_without_a_sum(service: EntitlementService, gate: TableGate) -> None:
    found = await look(service, gate.add(OUT_OF_WORK), "universal-coverage")
    [right] = found.assessment.determination.benefits
    assert (found.status, right.is_right, right.amount) == (EntitlementStatus.ENTITLED, True, None)


async def test_what_is_given_once_is_paid_for_the_month_of_the_application_alone(gate: TableGate, town: Town) -> None:
    mother = gate.add(
        OUT_OF_WORK, birth_date=date(1995, 1, 1), social_security_section="s33", sso_birth_role="mother",
        sso_birth_on=date(2026, 9, 1), sso_months_before_birth=15,
    )  # fmt: skip
    application = await town.apply(mother, "programme:section-33-maternity")
    assert await town.paid(application.id, 2026, 11) == Money.baht(15_000 + 18_000)
    assert await town.paid(application.id, 2026, 12) is None


async def test_an_unemployment_benefit_ends_with_its_days(gate: TableGate, town: Town) -> None:
    application = await town.apply(gate.add(OUT_OF_WORK), UNEMPLOYMENT)
    assert await town.paid(application.id, 2027, 4) == Money.baht(7_200)
    assert await town.paid(application.id, 2027, 5) is None, "180 days after 1 November is 30 April"


async def test_a_toddler_is_asked_about_for_nothing_that_only_workers_have(
    service: EntitlementService, gate: TableGate
) -> None:
    parent = gate.add(OUT_OF_WORK)
    toddler = gate.add(CHILD, parent=parent)
    await service.of(parent)
    asked = {name for one in gate.asked if one.subject == toddler for name in one.attributes}
    assert not {name for name in asked if name.startswith("sso_")}
    assert asked.isdisjoint({"social_security_section", "health_scheme", "student_enrolled", "financial_assets"})
