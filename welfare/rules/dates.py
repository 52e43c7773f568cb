"""Days of the law: completed years of age, fiscal years, intervals. Pure functions of dates.

A person completes a year of age on the birthday; born on 29 February, on 1 March where the year has no such day.
The Thai fiscal year begins on 1 October.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import date, timedelta
from typing import Final

from welfare.rules.attributes import YEAR_MAX, YEAR_MIN
from welfare.rules.errors import DayOutOfRange
from welfare.rules.tree import DateConst, Unit

FISCAL_YEAR_MONTH: Final = 10
LEAP_DAY: Final = (2, 29)


def anniversary(birth: date, years: int) -> date:
    """The day on which someone born on `birth` completes `years` years."""
    year = birth.year + years
    if (birth.month, birth.day) == LEAP_DAY and not isleap(year):
        return date(year, 3, 1)
    return birth.replace(year=year)


def cut(day: date, years: int) -> date:
    """The latest birth date of which `years` years are completed on `day`: `age_on(b, day) >= years` is `b <= cut`."""
    year = day.year - years
    if (day.month, day.day) == LEAP_DAY and not isleap(year):
        return date(year, 2, 28)
    return day.replace(year=year)


def fiscal_year_start(day: date) -> date:
    """The 1 October on or before `day`."""
    return date(day.year if day.month >= FISCAL_YEAR_MONTH else day.year - 1, FISCAL_YEAR_MONTH, 1)


def shifted(day: date, amount: int, unit: Unit) -> date:
    """`day` moved by an interval; a month without that day gives its last day, as in PostgreSQL."""
    if unit is Unit.DAYS:
        return day + timedelta(days=amount)
    months = day.year * 12 + day.month - 1 + amount * (12 if unit is Unit.YEARS else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def resolved(const: DateConst, assessment: date) -> date:
    """The day that a date constant means when assessed on `assessment`; never earlier for a later assessment."""
    if const.base == "assessment_date":
        day = assessment
    elif const.base == "fiscal_year_start":
        day = fiscal_year_start(assessment)
    else:
        day = date.fromisoformat(const.base)
    for shift in const.shifts:
        day = shifted(day, shift.amount, shift.unit)
    return day


def checked_day(day: date) -> date:
    """Raises DayOutOfRange unless 1800 ≤ year ≤ 2400, which keeps every cut and shift a valid date."""
    if not YEAR_MIN <= day.year <= YEAR_MAX:
        raise DayOutOfRange
    return day
