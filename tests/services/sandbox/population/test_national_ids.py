from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import NationalId
from services.sandbox.population.national_ids import CITIZENS_MAX, RESERVED, RunningNumbers, national_id


@given(st.integers(0, 8), st.sampled_from(["10", "45", "96"]), st.integers(0, 9_999_999))
def test_a_number_is_valid_and_names_no_registry_office(person_type: int, province: str, running: int) -> None:
    number = national_id(person_type, province, running)
    assert NationalId.parse(number).digits == number
    assert number[3:5] == "00"


@given(st.integers(0, 2**70), st.lists(st.integers(0, CITIZENS_MAX - 1), unique=True, min_size=2, max_size=50))
def test_no_two_citizens_get_one_running_number_whatever_the_seed(seed: int, serials: list[int]) -> None:
    numbers = [RunningNumbers(seed).number(serial) for serial in serials]
    assert len(set(numbers)) == len(numbers)
    assert all(RESERVED <= number < 10_000_000 for number in numbers)


@pytest.mark.parametrize("serial", [0, CITIZENS_MAX - 1])
def test_the_numbers_of_the_personas_are_never_given_to_another(serial: int) -> None:
    assert all(RunningNumbers(seed).number(serial) >= RESERVED for seed in range(200))
