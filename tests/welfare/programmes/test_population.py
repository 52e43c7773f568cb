"""Our programmes over the whole made-up population: one citizen at a time and all at once must agree, row by row."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

import polars as pl
import pytest

from core.money import Money
from core.thai_dates import PartialDate
from services.agencies.mhesi import sandbox as mhesi
from services.agencies.nhso import plugin as nhso_plugin
from services.agencies.nhso import sandbox as nhso
from services.agencies.slf import sandbox as slf
from services.agencies.sso import plugin as sso_plugin
from services.agencies.sso import sandbox as sso
from services.plugins.contract.people import Household, LandKind, Person
from services.plugins.contract.sandbox import Desk
from services.sandbox.population.days import age_on
from services.sandbox.population.generator import generate
from tests.welfare.programmes.case_files import PROGRAMMES
from welfare.programmes import ForEach, Outcome, Version, evaluate
from welfare.programmes.frames import MET, determine_frame
from welfare.rules import Kind

CITIZENS: Final = int(os.environ.get("SITTHI_POPULATION", "10000"))
SEED: Final = 1
AS_OF: Final = date(2026, 11, 16)
BOUND_DAYS: Final = (AS_OF, date(2026, 9, 30), date(2026, 10, 1), date(2022, 9, 30), date(2028, 2, 29))
"""Today, both sides of a fiscal year, the last day of the top-up, a leap day."""
MET_BY: Final = {Outcome.MET: True, Outcome.UNMET: False, Outcome.UNKNOWN: None}
DTYPES: Final[dict[Kind, Any]] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}
OF_A_DAY: Final = {"child-support-grant", "disability-allowance", "old-age-allowance", "state-welfare-card"}
"""Programmes whose answers hang on those days; the others are put to everyone once."""
ASKED: Final = [(p.slug, on) for p in PROGRAMMES for on in BOUND_DAYS if p.slug in OF_A_DAY or on == AS_OF]
NATIONALITIES: Final = {"THA": "thai", "XXA": "stateless"}
SQUARE_CENTIMETRES: Final = {LandKind.CONDOMINIUM: 1_000}
Row = dict[str, Any]


def facts_of(person: Person, home: Household) -> Row:
    """As the agencies would say it; money in satang."""
    latest = max(person.incomes, default=(0, None))
    lands = Counter[LandKind]()
    for land in person.lands:
        lands[land.kind] += land.tenths * SQUARE_CENTIMETRES.get(land.kind, 4_000)
    return {
        "birth_date": person.born.first,
        "deceased": person.died_on is not None,
        "nationality": NATIONALITIES.get(person.nationality, "other"),
        "household_registered": person.registered,
        "person_status": person.status.value,
        "state_role": person.state_role.value,
        "state_benefit": bool(person.state_benefits),
        "old_age_registered": person.old_age_registered_on is not None,
        "old_age_registered_on": person.old_age_registered_on,
        "disability_card": person.disability_card is not None,
        "state_welfare_card": person.welfare_card is not None and person.welfare_card.status == "active",
        "annual_income": latest[1],
        "financial_assets": person.financial_assets,
        "has_credit_card": person.credit_cards > 0,
        "home_loan": person.home_loan,
        "car_loan": person.car_loan,
        "house_land_area": lands[LandKind.HOUSE],
        "condominium_area": lands[LandKind.CONDOMINIUM],
        "other_land_area": lands[LandKind.OTHER],
        "agricultural_land_area": lands[LandKind.FARM],
        "household_size": len(home.living) or None,
        "household_income": income_of(home),
        "health_scheme": nhso_plugin.SCHEMES.get(nhso._scheme(home, person, AS_OF) or "", "none"),
        "aids_certified": any(nhso._certificates(home, person, AS_OF)),
        "student_enrolled": any(mhesi._students(home, person, AS_OF)),
        "student_loan_overdue": any(row[-1] > 0 for row in slf._rows(home, person, AS_OF)),
        "elder_siblings_under_six": elder_siblings(person, home, 6),
        "elder_siblings_under_seven": elder_siblings(person, home, 7),
        **social_security(person, home),
    }


def social_security(person: Person, home: Household) -> Row:
    """What the office's sandbox would answer, as its plugin reads it."""
    spells = [
        {"section": s.section, "first_month": s.first_month, "last_month": s.last_month, "wage_satang": s.monthly_wage}
        for s in person.insured
    ]
    months = [
        {"month": month, "section": s.section}
        for s in person.insured
        for month in sso._months(s.first_month, s.last_month)
    ]
    claim = next(iter(sso._claims(home, person, AS_OF)), None)
    told = sso_plugin._insured({"spells": spells, "months": months}, AS_OF)
    told |= sso_plugin._claims(sso.claims(cast("Desk", OneClaim(claim)), person.national_id, {}))
    return {name: plain(value) for name, value in told.items()}


