from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import NationalId
from services.plugins.contract.people import Household, Person, StateRole
from services.sandbox.population.days import age_on, months_before
from services.sandbox.population.generator import generate
from services.sandbox.population.persona_families import persona_households
from services.sandbox.population.personas import FAMILIES, HOLDS_DAYS, PERSONAS, persona

TODAY = date(2026, 11, 16)
BAHT = 100
SLUGS = {
    "elder", "newborn-parent", "disabled-adult", "disabled-child", "disabled-child-parent", "worker", "graduate",
    "official", "minor", "officer-one", "officer-two",
}  # fmt: skip
MEMBERS = [member for family in FAMILIES for member in family.members]
days = st.dates(date(2024, 1, 1), date(2035, 12, 31))


def find(slug: str, as_of: date = TODAY) -> tuple[Household, Person]:
    number = persona(slug).national_id
    return next(
        (home, person) for home in persona_households(as_of) for person in home.members if person.national_id == number
    )


def children_of(home: Household, parent: Person) -> list[Person]:
    return [child for child in home.members if parent.national_id in (child.father, child.mother)]


def income_per_person(home: Household) -> int:
    return sum(person.incomes[-1][1] or 0 for person in home.members) // len(home.members)


def test_the_slugs_are_the_promised_ones_and_each_number_is_valid() -> None:
    assert {one.slug for one in PERSONAS} == SLUGS
    assert len({NationalId(one.national_id).digits for one in PERSONAS}) == len(PERSONAS)
    assert all(one.name.th and one.name.en and one.description.th and one.description.en for one in PERSONAS)


def test_an_unknown_slug_names_nobody() -> None:
    with pytest.raises(KeyError):
        persona("nobody")


def test_the_numbers_of_the_personas_never_change() -> None:
    """Accounts of running demonstrations hang on them."""
    assert {one.slug: one.national_id for one in PERSONAS} == {
        "elder": "3450000000117",
        "newborn-parent": "1330000000227",
        "disabled-adult": "1800000000311",
        "disabled-child-parent": "1570000000420",
        "disabled-child": "1570000000438",
        "worker": "1740000000517",
        "graduate": "1500000000616",
        "official": "3120000000713",
        "minor": "1300000000839",
        "officer-one": "3100000000918",
        "officer-two": "1100000000920",
    }


@pytest.mark.parametrize(("seed", "day"), [(1, TODAY), (99, date(2028, 2, 29)), (2**40, date(2035, 12, 31))])
def test_every_population_has_all_of_them(seed: int, day: date) -> None:
    numbers = {person.national_id for person in generate(100, seed, day).people()}
    assert numbers >= {one.national_id for one in PERSONAS}


@given(days, st.integers(0, HOLDS_DAYS))
def test_what_is_said_of_their_ages_holds_on_the_day_and_for_months_after(as_of: date, later: int) -> None:
    now = as_of + timedelta(days=later)
    for one in PERSONAS:
        home, person = find(one.slug, as_of)
        assert age_on(person.born.first, now) == one.age_years
        if one.slug == "newborn-parent":
            assert [age_on(twin.born.first, now) for twin in children_of(home, person)] == [0, 0]
        if one.slug == "worker":
            assert sorted(age_on(child.born.first, now) for child in children_of(home, person)) == [3, 8]


def test_the_ages_hold_on_every_single_day_of_twelve_years() -> None:
    """Exhaustive over the days that the population is made for, at both ends of the time it holds."""
    day = date(2024, 1, 1)
    while day <= date(2035, 12, 31):
        for member in MEMBERS:
            born = months_before(day, member.months)
            assert age_on(born, day) == age_on(born, day + timedelta(days=HOLDS_DAYS)) == member.months // 12
        day += timedelta(days=1)


def test_a_persona_keeps_being_of_that_age_on_29_february() -> None:
    _, person = find("elder", date(2028, 2, 29))
    assert person.born.first == date(1959, 8, 29)


def test_the_elder_is_old_poor_registered_and_without_a_pension() -> None:
    home, elder = find("elder")
    assert persona("elder").age_years == 68
    assert elder.registered
    assert elder.state_role is StateRole.NONE
    assert not elder.state_benefits
    assert elder.old_age_registered_on is None
    assert elder.incomes[-1] == (2025, 36_000 * BAHT)
    assert income_per_person(home) <= 100_000 * BAHT


def test_the_newborn_parent_has_twins_in_a_poor_household() -> None:
    home, mother = find("newborn-parent")
    twins = children_of(home, mother)
    assert len({twin.national_id for twin in twins}) == 2
    assert twins[0].born == twins[1].born
    assert income_per_person(home) == 42_000 * BAHT


def test_the_worker_is_insured_and_just_over_the_income_limits() -> None:
    home, worker = find("worker")
    assert worker.insured[-1].section == "33"
    assert worker.insured[-1].last_month == "2026-10"
    assert 100_000 * BAHT < income_per_person(home) <= 110_000 * BAHT
    ends = sorted(policy.end > TODAY + timedelta(days=HOLDS_DAYS) for v in worker.vehicles for policy in v.policies)
    assert ends == [False, True]


@pytest.mark.parametrize("slug", ["disabled-adult", "disabled-child"])
def test_the_disabled_hold_a_card_that_stays_valid(slug: str) -> None:
    _, person = find(slug)
    assert person.disability_card is not None
    assert person.disability_card.valid_until > TODAY + timedelta(days=HOLDS_DAYS)


def test_the_disabled_child_lives_with_a_parent_who_is_a_persona() -> None:
    home, parent = find("disabled-child-parent")
    assert [child.national_id for child in children_of(home, parent)] == [persona("disabled-child").national_id]


def test_the_graduate_holds_two_degrees_with_their_courses() -> None:
    _, graduate = find("graduate")
    assert [(degree.level, len(degree.courses)) for degree in graduate.degrees] == [("bachelor", 20), ("master", 8)]


def test_the_official_is_paid_by_the_state_and_has_no_child() -> None:
    home, official = find("official")
    assert official.state_role is StateRole.OFFICIAL
    assert official.state_benefits
    assert not children_of(home, official)
    assert official.disability_card is None


def test_the_minor_is_fifteen_and_lives_with_both_parents() -> None:
    home, minor = find("minor")
    assert persona("minor").age_years == 15
    assert {minor.father, minor.mother} <= {person.national_id for person in home.members}
