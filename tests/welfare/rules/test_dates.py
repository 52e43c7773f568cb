from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from welfare.rules.dates import anniversary, checked_day, cut, fiscal_year_start, resolved, shifted
from welfare.rules.errors import DayOutOfRange
from welfare.rules.tree import DateConst, Shift, Unit

days = st.dates(date(1990, 1, 1), date(2080, 12, 31))
ages = st.integers(0, 120)


def age_by_counting(birth: date, day: date) -> int:
    """Completed years by the calendar, written without `cut` or `anniversary`: 29 February counts as 1 March."""
    month_and_day = (birth.month, birth.day)
    return day.year - birth.year - ((day.month, day.day) < month_and_day)


@given(birth=days, day=days, years=ages)
def test_the_cut_says_exactly_who_has_completed_the_years(birth: date, day: date, years: int) -> None:
    assert (birth <= cut(day, years)) == (age_by_counting(birth, day) >= years)


@given(birth=st.sampled_from([date(2000, 2, 29), date(2004, 2, 29)]), years=ages, offset=st.integers(-2, 2))
def test_the_cut_is_exact_around_the_birthdays_of_29_february(birth: date, years: int, offset: int) -> None:
    day = date(birth.year + years, 3, 1) + timedelta(days=offset)
    assert (birth <= cut(day, years)) == (age_by_counting(birth, day) >= years)


@given(birth=days, years=ages)
def test_an_anniversary_is_the_first_day_of_its_age(birth: date, years: int) -> None:
    day = anniversary(birth, years)
    assert age_by_counting(birth, day) == years
    assert age_by_counting(birth, day - timedelta(days=1)) == years - 1


def test_born_on_29_february_comes_of_age_on_1_march() -> None:
    assert anniversary(date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert anniversary(date(2008, 2, 29), 20) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("day", "start"),
    [
        (date(2025, 9, 30), date(2024, 10, 1)),
        (date(2025, 10, 1), date(2025, 10, 1)),
        (date(2026, 1, 1), date(2025, 10, 1)),
    ],
)
def test_the_fiscal_year_begins_on_1_october(day: date, start: date) -> None:
    assert fiscal_year_start(day) == start


def test_a_month_without_the_day_gives_its_last_day() -> None:
    assert shifted(date(2025, 1, 31), 1, Unit.MONTHS) == date(2025, 2, 28)
    assert shifted(date(2024, 2, 29), -1, Unit.YEARS) == date(2023, 2, 28)
    assert shifted(date(2025, 1, 1), -1, Unit.MONTHS) == date(2024, 12, 1)
    assert shifted(date(2025, 1, 1), -1, Unit.DAYS) == date(2024, 12, 31)


constants = st.builds(
    DateConst,
    st.sampled_from(["assessment_date", "fiscal_year_start"]),
    st.lists(st.builds(Shift, st.integers(-400, 400), st.sampled_from([Unit.DAYS, Unit.MONTHS])), max_size=3).map(
        tuple
    ),
)


@given(constants, days)
def test_a_date_constant_never_goes_back_as_days_pass(constant: DateConst, day: date) -> None:
    assert resolved(constant, day) <= resolved(constant, day + timedelta(days=1))


def test_an_assessment_day_outside_the_calendar_of_rules_is_refused() -> None:
    assert checked_day(date(1800, 1, 1)) == date(1800, 1, 1)
    for day in (date(1799, 12, 31), date(2401, 1, 1)):
        with pytest.raises(DayOutOfRange):
            checked_day(day)
