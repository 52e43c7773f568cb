"""What people earn, own and owe, and what the state already knows and pays of it. All chances are made up."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Final

from services.plugins.contract.people import (
    DisabilityCard,
    Insured,
    Land,
    LandKind,
    Person,
    PersonStatus,
    StateBenefit,
    StateRole,
    WelfareCard,
)
from services.sandbox.population.days import month_text, months_before

BAHT: Final = 100
TAX_YEARS: Final = 3
WELFARE_CARD_INCOME_MAX: Final = 100_000 * BAHT
WELFARE_ROUNDS: Final = ((2565, date(2023, 4, 1)), (2560, date(2017, 10, 1)))
"""Rounds of the state welfare card (BE) and the first day of use, the latest first."""
_ROLE_CHANCE_OFFICIAL: Final = 0.05
_INCOME_UNKNOWN: Final = 0.03
_NO_TAX_FILE: Final = 0.02


def live(random: Random, person: Person, age: int, as_of: date, serial: int) -> None:
    """Give a living person work, incomes, means and cards that fit one another. `serial` is the person's alone."""
    _take_state_role(random, person, age, as_of)
    yearly = _work(random, person, age, as_of)
    _file_taxes(random, person, age, as_of, yearly)
    if age >= 18 and person.status is PersonStatus.NORMAL:
        _own_and_owe(random, person, age, yearly, serial)
        _hold_welfare_card(random, person, as_of, yearly, serial)
    _hold_disability_card(random, person, age, as_of, serial)
    if age >= 60:
        _register_for_old_age(random, person, as_of)


def _take_state_role(random: Random, person: Person, age: int, as_of: date) -> None:
    draw = random.random()
    if age < 23 or person.nationality != "THA" or person.status is not PersonStatus.NORMAL:
        return
    if age >= 60:
        if draw < 0.07:
            person.state_role = StateRole.PENSIONER
            since = months_before(as_of, (age - 60) * 12)
            person.state_benefits = (StateBenefit("pension", since, int(random.uniform(9_000, 38_000)) * BAHT),)
        return
    if draw < _ROLE_CHANCE_OFFICIAL:
        person.state_role = StateRole.OFFICIAL
        since = months_before(as_of, max(1, int(random.random() * (age - 22) * 12)))
        person.state_benefits = (StateBenefit("salary", since, int(random.uniform(15_500, 58_000)) * BAHT),)
    elif draw > 0.999:
        person.state_role = StateRole.POLITICIAN
        person.state_benefits = (StateBenefit("salary", months_before(as_of, 14), 24_000 * BAHT),)


def _work(random: Random, person: Person, age: int, as_of: date) -> int:
    """Returns what the person earns a year, in satang."""
    if age < 18 or person.status in (PersonStatus.MONK, PersonStatus.PRISONER, PersonStatus.INSTITUTION):
        return 0
    if person.state_benefits:
        return person.state_benefits[0].amount * 12
    draw = random.random()
    if age < 60 and draw < 0.34:
        wage = min(120_000, int(random.lognormvariate(9.75, 0.5))) * BAHT
        person.insured = _insured_33(random, age, as_of, wage)
        return wage * 12 if person.insured[-1].last_month == month_text(months_before(as_of, 1)) else wage * 3
    if age < 60 and draw < 0.52:
        section = "39" if draw < 0.37 else "40"
        length = 1 + int(random.random() * 60)
        person.insured = (_months(section, as_of, 1, length, 4_800 * BAHT if section == "39" else 0),)
    median = 10.2 if age >= 60 else 11.2  # about 27,000 and 73,000 baht
    return int(random.lognormvariate(median, 0.75) * BAHT)


