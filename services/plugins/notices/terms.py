"""The terms of a notice: a year from the Bangkok day of its publication, and reasons in both languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from core.clock import bangkok_day
from core.text import Text

REASON_LENGTH_MAX: Final = 300
TOLD_MAX: Final = 200
"""Deprecated names of one service; and of the names that one publication adds or takes away, as many are told."""
_UNTIL: Final = "until "
_LIKE_A_DAY: Final = re.compile(r"[0-9][0-9-]*", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_BETWEEN: Final = " | "


class UntilUnreadable(ValueError):
    """A reason ends with `until` and what is no day."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What to use instead. The English words are always there; the Thai where their author wrote both."""

    en: str
    th: str | None = None

    @classmethod
    def of(cls, words: str) -> Reason:
        """`<Thai> | <English>`, or one text for all."""
        th, bar, en = " ".join(words.split()).partition(_BETWEEN)
        return cls(en.strip(), th.strip()) if bar and th.strip() and en.strip() else cls(th.strip())

    @classmethod
    def of_text(cls, text: Text) -> Reason:
        return cls(text.en, text.th)

    def __str__(self) -> str:
        return self.en if self.th is None else f"{self.th}{_BETWEEN}{self.en}"

    def as_json(self) -> dict[str, str]:
        return {"en": self.en} if self.th is None else {"th": self.th, "en": self.en}


def read_reason(written: str) -> tuple[Reason, date | None]:
    """The words, and the day in `… until 2028-01-31` at their end. Raises :class:`UntilUnreadable`."""
    text = " ".join(written.split())
    words, until, day = f" {text}".removesuffix(".").rpartition(f" {_UNTIL}")
    if not until or not _LIKE_A_DAY.fullmatch(day):
        return Reason.of(text), None
    try:
        if not _DAY.fullmatch(day):
            raise UntilUnreadable(day)
        return Reason.of(words.rstrip(" ,;")), date.fromisoformat(day)
    except ValueError:
        raise UntilUnreadable(day) from None


@dataclass(frozen=True, slots=True)
class Notice:
    """A name of the graph that goes. Coordinates are GraphQL's own (§3.14): `Type.field`, `Type.field(argument:)`."""

    coordinate: str
    service: str
    """Whose it is; `SITTHI` for our own rooms."""
    since: datetime
    """When it was first published deprecated, without a break since."""
    sunset: date
    """The Bangkok day from which it may be gone."""
    reason: Reason

    @property
    def since_day(self) -> date:
        return bangkok_day(self.since)

    def may_go_on(self, day: date) -> bool:
        return day >= self.sunset

    def written(self) -> str:
        """As introspection shows it, whatever its author wrote of days: it ends with `until 2027-11-22`."""
        return f"{self.reason} (deprecated since {self.since_day}), until {self.sunset}"

    def as_json(self) -> dict[str, Any]:
        return {
            "coordinate": self.coordinate,
            "since": self.since_day.isoformat(),
            "sunset": self.sunset.isoformat(),
            "reason": self.reason.as_json(),
        }


def year_after(day: date) -> date:
    """The same day of the next year; of 29 February, 1 March."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)


def sunset_of(since: datetime, *wished: date | None) -> date:
    """The latest of what was wished, and never less than a year after `since`."""
    return max([year_after(bangkok_day(since)), *(day for day in wished if day is not None)])
