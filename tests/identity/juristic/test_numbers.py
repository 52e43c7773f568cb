"""Numbers of juristic persons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import check_digit
from identity.juristic.numbers import JuristicNumber, MalformedJuristicNumber


@given(st.integers(0, 10**11 - 1), st.integers(1, 9))
def test_the_last_digit_checks_the_others(running: int, off: int) -> None:
    first = f"0{running:011d}"
    good = check_digit(first)
    assert JuristicNumber(first + str(good)).digits == first + str(good)
    with pytest.raises(MalformedJuristicNumber):
        JuristicNumber(first + str((good + off) % 10))


@pytest.mark.parametrize("given", ["", "0" * 12, "0" * 14, "010000000000x", "๐" * 13])
def test_what_is_no_number_is_refused(given: str) -> None:
    with pytest.raises(MalformedJuristicNumber):
        JuristicNumber.parse(given)


def test_a_number_that_begins_with_another_digit_is_a_persons() -> None:
    first = "100000000000"
    with pytest.raises(MalformedJuristicNumber):
        JuristicNumber(first + str(check_digit(first)))


def test_it_is_read_with_hyphens_and_spaces() -> None:
    first = "010000000001"
    whole = first + str(check_digit(first))
    assert JuristicNumber.parse(f" {whole[0]}-{whole[1:5]} {whole[5:]} ").digits == whole
