from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import NationalId
from services.plugins.contract.people import Household, Person, Relation, StateRole
from services.sandbox.population.days import age_on
from services.sandbox.population.degrees import average
from services.sandbox.population.errors import PopulationDateNotPossible, PopulationSizeNotPossible
from services.sandbox.population.generator import EARLIEST, LATEST, Population, generate
from services.sandbox.population.national_ids import CITIZENS_MAX
from services.sandbox.population.personas import PEOPLE_WITH_PERSONAS
from services.sandbox.population.places import provinces, subdistricts_of

TODAY = date(2026, 11, 16)
populations = st.builds(
    generate,
    st.integers(0, 300),
    st.integers(0, 2**63),
    st.dates(date(2024, 1, 1), date(2035, 12, 31)),
)


@cache
def homes() -> list[Household]:
    return list(generate(12_000, 1, TODAY).households())


@cache
def people() -> dict[str, Person]:
    return {person.national_id: person for home in homes() for person in home.members}


@given(populations)
@settings(deadline=None, max_examples=30)
def test_there_are_as_many_citizens_as_asked_for_each_with_a_valid_number_of_their_own(population: Population) -> None:
    numbers = [person.national_id for person in population.people()]
    assert len(set(numbers)) == len(numbers) == population.citizens + PEOPLE_WITH_PERSONAS
    assert all(NationalId(number).digits == number for number in numbers)


@given(populations)
@settings(deadline=None, max_examples=15)
def test_the_same_arguments_give_the_same_people(population: Population) -> None:
    again = generate(population.citizens, population.seed, population.as_of)
    assert list(again.households()) == list(population.households())


def test_another_seed_gives_other_people() -> None:
    others = {person.national_id for person in generate(400, 2, TODAY).people()}
    same = {person.national_id for person in generate(400, 1, TODAY).people()} & others
    assert len(same) == PEOPLE_WITH_PERSONAS


def test_a_later_day_keeps_the_families_together() -> None:
    def shape(day: date) -> list[list[tuple[str, str]]]:
        households = generate(2_000, 1, day).households()
        return [[(person.name.given_th, person.relation) for person in home.members] for home in households]

    assert shape(TODAY) == shape(date(2027, 3, 9))


@given(populations)
@settings(deadline=None, max_examples=20)
def test_every_household_has_a_living_head_and_every_parent_is_of_an_age_to_be_one(population: Population) -> None:
    households = list(population.households())
    by_number = {person.national_id: person for home in households for person in home.members}
    for home in households:
        assert home.members[0].relation is Relation.HEAD
        assert home.members[0].died_on is None
        assert [person.relation for person in home.members].count(Relation.HEAD) == 1
    for person in by_number.values():
        for gender, number in (("male", person.father), ("female", person.mother)):
            if number is not None:
                parent = by_number[number]
                assert parent.gender == gender
                years = age_on(parent.born.first, person.born.first)
                assert 15 <= years <= (60 if gender == "male" else 50)


@given(populations)
@settings(deadline=None, max_examples=20)
def test_nobody_is_born_registered_insured_or_graduated_in_the_future(population: Population) -> None:
    day, this_month = population.as_of, f"{population.as_of:%Y-%m}"
    for person in population.people():
        assert person.born.first <= day
        assert person.died_on is None or person.born.first < person.died_on <= day
        assert person.registered_since is None or person.born.first <= person.registered_since <= day
        assert all(spell.first_month <= spell.last_month < this_month for spell in person.insured)
        assert all(degree.admitted_on < degree.awarded_on < day for degree in person.degrees)
        assert all(policy.start <= day and policy.reported_on <= day for v in person.vehicles for policy in v.policies)
        assert person.old_age_registered_on is None or person.old_age_registered_on <= day


def test_the_spells_of_insurance_of_a_person_never_overlap() -> None:
    for person in people().values():
        for earlier, later in zip(person.insured, person.insured[1:], strict=False):
            assert earlier.last_month < later.first_month


def test_households_have_about_three_members() -> None:
    sizes = Counter(len(home.living) for home in homes())
    assert 2.4 < sum(size * count for size, count in sizes.items()) / sizes.total() < 3.4
    assert set(sizes) >= {1, 2, 3, 4, 5, 6, 7}
    assert max(sizes) <= 9


def test_the_people_are_about_as_old_as_the_country() -> None:
    ages = [age_on(person.born.first, TODAY) for person in people().values() if person.died_on is None]
    assert 0.04 < sum(age < 6 for age in ages) / len(ages) < 0.11
    assert 0.15 < sum(age >= 60 for age in ages) / len(ages) < 0.25
    assert max(ages) > 85


