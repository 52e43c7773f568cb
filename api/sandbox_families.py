"""The made-up population as facts that rules read: what the effect of a rule is tried on outside production.

As the population says them, before an agency writes them down; beside them what only an agency's stand-in makes up
(:mod:`api.sandbox_facts`), where it was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl

from api.sandbox_facts import Told
from services.plugins.contract.people import Household, LandKind, Person
from services.sandbox.population.days import age_on
from services.sandbox.population.generator import Population, generate
from services.sandbox.population.places import provinces
from services.sandbox.population.store import stored
from welfare.determination.impact import HOUSEHOLD, PROVINCE
from welfare.programmes.population import Families
from welfare.rules import AttributeType, Kind, Vocabulary

_NATIONALITIES: Final = {"THA": "thai", "XXA": "stateless"}
_LANDS: Final = {
    LandKind.HOUSE: ("house_land_area", 4_000),
    LandKind.CONDOMINIUM: ("condominium_area", 1_000),
    LandKind.OTHER: ("other_land_area", 4_000),
    LandKind.FARM: ("agricultural_land_area", 4_000),
}
"""The fact, and the square centimetres of one of the population's tenths."""
_DTYPES: Final[Mapping[Kind, Any]] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}
_KEYS: Final = {"id": pl.Int64, "applicant": pl.Int64, PROVINCE: pl.String, HOUSEHOLD: pl.Int64}
Row = dict[str, Any]


def sandbox_population(data_dir: Path, citizens: int, seed: int, today: date) -> Population:
    """The one that stands, else the one that would be made. Raises what `generate` raises."""
    made = stored(data_dir)
    return generate(citizens, seed, today) if made is None else generate(made.citizens, made.seed, made.as_of)


def province_names() -> dict[str, str]:
    """In English, by the two digits that stand before a subdistrict's code."""
    return {place.code: place.name_en for place in provinces()}


def families_of(population: Population, vocabulary: Vocabulary, told: Told | None = None) -> Families:
    """Everybody, and every child beside the mother, else the father, in the same house. `told`: what stand-ins say."""
    persons, children = list[Row](), list[Row]()
    for house, home in enumerate(population.households()):
        place = {PROVINCE: home.address.subdistrict[:2], HOUSEHOLD: house}
        first = len(persons)
        keys = {person.national_id: first + number for number, person in enumerate(home.members)}
        further = [{} if told is None else told[person.national_id] for person in home.members]
        facts = [{**_facts_of(person), **more} for person, more in zip(home.members, further, strict=True)]
        persons += [{"id": first + number} | place | own | _of_house(home) for number, own in enumerate(facts)]
        for number, (child, ties) in enumerate(zip(home.members, _ties(home), strict=True)):
            applicant = keys.get(child.mother or "", keys.get(child.father or ""))
            if applicant is not None:
                siblings = _elder_siblings(child, home, population.as_of)
                children.append(
                    {"id": first + number, "applicant": applicant} | place | facts[number] | siblings | ties
                )
    return Families(_frame(persons, vocabulary.person), _frame(children, vocabulary.child))


def _frame(rows: list[Row], types: Mapping[str, AttributeType]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    schema = {name: _KEYS[name] if name in _KEYS else _DTYPES.get(types[name].kind, pl.Int64) for name in names}
    return pl.DataFrame(
        [pl.Series(name, [row.get(name) for row in rows], dtype=dtype) for name, dtype in schema.items()]
    )


def _facts_of(person: Person) -> Row:
    """Money in satang; areas in square centimetres. None is unknown."""
    lands = Counter[LandKind]()
    for land in person.lands:
        lands[land.kind] += land.tenths
    return {
        "birth_date": person.born.first,
        "deceased": person.died_on is not None,
        "nationality": _NATIONALITIES.get(person.nationality, "other"),
        "household_registered": person.registered,
        "person_status": person.status.value,
        "state_role": person.state_role.value,
        "state_benefit": bool(person.state_benefits),
        "old_age_registered": person.old_age_registered_on is not None,
        "old_age_registered_on": person.old_age_registered_on,
        "disability_card": person.disability_card is not None,
        "state_welfare_card": person.welfare_card is not None and person.welfare_card.status == "active",
        "annual_income": _income(person),
        "financial_assets": person.financial_assets,
        "has_credit_card": person.credit_cards > 0,
        "home_loan": person.home_loan,
        "car_loan": person.car_loan,
        **{name: lands[kind] * each for kind, (name, each) in _LANDS.items()},
    }


def _of_house(home: Household) -> Row:
    incomes = [_income(member) for member in home.living]
    known = [income for income in incomes if income is not None]
    return {
        "household_size": len(incomes) or None,
        "household_income": sum(known) if len(known) == len(incomes) else None,
    }


def _income(person: Person) -> int | None:
    """Of the last year there is a file of; unknown of whoever has none."""
    return max(person.incomes, key=lambda year: year[0], default=(0, None))[1]


def _ties(home: Household) -> Iterator[Row]:
    by_id = {person.national_id: person for person in home.members}
    for child in home.members:
        parents = [by_id.get(child.mother or ""), by_id.get(child.father or "")]
        thai = any(parent is not None and parent.nationality == "THA" for parent in parents)
        yield {"lives_with_applicant": True, "parent_is_thai": thai}


def _elder_siblings(child: Person, home: Household, as_of: date) -> Row:
    parents = {child.mother, child.father} - {None}
    siblings = [one for one in home.living if parents & {one.mother, one.father}]
    elder = [one for one in siblings if (one.born.first, one.national_id) < (child.born.first, child.national_id)]
    ages = [age_on(one.born.first, as_of) for one in elder]
    return {
        "elder_siblings_under_six": sum(age < 6 for age in ages),
        "elder_siblings_under_seven": sum(age < 7 for age in ages),
    }
