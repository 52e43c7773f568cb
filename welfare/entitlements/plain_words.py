"""Facts, sums and days as a citizen reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from core.money import Money
from core.text import Text
from core.thai_dates import be_year
from services.exchange.catalogue import Attribute, Kind
from welfare.rules import Plain

_MONTHS: Final = tuple(
    Text(th=th, en=en)
    for th, en in (
        ("มกราคม", "January"), ("กุมภาพันธ์", "February"), ("มีนาคม", "March"), ("เมษายน", "April"),
        ("พฤษภาคม", "May"), ("มิถุนายน", "June"), ("กรกฎาคม", "July"), ("สิงหาคม", "August"),
        ("กันยายน", "September"), ("ตุลาคม", "October"), ("พฤศจิกายน", "November"), ("ธันวาคม", "December"),
    )
)  # fmt: skip
_ASIDE_TH: Final = re.compile(r" \(.*")
"""How a number is stored, and what 0 means: for programs and not for people."""
_ASIDE_EN: Final = re.compile(r"(?:, in | \(|; ).*")
_SQCM_OF_SQM: Final = 10_000
_YES: Final = Text(th="ใช่", en="yes")
_NO: Final = Text(th="ไม่ใช่", en="no")
_BAHT: Final = Text(th="{sum} บาท", en="{sum} baht")
_AREA: Final = Text(th="{area} ตารางเมตร", en="{area} square metres")
_COUNTED: Final = {
    "person": Text(th="{count} คน", en="{count}"),
    "month": Text(th="{count} เดือน", en="{count} months"),
    "year": Text(th="{count} ปี", en="{count} years"),
}
_OF_CHILD: Final = Text(th="{title}ของเด็ก", en="the child's {title}")
_AND: Final = Text(th=" และ", en=" and ")


def called(attribute: Attribute, *, of_child: bool) -> Text:
    """The fact's name, without what is said there about how its value is stored."""
    title = Text(th=_ASIDE_TH.sub("", attribute.title.th), en=_ASIDE_EN.sub("", attribute.title.en))
    return _OF_CHILD.filled(title=title) if of_child else title


def shown(attribute: Attribute, value: Plain) -> Text:
    """A value of the fact, as rules have it: sums in baht, areas in square metres, exactly."""
    if isinstance(value, bool):
        return _YES if value else _NO
    if isinstance(value, date):
        return day(value)
    if attribute.type.kind is Kind.MONEY:
        assert isinstance(value, int), "rules have money in satang"
        return _BAHT.filled(sum=str(Money(value)))
    if isinstance(value, int) and attribute.about.unit == "square_centimetre":
        whole, rest = divmod(value, _SQCM_OF_SQM)
        return _AREA.filled(area=f"{whole:,}" + (f".{rest:04d}".rstrip("0") if rest else ""))
    if attribute.about.unit in _COUNTED:
        return _COUNTED[attribute.about.unit].filled(count=value)
    return Text(th=str(value), en=str(value))


def day(of: date) -> Text:
    """`1 ตุลาคม 2569`, `1 October 2026`."""
    month = _MONTHS[of.month - 1]
    return Text(th=f"{of.day} {month.th} {be_year(of)}", en=f"{of.day} {month.en} {of.year}")


def listed(parts: Sequence[Text]) -> Text:
    return Text(th=_AND.th.join(part.th for part in parts), en=_AND.en.join(part.en for part in parts))
