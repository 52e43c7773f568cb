"""The birth date in ThaID's claims, in every dialect in which it may come."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from core.thai_dates import Precision
from services.exchange.sign_in import facts_of_claims
from tests.conftest import NOW
from tests.services.exchange.fakes import CATALOGUE

BIRTH_DATE = CATALOGUE.attribute("birth_date")


def read(said: Any) -> Any:
    readings, refused = facts_of_claims({"birthdate": said}, NOW, CATALOGUE)
    assert refused in (frozenset(), {"birth_date"})
    assert not (refused and readings)
    return "refused" if refused else readings.get(BIRTH_DATE)


@pytest.mark.parametrize(
    ("said", "value", "precision"),
    [
        ("1995-07-17", date(1995, 7, 17), Precision.DAY),
        ("1995-07", date(1995, 7, 1), Precision.MONTH),
        ("1995", date(1995, 1, 1), Precision.YEAR),
        ("25380717", date(1995, 7, 17), Precision.DAY),
        ("25380700", date(1995, 7, 1), Precision.MONTH),
        ("25380000", date(1995, 1, 1), Precision.YEAR),
        ("24700000", date(1927, 4, 1), Precision.YEAR),
        ("24820331", date(1940, 3, 31), Precision.DAY),
        ("198704--", date(1987, 4, 1), Precision.MONTH),
        ("1987----", date(1987, 1, 1), Precision.YEAR),
    ],
)
def test_it_is_read_with_what_is_known_of_it(said: str, value: date, precision: Precision) -> None:
    reading = read(said)
    assert (reading.value, reading.precision, reading.as_of) == (value, precision, NOW)


@pytest.mark.parametrize("said", [None, "00000000", "--------", "0000-07-17"])
def test_a_birth_of_which_not_even_the_year_is_known_is_no_fact(said: str | None) -> None:
    assert read(said) is None


@pytest.mark.parametrize("said", ["", "24830101", "25380230", "1995-13-01", "17/07/1995", 19950717, [], {"y": 1}, True])
def test_what_is_no_date_is_refused(said: Any) -> None:
    assert read(said) == "refused"
