"""The days of a delegation, by the Civil and Commercial Code, at both sides of each."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.delegation.days import is_elder, is_of_age, majority, years_after
from services.exchange.policy import is_minor


@pytest.mark.parametrize(
    ("born", "day"),
    [
        (date(2006, 11, 16), date(2026, 11, 16)),
        (date(2004, 2, 29), date(2024, 2, 29)),
        (date(1980, 2, 29), date(2000, 2, 29)),
        (date(1896, 2, 29), date(1916, 2, 29)),
        (date(1880, 2, 29), date(1900, 3, 1)),
        (date(2080, 2, 29), date(2100, 3, 1)),
        (date(2006, 12, 31), date(2026, 12, 31)),
    ],
)
def test_one_comes_of_age_on_the_twentieth_birthday(born: date, day: date) -> None:
    assert majority(born) == day
    assert not is_of_age(born, day - timedelta(days=1))
    assert is_of_age(born, day)


@given(st.dates(date(1890, 1, 1), date(2120, 1, 1)), st.dates(date(1950, 1, 1), date(2120, 1, 1)))
def test_delegation_and_exchange_agree_on_who_is_a_minor(born: date, today: date) -> None:
    """Two rooms know it by themselves, since neither may ask the other; they may never differ."""
    assert is_of_age(born, today) is not is_minor(born, today)


def test_a_year_from_a_leap_day_ends_on_the_first_of_march() -> None:
    assert years_after(date(2028, 2, 29), 1) == date(2029, 3, 1)
    assert years_after(date(2028, 2, 29), 4) == date(2032, 2, 29)


@pytest.mark.parametrize(("today", "old"), [(date(2026, 11, 15), False), (date(2026, 11, 16), True)])
def test_one_is_an_elder_from_the_sixtieth_birthday(today: date, old: bool) -> None:
    assert is_elder(date(1966, 11, 16), today) is old
