"""The years that a statement may be of. Days are Bangkok days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from core.errors import BadInput
from core.text import Text
from services.receive.statements.errors import YearNotBegun

BE: Final = 543
BE_MIN: Final = 2500
BE_MAX: Final = 2742
"""2,742 - 543 is 2199: no program that reads a date is asked for more."""
_OCTOBER: Final = 10
_NO_YEAR: Final = Text(
    th="ปีต้องเป็น พ.ศ. หรือ ค.ศ. สี่หลัก", en="the year has four digits, of the Buddhist or the common era"
)


class Calendar(StrEnum):
    CALENDAR = "CALENDAR"
    """1 January to 31 December."""
    FISCAL = "FISCAL"
    """1 October of the year before to 30 September, as the state counts (Budget Procedures Act 2561 s.4)."""


@dataclass(frozen=True, slots=True)
class Year:
    """`number` is of the common era; a fiscal year has the number of the calendar year in which it ends."""

    number: int
    calendar: Calendar

    @property
    def first(self) -> date:
        return date(self.number, 1, 1) if self.calendar is Calendar.CALENDAR else date(self.number - 1, _OCTOBER, 1)

    @property
    def last(self) -> date:
        following = Year(self.number + 1, self.calendar).first
        return following - timedelta(days=1)

    @property
    def title(self) -> Text:
        if self.calendar is Calendar.CALENDAR:
            return Text(th=f"ปี พ.ศ. {self.number + BE}", en=f"Year {self.number} (B.E. {self.number + BE})")
        return Text(th=f"ปีงบประมาณ พ.ศ. {self.number + BE}", en=f"Fiscal year {self.number} (B.E. {self.number + BE})")


def year_of(number: int, calendar: Calendar, today: date) -> Year:
    """A year by its number, of the Buddhist era (2500 and more) or the common one.

    Raises BadInput for what is none, :class:`YearNotBegun`.
    """
    common = number - BE if number >= BE_MIN else number
    if not BE_MIN - BE <= common <= BE_MAX - BE:
        raise BadInput(_NO_YEAR, path=("year",))
    year = Year(common, calendar)
    if year.first > today:
        raise YearNotBegun(path=("year",))
    return year