@dataclass
class OneClaim:
    """A desk with one row of claims, or none."""

    row: tuple[Any, ...] | None

    def one(self, *_: Any) -> Row | None:
        names = "pid birth_role born_be birth_months reason ended_be job_months registered own_satang all_satang plan"
        return None if self.row is None else dict(zip(names.split(), self.row, strict=True))


def plain(value: Any) -> Any:
    if isinstance(value, Money):
        return value.satang
    return value.first if isinstance(value, PartialDate) else value


def elder_siblings(person: Person, home: Household, age: int) -> int:
    parents = {person.mother, person.father} - {None}
    siblings = [one for one in home.living if parents & {one.mother, one.father}]
    elder = [one for one in siblings if (one.born.first, one.national_id) < (person.born.first, person.national_id)]
    return sum(age_on(one.born.first, AS_OF) < age for one in elder)


def income_of(home: Household) -> int | None:
    latest = [max(member.incomes, default=(0, None))[1] for member in home.living]
    return None if None in latest else sum(income for income in latest if income is not None)


def rows() -> Iterator[tuple[Row, Row | None]]:
    """Everyone's facts; with a child's beside their mother's, for each child in the same house."""
    for home in generate(CITIZENS, SEED, AS_OF).households():
        by_id = {person.national_id: person for person in home.members}
        for person in home.members:
            mother = by_id.get(person.mother or "")
            own = facts_of(person, home)
            yield own, None
            if mother is not None:
                parents = (mother, by_id.get(person.father or ""))
                thai = any(parent is not None and parent.nationality == "THA" for parent in parents)
                yield facts_of(mother, home), own | {"lives_with_applicant": True, "parent_is_thai": thai}


@pytest.fixture(scope="module")
def population() -> list[tuple[Row, Row | None]]:
    found = list(rows())
    assert len(found) >= CITIZENS
    return found


def frame_of(version: Version, asked: list[tuple[Row, Row | None]]) -> pl.DataFrame:
    def value(name: str, own: Row, child: Row | None) -> Any:
        return (child or {}).get(name.removeprefix("child.")) if name.startswith("child.") else own.get(name)

    columns = []
    for name in version.needs:
        attribute = version.vocabulary.type_of(name)
        assert attribute is not None
        values = [value(name, own, child) for own, child in asked]
        columns.append(pl.Series(name, values, dtype=DTYPES.get(attribute.kind, pl.Int64)))
    return pl.DataFrame(columns)


def answer_of(version: Version, own: Row, child: Row | None, on: date) -> tuple[bool | None, Mapping[str, int | None]]:
    found = evaluate(version, own, child, on)
    paid: dict[str, int | None] = {benefit.kind: 0 for benefit in version.sums}
    paid |= {b.kind: None if b.amount is None else b.amount.satang for b in found.benefits if not b.is_right}
    return MET_BY[found.outcome], paid


@pytest.mark.parametrize(("slug", "on"), ASKED, ids=[f"{slug}-{on}" for slug, on in ASKED])
def test_one_at_a_time_and_all_at_once_agree_about_everyone(
    population: list[tuple[Row, Row | None]], slug: str, on: date
) -> None:
    version = PROGRAMMES[slug].version_on(on)
    if version is None:
        assert (slug, on.year) in {("state-welfare-card", 2022), ("digital-wallet", AS_OF.year)}
        return
    of_children = version.for_each is ForEach.CHILD
    asked = [(own, child) for own, child in population if (child is not None) is of_children]
    decided = determine_frame(version, frame_of(version, asked), on)
    met, outcomes = decided[MET].to_list(), Counter[bool | None]()
    benefits = {b.kind: decided[f"benefit.{b.kind}"].to_list() for b in version.sums}
    for number, (own, child) in enumerate(asked):
        outcome, paid = answer_of(version, own, child, on)
        together = {kind: amounts[number] for kind, amounts in benefits.items()}
        assert (met[number], together) == (outcome, paid), (own, child)
        outcomes[outcome] += 1
    assert outcomes[True] > 0, "somebody is entitled"
    assert outcomes[False] > 0, "and somebody is not"
