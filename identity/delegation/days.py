"""How long a delegation lasts. Days are Bangkok days; an end is the first day on which it holds no more."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

MAJORITY_YEARS: Final = 20
"""Civil and Commercial Code s.19. Majority by marriage (s.20) is not in the register that we ask."""
ELDER_YEARS: Final = 60
"""Act on Older Persons 2546 s.3."""
CARER_YEARS_MAX: Final = 1
PROPOSAL_LASTS: Final = timedelta(days=30)


def years_after(day: date, years: int) -> date:
    """The same day so many years later; for 29 February, 1 March where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def majority(born: date) -> date:
    """The day on which one comes of age: born on 29 February, on 1 March of a year without one."""
    return years_after(born, MAJORITY_YEARS)


def is_of_age(born: date, today: date) -> bool:
    return today >= majority(born)


def is_elder(born: date, today: date) -> bool:
    return today >= years_after(born, ELDER_YEARS)
