"""Dates as the state writes them: DOPA's Buddhist-era dialect and Tang Rat's, with parts that nobody knows.

The Buddhist-era (BE) year is CE + 543, except that until BE 2483 the official year began on 1 April: January to March
of BE 2432-2482 fall in CE = BE - 542, and BE 2483 had no January, February or March (Calendar Act, BE 2483). It matters
for people over 85. Before 1 April BE 2432 (1889) the calendar was lunar; such days are refused.

An unknown day or month of birth counts as the first: the first day of the month, or of the official year in which the
birth took place (Civil and Commercial Code s.16, unverified), which is 1 April for years up to BE 2483.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from core.errors import SitthiError
from core.text import Text

BE_OFFSET: Final = 543
FIRST_DAY: Final = date(1889, 4, 1)
"""The first day of the solar calendar with years that begin on 1 April."""
YEARS_FROM_JANUARY: Final = 1941
"""From this CE year (BE 2484) on, the official year begins on 1 January."""
APRIL: Final = 4
"""The first month of the official years before that."""

_EIGHT_DIGITS: Final = re.compile(r"[0-9]{8}", re.ASCII)
_ISO: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", re.ASCII)
_TANG_RAT: Final = re.compile(r"([0-9]{4}|-{4})([0-9]{2}|--)([0-9]{2}|--)", re.ASCII)


class MalformedThaiDate(SitthiError):
    """Not a date of the dialect, or a day that no calendar had. Never carries the date: it is personal data."""

    code = "MALFORMED_DATE"
    text = Text(th="วันที่ไม่ถูกต้อง", en="This is not a valid date.")


class UnknownThaiDate(MalformedThaiDate):
    """Written in the right form, but not even the year is known."""

    code = "UNKNOWN_DATE"
    text = Text(th="ไม่ทราบวันที่", en="The date is unknown.")


class Precision(StrEnum):
    """Which parts of a date are known. What is shown of a date goes no further than this."""

    DAY = "DAY"
    MONTH = "MONTH"
    """Month and year."""
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A day of which the day, or day and month, may be unknown (`None`).

    `year` is CE. With a known month it is the year the day falls in; without, it is the year in which the official year
    began, so that BE 2470 with nothing else known is 1927 and means April 1927 to March 1928.
    Raises :class:`MalformedThaiDate` for a day that no calendar had.
    """

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if self.month is None and self.day is not None:
            raise MalformedThaiDate
        if self.first < FIRST_DAY or self.first.year > 9999 - BE_OFFSET:
            raise MalformedThaiDate

    @classmethod
    def of(cls, day: date) -> PartialDate:
        return cls(day.year, day.month, day.day)

    @property
    def is_whole(self) -> bool:
        return self.day is not None

    @property
    def precision(self) -> Precision:
        if self.month is None:
            return Precision.YEAR
        return Precision.MONTH if self.day is None else Precision.DAY

    def __str__(self) -> str:
        """ISO 8601 with the parts that are known: `1995-07-17`, `1995-07`, `1995`."""
        parts = (f"{part:02d}" for part in (self.month, self.day) if part is not None)
        return "-".join([f"{self.year:04d}", *parts])

    @property
    def first(self) -> date:
        """The day it counts as: itself, or the first that it can be."""
        month = self.month
        if month is None:
            month = 1 if self.year >= YEARS_FROM_JANUARY else APRIL
        try:
            return date(self.year, month, 1 if self.day is None else self.day)
        except ValueError:
            raise MalformedThaiDate from None


def be_year(day: date) -> int:
    """The official Buddhist-era year that a day falls in."""
    before_new_year = day.year < YEARS_FROM_JANUARY and day.month < APRIL
    return day.year + BE_OFFSET - (1 if before_new_year else 0)


def parse_be_yyyymmdd(text: str) -> PartialDate:
    """Read DOPA's `YYYYMMDD` in BE with unknown parts as 0: `25380000` is some day in 1995.

    Raises :class:`UnknownThaiDate` where even the year is 0, :class:`MalformedThaiDate` for all else that is no date.
    """
    if not _EIGHT_DIGITS.fullmatch(text):
        raise MalformedThaiDate
    year_be, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    if year_be == 0:
        raise UnknownThaiDate if month == day == 0 else MalformedThaiDate
    year = year_be - BE_OFFSET
    if year < YEARS_FROM_JANUARY and 1 <= month < APRIL:
        if year == YEARS_FROM_JANUARY - 1:
            raise MalformedThaiDate  # BE 2483 was nine months long
        year += 1
    if year < 1:
        raise MalformedThaiDate
    return PartialDate(year, month or None, day or None)


def to_be_yyyymmdd(day: PartialDate | date) -> str:
    """Write DOPA's `YYYYMMDD` in BE, unknown parts as 0."""
    known = day if isinstance(day, PartialDate) else PartialDate.of(day)
    return f"{be_year(known.first):04d}{known.month or 0:02d}{known.day or 0:02d}"


def parse_iso(text: str) -> PartialDate:
    """Read ISO 8601 in CE, also with the year alone or year and month: `1995`, `1995-07`, `1995-07-17`.

    OpenID Connect (Core §5.1) writes an unknown year as 0000: that is :class:`UnknownThaiDate`. Raises
    :class:`MalformedThaiDate` for all else that is no date.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise MalformedThaiDate
    year, month, day = (None if part is None else int(part) for part in found.groups())
    if year == 0:
        raise UnknownThaiDate
    if year is None or month == 0 or day == 0:
        raise MalformedThaiDate
    return PartialDate(year, month, day)


def parse_tang_rat(text: str) -> PartialDate:
    """Read Tang Rat's `YYYYMMDD` in CE with unknown parts as `-`: `1987----` is some day in 1987.

    A year alone is read as the official year that began in it, as in :class:`PartialDate`.
    Raises :class:`UnknownThaiDate` for `--------` and :class:`MalformedThaiDate` for all else that is no date.
    """
    found = _TANG_RAT.fullmatch(text)
    if found is None:
        raise MalformedThaiDate
    year, month, day = (None if part.startswith("-") else int(part) for part in found.groups())
    if year is None:
        raise UnknownThaiDate if month is None and day is None else MalformedThaiDate
    if year < 1 or month == 0 or day == 0:
        raise MalformedThaiDate
    return PartialDate(year, month, day)


def to_tang_rat(day: PartialDate | date) -> str:
    """Write Tang Rat's `YYYYMMDD` in CE, unknown parts as `-`."""
    known = day if isinstance(day, PartialDate) else PartialDate.of(day)
    month = "--" if known.month is None else f"{known.month:02d}"
    return f"{known.year:04d}{month}{'--' if known.day is None else f'{known.day:02d}'}"
