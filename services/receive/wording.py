"""Days, months and amounts as receipts and statements write them, in Thai and in English."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final, TypeAlias

from core.text import Text
from core.thai_dates import be_year

TitleOf: TypeAlias = Callable[[str], Text]
"""The name of an agency by its slug."""

_MONTHS: Final = (
    *("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
    *("กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม"),
)


def day_in_words(day: date) -> Text:
    """`10 พฤศจิกายน 2569`, `10 November 2026`."""
    return Text(th=f"{day.day} {_MONTHS[day.month - 1]} {be_year(day)}", en=f"{day.day} {day:%B %Y}")


def month_in_words(month: date) -> Text:
    """`พฤศจิกายน 2569`, `November 2026`."""
    return Text(th=f"{_MONTHS[month.month - 1]} {be_year(month)}", en=f"{month:%B %Y}")
