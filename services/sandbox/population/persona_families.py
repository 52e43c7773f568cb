"""Turns the personas' declarations into people: ages from the day, and what each of them has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random
from typing import Final

from core.thai_dates import PartialDate
from services.plugins.contract.people import (
    DisabilityCard,
    Household,
    Insured,
    Land,
    LandKind,
    Person,
    StateBenefit,
    StateRole,
    Vehicle,
)
from services.sandbox.population.days import month_text, months_before
from services.sandbox.population.degrees import FIELDS, GENERAL, degree
from services.sandbox.population.livelihood import BAHT, TAX_YEARS
from services.sandbox.population.personas import FAMILIES, Family, Member
from services.sandbox.population.places import address
from services.sandbox.population.vehicles import plate, policy

MONTHS_COVERED: Final = 12


def persona_households(as_of: date) -> list[Household]:
    """The households of all personas as they are on that day."""
    return [_household(house, family, as_of) for house, family in enumerate(FAMILIES, start=1)]


def _household(house: int, family: Family, as_of: date) -> Household:
    home = Household(
        address(
            family.province, family.district, family.subdistrict, house, number=family.number, village=family.village
        )
    )
    home.members = [_person(family, member, as_of) for member in family.members]
    home.members.sort(key=lambda person: person.relation != "head")
    return home


def _person(family: Family, member: Member, as_of: date) -> Person:
    born = months_before(as_of, member.months)
    person = Person(
        national_id=family.national_id(member.running),
        name=family.full_name(member),
        gender=member.gender,
        born=PartialDate.of(born),
        nationality="THA",
        relation=member.relation,
        registered_since=max(born, months_before(as_of, 240)),
        father=None if member.father is None else family.national_id(member.father),
        mother=None if member.mother is None else family.national_id(member.mother),
        incomes=tuple((year, member.yearly_baht * BAHT) for year in range(as_of.year - TAX_YEARS, as_of.year)),
        financial_assets=member.yearly_baht * BAHT // 4,
    )
    if give := _POSSESSIONS.get(member.running):
        give(person, as_of)
    return person


def _elder(person: Person, _: date) -> None:
    person.lands = (Land("90000011-1", LandKind.FARM, 3_200, "45"),)  # 320 square wah, under a rai


def _disabled(person: Person, as_of: date) -> None:
    issued = months_before(as_of, 30)
    person.disability_card = DisabilityCard(f"D9{person.national_id[-5:]}", 3, issued, months_before(issued, -96))


def _disabled_adult(person: Person, as_of: date) -> None:
    _disabled(person, as_of)
    person.vehicles = (_vehicle(1, "motorcycle", "Naga", "80", as_of, started=None),)


def _mother_of_disabled_adult(person: Person, as_of: date) -> None:
    person.old_age_registered_on = months_before(as_of, 40)


def _worker(person: Person, as_of: date) -> None:
    month = as_of.replace(day=1)
    person.insured = (
        Insured("33", month_text(months_before(month, 60)), month_text(months_before(month, 1)), 18_000 * BAHT),
    )
    person.vehicles = (
        _vehicle(2, "car", "Garuda", "74", as_of, started=4),
        _vehicle(3, "motorcycle", "Hongsa", "74", as_of, started=17),
    )
    person.credit_cards = 1
    person.car_loan = 450_000 * BAHT


def _worker_spouse(person: Person, as_of: date) -> None:
    month = as_of.replace(day=1)
    person.insured = (
        Insured("33", month_text(months_before(month, 48)), month_text(months_before(month, 1)), 17_000 * BAHT),
    )


def _graduate(person: Person, as_of: date) -> None:
    chance = Random(61)
    year = person.born.first.year
    science, administration = FIELDS[0], FIELDS[2]
    bachelor = degree(
        chance,
        61,
        university="ISA",
        level="bachelor",
        field=science,
        awarded_on=date(year + 22, 5, 31),
        subjects=(*GENERAL, *science.subjects, *administration.subjects),
    )
    master = degree(
        chance,
        62,
        university="RMS",
        level="master",
        field=administration,
        awarded_on=date(year + 25, 5, 31),
        subjects=administration.subjects,
    )
    person.degrees = (bachelor, master)
    person.vehicles = (_vehicle(4, "motorcycle", "Krathing", "50", as_of, started=3),)
    month = as_of.replace(day=1)
    person.insured = (
        Insured("33", month_text(months_before(month, 24)), month_text(months_before(month, 1)), 26_000 * BAHT),
    )


def _official(person: Person, as_of: date) -> None:
    _public_servant(person, as_of)
    person.vehicles = (_vehicle(5, "pickup", "Erawan", "12", as_of, started=2),)
    person.credit_cards = 2
    person.home_loan = 1_800_000 * BAHT
    person.lands = (Land("90000071-1", LandKind.HOUSE, 520, "12"),)


def _public_servant(person: Person, as_of: date) -> None:
    person.state_role = StateRole.OFFICIAL
    salary = (person.incomes[-1][1] or 0) // 12
    person.state_benefits = (StateBenefit("salary", months_before(as_of, 150), salary),)


def _vehicle(serial: int, kind: str, brand: str, province: str, as_of: date, *, started: int | None) -> Vehicle:
    """With a policy that began so many months ago, or none."""
    policies = (
        ()
        if started is None
        else (policy("SKP", kind, serial, order=1, start=months_before(as_of, started), as_of=as_of),)
    )
    return Vehicle(
        chassis=f"MX{kind[0].upper()}{serial:014d}",
        plate=plate(serial),
        province=province,
        kind=kind,
        brand=brand,
        registered_on=months_before(as_of, 40),
        tax_paid_until=months_before(as_of, -8 if started is not None and started < MONTHS_COVERED else 5),
        policies=policies,
    )


_POSSESSIONS: Final[dict[int, Callable[[Person, date], None]]] = {
    11: _elder,
    31: _disabled_adult,
    32: _mother_of_disabled_adult,
    43: _disabled,
    51: _worker,
    52: _worker_spouse,
    61: _graduate,
    71: _official,
    72: _public_servant,
    91: _public_servant,
    92: _public_servant,
}