def test_provinces_have_about_the_shares_of_the_data() -> None:
    living = Counter(home.address.subdistrict[:2] for home in homes() for _ in home.living)
    whole = sum(place.thousands for place in provinces())
    off = sum(abs(living[place.code] / living.total() - place.thousands / whole) for place in provinces()) / 2
    assert off < 0.06
    assert len(living) == len(provinces()) == 77


def test_every_address_lies_in_a_subdistrict_of_its_province() -> None:
    places = {place.code: place for place in provinces()}
    for home in homes():
        province, district, subdistrict = (home.address.subdistrict[i : i + 2] for i in (0, 2, 4))
        assert 1 <= int(district) <= places[province].districts
        assert 1 <= int(subdistrict) <= subdistricts_of(province, int(district))
    assert len({home.address.house_code for home in homes()}) == len(homes())


def test_what_bears_a_number_bears_it_alone() -> None:
    vehicles = [vehicle for person in people().values() for vehicle in person.vehicles]
    policies = [policy.number for vehicle in vehicles for policy in vehicle.policies]
    degrees = [degree.degree_id for person in people().values() for degree in person.degrees]
    for numbers in ([v.chassis for v in vehicles], [v.plate for v in vehicles], policies, degrees):
        assert len(numbers) > 100
        assert len(set(numbers)) == len(numbers)


def test_an_average_is_that_of_the_courses_of_the_transcript() -> None:
    for person in people().values():
        for degree in person.degrees:
            assert degree.gpax_hundredths == average(list(degree.courses))
            assert 100 <= degree.gpax_hundredths <= 400


def test_the_register_has_what_real_registers_have() -> None:
    living = [person for person in people().values() if person.died_on is None]
    vehicles = [vehicle for person in living for vehicle in person.vehicles]
    assert {person.status for person in living} == {"normal", "monk", "prisoner", "institution"}
    assert {person.state_role for person in living} == set(StateRole)
    assert any(person.died_on for person in people().values())
    assert any(person.nationality != "THA" for person in living)
    assert any(income is None for person in living for _, income in person.incomes)
    assert any(not person.incomes for person in living)
    assert any(not person.born.is_whole for person in living)
    assert any(person.born.month is None for person in living)
    assert any(not vehicle.policies for vehicle in vehicles)
    assert any(vehicle.policies and vehicle.policies[-1].end <= TODAY for vehicle in vehicles)
    assert any(vehicle.policies and vehicle.policies[-1].end > TODAY for vehicle in vehicles)
    assert {policy.status for v in vehicles for policy in v.policies} == {"active", "expired", "cancelled"}
    assert any(person.disability_card and person.disability_card.valid_until < TODAY for person in living)
    assert any(person.name.middle_th for person in living)
    assert {land.kind for person in living for land in person.lands} == {"house", "condominium", "farm", "other"}
    assert {spell.section for person in living for spell in person.insured} == {"33", "39", "40"}


def test_who_serves_or_served_the_state_is_paid_by_it_and_no_one_else_is() -> None:
    for person in people().values():
        assert bool(person.state_benefits) == (person.state_role is not StateRole.NONE)


def test_children_have_an_income_of_none_at_all_rather_than_an_unknown_one() -> None:
    children = [p for p in people().values() if p.died_on is None and age_on(p.born.first, TODAY) < 15]
    assert len(children) > 500
    assert all(child.incomes and all(income == 0 for _, income in child.incomes) for child in children)


@pytest.mark.parametrize("citizens", [-1, CITIZENS_MAX + 1])
def test_a_population_below_none_or_too_large_for_the_numbers_is_refused(citizens: int) -> None:
    with pytest.raises(PopulationSizeNotPossible) as caught:
        generate(citizens, 1, TODAY)
    assert caught.value.code == "POPULATION_SIZE_NOT_POSSIBLE"


@pytest.mark.parametrize("citizens", [0, CITIZENS_MAX])
def test_the_smallest_and_the_largest_population_are_possible(citizens: int) -> None:
    assert generate(citizens, 1, TODAY).citizens == citizens


@pytest.mark.parametrize("day", [EARLIEST, LATEST])
def test_the_first_and_last_day_make_people(day: date) -> None:
    assert len(list(generate(400, 3, day).people())) == 400 + PEOPLE_WITH_PERSONAS


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2101, 1, 1)])
def test_a_day_beyond_them_is_refused(day: date) -> None:
    with pytest.raises(PopulationDateNotPossible):
        generate(400, 1, day)
