"""Thai fiscal years: from 1 October to 30 September, named by the year of their end (Budget Procedures Act 2561)."""

from __future__ import annotations

from datetime import date
from typing import Final

_BUDDHIST_ERA: Final = 543
_OCTOBER: Final = 10
YEAR_MIN: Final = 2015
YEAR_MAX: Final = 2100


def fiscal_year(day: date) -> int:
    """CE: 2027 for the days from 1 October 2026 to 30 September 2027."""
    return day.year + (day.month >= _OCTOBER)


def first_day(year: int) -> date:
    return date(year - 1, _OCTOBER, 1)


def last_day(year: int) -> date:
    return date(year, 9, 30)


def buddhist(year: int) -> int:
    """As people write it: 2570 for 2027."""
    return year + _BUDDHIST_ERA
