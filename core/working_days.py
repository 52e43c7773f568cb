"""Thai working days: when a government office is open, and when a bank is. Days are Bangkok days.

The holidays are reviewed data (working_days.yaml), for offices by cabinet resolution and for banks by the Bank of
Thailand, who differ. Buddhist days are listed, never computed. About a year that is not in the data nobody guesses:
every question that touches it raises :class:`WorkingDaysUnknown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

from core.errors import SitthiError
from core.strict_yaml import Reader, read
from core.text import Text

FILE: Final = "working_days.yaml"
SATURDAY: Final = 5
DAYS_MAX: Final = 2_000
"""More working days than that nobody counts: eight years."""
ANNOUNCED_MONTH: Final = 10
"""By October the next year's holidays are announced, as a rule (unverified); from then on their absence is a fault."""
_DAY: Final = timedelta(days=1)
_MONTH_AND_DAY: Final = re.compile(r"[0-9]{2}-[0-9]{2}", re.ASCII)


class WorkingDaysUnknown(SitthiError):
    """The holidays of that year are not in the data."""

    code = "WORKING_DAYS_UNKNOWN"
    text = Text(
        th="ยังไม่มีข้อมูลวันหยุดราชการและวันหยุดธนาคารของปี {year_be}",
        en="The public and bank holidays of {year} are not known yet.",
    )

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(year=year, year_be=year + 543)


class Closed(StrEnum):
    OFFICES = "offices"
    BANKS = "banks"


BOTH: Final = frozenset(Closed)


@dataclass(frozen=True, slots=True)
class Holiday:
    on: date
    name: str
    """Of the holiday in the data, `makha-bucha` for instance."""
    title: Text
    closes: frozenset[Closed] = BOTH
    substitutes: date | None = None
    """The day on which the holiday fell, where this one is taken instead."""


@dataclass(frozen=True)
class Year:
    """The holidays of one calendar year (CE), in order, and how far they are to be trusted."""

    year: int
    holidays: tuple[Holiday, ...]
    source: str
    reviewed: date
    unverified: tuple[Text, ...] = ()

    def closed(self, which: Closed) -> frozenset[date]:
        return frozenset(holiday.on for holiday in self.holidays if which in holiday.closes)


class WorkingDays:
    """Every method raises :class:`WorkingDaysUnknown` where the answer depends on a year that is not in the data."""

    def __init__(self, years: Mapping[int, Year]) -> None:
        self.years = dict(sorted(years.items()))
        self._closed = {(year, which): self.years[year].closed(which) for year in self.years for which in Closed}

    def is_working_day(self, day: date) -> bool:
        """Whether government offices are open."""
        return self._is_open(day, Closed.OFFICES)

    def is_bank_day(self, day: date) -> bool:
        """Whether banks are open, and so whether money moves from account to account."""
        return self._is_open(day, Closed.BANKS)

    def add_working_days(self, day: date, count: int) -> date:
        """The working day that is `count` of them after `day`, which does not count itself; before it if negative.

        With 0 it is `day`, open or not. Raises ValueError beyond 2,000.
        """
        if abs(count) > DAYS_MAX:
            raise ValueError(f"{count} working days")
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day += step
            while not self.is_working_day(day):
                day += step
        return day

    def working_days_between(self, after: date, until: date) -> int:
        """How many working days there are after the one and up to the other, which counts; 0 if it is not later."""
        days = range(1, (until - after).days + 1)
        return sum(self.is_working_day(after + timedelta(days=number)) for number in days)

    def next_bank_day(self, day: date) -> date:
        """The day itself if banks are open, else the first on which they are."""
        while not self.is_bank_day(day):
            day += _DAY
        return day

    def previous_bank_day(self, day: date) -> date:
        """The day itself if banks are open, else the last before it on which they were."""
        while not self.is_bank_day(day):
            day -= _DAY
        return day

    def holidays_on(self, day: date) -> tuple[Holiday, ...]:
        """What is kept on that day; a Saturday or Sunday alone is no holiday."""
        return tuple(holiday for holiday in self._year(day.year).holidays if holiday.on == day)

    def missing_on(self, today: date) -> tuple[int, ...]:
        """Years that ought to be in the data by then and are not: this one, and from October on the next."""
        needed = (today.year, today.year + 1) if today.month >= ANNOUNCED_MONTH else (today.year,)
        return tuple(year for year in needed if year not in self.years)

    def _is_open(self, day: date, which: Closed) -> bool:
        closed = self._closed.get((day.year, which))
        if closed is None:
            raise WorkingDaysUnknown(day.year)
        return day.weekday() < SATURDAY and day not in closed

    def _year(self, year: int) -> Year:
        found = self.years.get(year)
        if found is None:
            raise WorkingDaysUnknown(year)
        return found


@cache
def thai_working_days() -> WorkingDays:
    """The calendar that comes with the program, read once. Raises :class:`core.strict_yaml.FileError`."""
    return parse(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))


def parse(text: str, file: str = FILE) -> WorkingDays:
    """Out of the text of a file. Raises a :class:`core.strict_yaml.FileError` that names the line."""
    whole = Reader(read(text, file), file)
    names, fixed = _names(whole.part("names"))
    years: dict[int, Year] = {}
    for part in whole.parts("years"):
        year = _year(part, names, fixed)
        if year.year in years:
            raise part.wrong("year", "a year that is not there yet")
        years[year.year] = year
    whole.done()
    return WorkingDays(years)


def _names(part: Reader) -> tuple[dict[str, Text], dict[str, str]]:
    """The words of each holiday; and the month and day of those that never move."""
    names, fixed = dict[str, Text](), dict[str, str]()
    for name in part.data:
        words = part.part(name)
        names[name] = Text(th=words.word("th"), en=words.word("en"))
        if words.has("fixed"):
            fixed[name] = words.word("fixed")
            if not _MONTH_AND_DAY.fullmatch(fixed[name]):
                raise words.wrong("fixed", "a month and day, MM-DD")
        words.done()
    return names, fixed


def _year(part: Reader, names: Mapping[str, Text], fixed: Mapping[str, str]) -> Year:
    year = part.number("year", 2000, 2200)
    days = tuple(_days(part, year, names, fixed))
    unverified = part.parts("unverified") if part.has("unverified") else []
    made = Year(
        year,
        days,
        part.word("source"),
        part.day("reviewed"),
        tuple(Text(th=one.word("th"), en=one.word("en")) for one in unverified),
    )
    part.done()
    return made


def _days(part: Reader, year: int, names: Mapping[str, Text], fixed: Mapping[str, str]) -> Iterator[Holiday]:
    seen = set[tuple[date, str]]()
    there = {(one.day("date"), one.word("name")) for one in part.parts("days")}
    last = date.min
    for one in part.parts("days"):
        on, name = one.day("date"), one.choice("name", *names)
        if on.year != year or on < last or (on, name) in seen:
            raise one.wrong("date", f"a day of {year}, in order and once")
        closes = frozenset({Closed(one.choice("closes", *Closed))}) if one.has("closes") else BOTH
        instead = one.day("for") if one.has("for") else None
        if instead is None and name in fixed and f"{on:%m-%d}" != fixed[name]:
            raise one.wrong("date", f"{fixed[name]}, on which it always is")
        if instead is not None and not (instead < on and on.weekday() < SATURDAY and (instead, name) in there):
            raise one.wrong("for", "an earlier day of the same holiday, and a substitution on a day of the week")
        one.done()
        seen.add((on, name))
        last = on
        yield Holiday(on, name, names[name], closes, instead)
