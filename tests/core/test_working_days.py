"""Thai working days: what the announcements say, and what must hold on any day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strict_yaml import FileError
from core.working_days import Closed, WorkingDaysUnknown, parse, thai_working_days

CALENDAR = thai_working_days()
FIRST, LAST = date(2022, 1, 1), date(2027, 12, 31)
DAYS = st.dates(FIRST + timedelta(days=200), LAST - timedelta(days=200))
SMALL = st.integers(-60, 60)

FILE = """
names:
  new-year: {fixed: "01-01", th: วันขึ้นปีใหม่, en: New Year}
  full-moon: {th: วันเพ็ญ, en: Full moon}
years:
- year: 2030
  reviewed: 2026-11-22
  source: made up
  days:
"""


@pytest.mark.parametrize(
    ("day", "offices", "banks"),
    [
        (date(2026, 11, 20), True, True),
        (date(2026, 11, 21), False, False),  # a Saturday
        (date(2026, 5, 1), True, False),  # Labour Day closes banks alone
        (date(2026, 7, 30), False, True),  # Buddhist Lent closes offices alone
        (date(2026, 6, 1), False, False),  # for Visakha Bucha, a Sunday
        (date(2026, 6, 2), True, True),
        (date(2023, 7, 31), False, True),  # the Bank of Thailand said that banks open
        (date(2023, 12, 29), False, False),
        (date(2024, 1, 2), True, True),  # moved to 29 December
        (date(2025, 8, 11), False, False),
        (date(2027, 7, 19), False, False),  # Lent for offices, a substitution for banks
        (date(2027, 7, 20), False, True),
    ],
)
def test_days_of_the_announcements(day: date, offices: bool, banks: bool) -> None:
    assert (CALENDAR.is_working_day(day), CALENDAR.is_bank_day(day)) == (offices, banks)


def test_every_year_from_2022_to_2027_is_there_with_its_source_and_its_doubts() -> None:
    assert list(CALENDAR.years) == [2022, 2023, 2024, 2025, 2026, 2027]
    assert all(year.source and year.unverified for year in CALENDAR.years.values())
    per_year = [len(year.closed(which)) for year in CALENDAR.years.values() for which in Closed]
    assert all(15 <= number <= 30 for number in per_year)


def test_a_holiday_on_a_weekend_is_taken_on_another_day_but_new_years_eve_and_lent() -> None:
    """A substitution is a rule of offices; one day stands for two holidays that fall together."""
    for year in CALENDAR.years.values():
        replaced = {holiday.substitutes for holiday in year.holidays}
        for holiday in year.holidays:
            if holiday.on.weekday() < 5 or holiday.name in {"new-years-eve", "khao-phansa", "labour", "songkran"}:
                continue
            assert holiday.on in replaced, holiday


def test_a_year_that_is_not_in_the_data_is_never_guessed() -> None:
    with pytest.raises(WorkingDaysUnknown, match="2028"):
        CALENDAR.is_working_day(LAST + timedelta(days=1))
    with pytest.raises(WorkingDaysUnknown, match="2021"):
        CALENDAR.previous_bank_day(date(2022, 1, 2))
    with pytest.raises(WorkingDaysUnknown):
        CALENDAR.add_working_days(date(2027, 12, 30), 2)
    with pytest.raises(WorkingDaysUnknown):
        CALENDAR.holidays_on(date(2028, 1, 1))


def test_next_year_is_missed_from_october_on() -> None:
    assert CALENDAR.missing_on(date(2026, 12, 31)) == ()
    assert CALENDAR.missing_on(date(2027, 9, 30)) == ()
    assert CALENDAR.missing_on(date(2027, 10, 1)) == (2028,)
    assert CALENDAR.missing_on(date(2028, 1, 1)) == (2028,)
    assert CALENDAR.missing_on(date(2028, 10, 1)) == (2028, 2029)


def test_a_holiday_has_words_and_knows_what_it_stands_for() -> None:
    [day] = CALENDAR.holidays_on(date(2026, 6, 1))
    assert (day.title.en, day.substitutes) == ("Visakha Bucha Day", date(2026, 5, 31))
    assert CALENDAR.holidays_on(date(2026, 11, 21)) == ()


@given(DAYS, SMALL)
def test_adding_ends_on_a_working_day_that_is_that_many_away(day: date, count: int) -> None:
    found = CALENDAR.add_working_days(day, count)
    assert count == 0 or CALENDAR.is_working_day(found)
    first, last = sorted((day, found))
    before_it = timedelta(days=1) if count < 0 else timedelta()  # going back, the day found counts and `day` does not
    assert CALENDAR.working_days_between(first - before_it, last - before_it) == abs(count)


@given(DAYS, st.integers(0, 30), st.integers(0, 30))
def test_adding_twice_is_adding_the_sum(day: date, first: int, second: int) -> None:
    twice = CALENDAR.add_working_days(CALENDAR.add_working_days(day, first), second)
    assert twice == CALENDAR.add_working_days(day, first + second)


@given(DAYS, DAYS, st.integers(0, 30))
def test_who_begins_later_never_ends_earlier(one: date, other: date, count: int) -> None:
    first, second = sorted((one, other))
    assert CALENDAR.add_working_days(first, count) <= CALENDAR.add_working_days(second, count)


@given(DAYS)
def test_the_bank_days_around_a_day_are_the_nearest(day: date) -> None:
    before, after = CALENDAR.previous_bank_day(day), CALENDAR.next_bank_day(day)
    assert before <= day <= after
    between = [before + timedelta(days=n) for n in range(1, (after - before).days)]
    assert not any(CALENDAR.is_bank_day(one) for one in between)
    assert CALENDAR.is_bank_day(before)
    assert CALENDAR.is_bank_day(after)
    assert (after - before).days <= 8, "no bank is closed for longer"


def test_nobody_counts_thousands_of_days() -> None:
    with pytest.raises(ValueError, match="working days"):
        CALENDAR.add_working_days(FIRST, 2_001)


@pytest.mark.parametrize(
    ("days", "line"),
    [
        ("  - {date: 2031-01-01, name: new-year}", 10),
        ("  - {date: 2030-01-02, name: new-year}", 10),
        ("  - {date: 2030-01-01, name: unheard-of}", 10),
        ("  - {date: 2030-01-01, name: new-year, closes: shops}", 10),
        ("  - {date: 2030-01-01, name: new-year}\n  - {date: 2030-01-01, name: new-year}", 11),
        ("  - {date: 2030-03-01, name: full-moon}\n  - {date: 2030-02-01, name: full-moon}", 11),
        ("  - {date: 2030-03-04, name: full-moon, for: 2030-03-02}", 10),  # which is not listed
        ("  - {date: 2030-03-02, name: full-moon}\n  - {date: 2030-03-03, name: full-moon, for: 2030-03-02}", 11),
        ("  - {date: 2030-01-01, name: new-year, why: x}", 10),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(days: str, line: int) -> None:
    with pytest.raises(FileError) as refused:
        parse(FILE + days)
    assert refused.value.line == line


def test_a_year_stands_there_once() -> None:
    year = FILE[FILE.index("- year") :] + "  - {date: 2030-01-01, name: new-year}\n"
    with pytest.raises(FileError):
        parse(FILE + "  - {date: 2030-01-01, name: new-year}\n" + year)


def test_a_year_that_is_missing_is_told_of_a_month_before_anything_falls_into_it() -> None:
    """Whatever is due in the next 30 days is in a year that is known, or of whose absence operators are told today."""
    for number in range(5 * 365):
        today = date(2025, 1, 1) + timedelta(days=number)
        soon = {(today + timedelta(days=ahead)).year for ahead in range(31)}
        assert soon <= CALENDAR.years.keys() | set(CALENDAR.missing_on(today)), today


def test_what_is_not_checked_is_marked_in_every_year_that_is_not_over() -> None:
    assert all(CALENDAR.years[year].unverified for year in CALENDAR.years if year >= 2026)