def _insured_33(random: Random, age: int, as_of: date, wage: int) -> tuple[Insured, ...]:
    """Contributions of an employee, to last month or until a loss of work; at times with a gap in between."""
    longest = max(1, min(300, (age - 18) * 12))
    length = 1 + int(random.random() * longest)
    ended = 1 if random.random() < 0.85 else 2 + int(random.random() * 30)
    latest = _months("33", as_of, ended, length, wage)
    if random.random() < 0.8:
        return (latest,)
    earlier_ended = ended + length + 2 + int(random.random() * 12)
    return (_months("33", as_of, earlier_ended, 1 + int(random.random() * 36), wage * 4 // 5), latest)


def _months(section: str, as_of: date, ended: int, length: int, wage: int) -> Insured:
    """`length` months of which the last lies `ended` months before the day."""
    first = months_before(as_of.replace(day=1), ended + length - 1)
    return Insured(section, month_text(first), month_text(months_before(as_of.replace(day=1), ended)), wage)


def _file_taxes(random: Random, person: Person, age: int, as_of: date, yearly: int) -> None:
    draw = random.random()
    years = range(as_of.year - TAX_YEARS, as_of.year)
    if age < 18:
        person.incomes = tuple((year, 0) for year in years)
    elif draw >= _NO_TAX_FILE:
        unknown = draw < _NO_TAX_FILE + _INCOME_UNKNOWN
        person.incomes = tuple(
            (year, None if unknown and year == as_of.year - 1 else yearly * (97 + year - as_of.year + 1) // 97)
            for year in years
        )


def _own_and_owe(random: Random, person: Person, age: int, yearly: int, serial: int) -> None:
    draw = random.random()
    person.financial_assets = None if draw < 0.01 else int(yearly * random.lognormvariate(-1.2, 1.2))
    if yearly > 180_000 * BAHT and random.random() < 0.55:
        person.credit_cards = 1 + int(random.random() * 3)
    if yearly > 200_000 * BAHT and random.random() < 0.3:
        person.home_loan = int(random.uniform(5, 32)) * 100_000 * BAHT
    if yearly > 150_000 * BAHT and random.random() < 0.35:
        person.car_loan = int(random.uniform(2, 13)) * 100_000 * BAHT
    if age < 30 or random.random() > 0.4:
        return
    home = person.national_id[1:3]
    kind = random.random()
    if kind < 0.5:
        person.lands = (Land(f"{serial:08d}-1", LandKind.FARM, int(random.uniform(400, 10_000)) * 10, home),)
    elif kind < 0.85:
        person.lands = (Land(f"{serial:08d}-1", LandKind.HOUSE, int(random.uniform(120, 1_600)), home),)
    elif kind < 0.93:
        person.lands = (Land(f"{serial:08d}-1", LandKind.CONDOMINIUM, int(random.uniform(220, 900)), home),)
    else:
        person.lands = (
            Land(f"{serial:08d}-1", LandKind.HOUSE, int(random.uniform(120, 1_200)), home),
            Land(f"{serial:08d}-2", LandKind.OTHER, int(random.uniform(50, 900)) * 10, home),
        )


def _hold_welfare_card(random: Random, person: Person, as_of: date, yearly: int, serial: int) -> None:
    if person.nationality != "THA" or person.state_role is not StateRole.NONE or yearly > WELFARE_CARD_INCOME_MAX:
        return
    if person.credit_cards or random.random() > 0.55:
        return
    for round_be, first_day in WELFARE_ROUNDS:
        if first_day <= as_of:
            status = "active" if random.random() < 0.97 else "suspended"
            person.welfare_card = WelfareCard(f"{round_be}{serial:010d}", round_be, first_day, status)
            return


def _hold_disability_card(random: Random, person: Person, age: int, as_of: date, serial: int) -> None:
    chance = 0.008 if age < 18 else 0.02 if age < 60 else 0.07
    if random.random() > chance:
        return
    issued = as_of - timedelta(days=int(random.random() * min(9 * 365, age * 365 + 1)))
    kind = 1 + int(random.random() * 7)
    person.disability_card = DisabilityCard(f"D{serial:09d}", kind, issued, months_before(issued, -96))


def _register_for_old_age(random: Random, person: Person, as_of: date) -> None:
    """Most who may are on the list since the year they turned 60."""
    if person.nationality != "THA" or not person.registered or random.random() > 0.88:
        return
    sixty = months_before(person.born.first, -60 * 12)
    if sixty <= as_of and person.state_role is StateRole.NONE:
        person.old_age_registered_on = min(as_of, sixty + timedelta(days=int(random.random() * 200)))
