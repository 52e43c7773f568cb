"""What the state knows of one thing, as a plain value and in words: for the graph, and for forms that are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from core.clock import bangkok_day
from core.money import Money
from core.text import Text
from core.thai_dates import be_year
from services.exchange.facts import Fact, FactState
from services.exchange.names import full_name

NOT_KNOWN: Final = "NOT_KNOWN"

_NONE: Final = Text(th="ไม่มี", en="None on record")
_UNREACHABLE: Final = Text(
    th="ขณะนี้ยังติดต่อ {agency} ไม่ได้ จึงยังแสดงข้อมูลนี้ไม่ได้ ระบบจะตรวจสอบให้เองภายหลัง",
    en="The {agency} cannot be reached right now, so this cannot be shown yet. It will be looked up later.",
)
_NOBODY_KNOWS: Final = Text(
    th="{agency} ไม่มีข้อมูลรายการนี้ของคุณ หากควรมี กรุณาติดต่อ {agency}",
    en="The {agency} holds nothing of this kind about you. If it should, please ask the {agency}.",
)
_DENIED: Final = Text(th="ข้อมูลรายการนี้แสดงในที่นี้ไม่ได้", en="This may not be shown here.")
_STALE: Final = Text(
    th="ข้อมูลที่ทราบล่าสุดเมื่อ {age}ก่อน เพราะขณะนี้ยังติดต่อ {agency} ไม่ได้",
    en="The last that is known, {age} old: the {agency} cannot be reached right now.",
)
_YES: Final = Text(th="ใช่", en="Yes")
_NO: Final = Text(th="ไม่ใช่", en="No")
_BAHT: Final = Text(th="{amount} บาท", en="{amount} baht")
_MONTHS: Final = (
    *("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
    *("กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม"),
)


def plain_of(fact: Fact) -> Any:
    """The value as JSON, in the forms that an answer takes; None where there is none, or nobody could tell."""
    match fact.value:
        case Money() as money:
            return {"satang": money.satang, "currency": money.currency}
        case date() as day:
            return day.isoformat()
        case Mapping() as parts:
            return dict(parts)
        case bool() | int() | str() as value:
            return value
        case _:
            return None


def text_of(fact: Fact) -> Text | None:
    """The value in words, of those states that have one; that there is none is said by the note."""
    match fact.value:
        case bool() as yes:
            return _YES if yes else _NO
        case Money() as money:
            return _BAHT.filled(amount=str(money))
        case date() as day:
            return day_in_words(day)
        case Mapping() as parts if "given_th" in parts:
            return full_name(parts)
        case Mapping() as parts:
            return Text(th=parts["text_th"], en=parts["text_en"] or parts["text_th"])
        case int() | str() as value:
            return Text(th=str(value), en=str(value))
        case _:
            return None


def note_of(fact: Fact, agency: Text, now: datetime) -> Text | None:
    """What is said beside a value that is not simply known, and in the place of one that is not there."""
    match fact.state:
        case FactState.DENIED:
            return _DENIED
        case FactState.UNAVAILABLE:
            words = _NOBODY_KNOWS if fact.reason == NOT_KNOWN else _UNREACHABLE
            return words.filled(agency=agency)
        case FactState.STALE:
            age = now - (fact.as_of or datetime.min.replace(tzinfo=UTC))
            return _STALE.filled(agency=agency, age=in_words(age))
        case FactState.FRESH:
            return _NONE if fact.value is None else None


def in_words(age: timedelta) -> Text:
    """Rounded down to the largest unit that it has one of."""
    days, hours = age.days, age.seconds // 3600
    if days >= 1:
        return Text(th=f"{days} วัน", en=f"{days} day{'s' if days > 1 else ''}")
    if hours >= 1:
        return Text(th=f"{hours} ชั่วโมง", en=f"{hours} hour{'s' if hours > 1 else ''}")
    return Text(th="ไม่ถึงหนึ่งชั่วโมง", en="less than an hour")


def day_in_words(day: date | datetime) -> Text:
    if isinstance(day, datetime):
        day = bangkok_day(day)
    return Text(th=f"{day.day} {_MONTHS[day.month - 1]} {be_year(day)}", en=f"{day.day} {day:%B %Y}")
