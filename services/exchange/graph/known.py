"""A fact as a form or a case shows it: its value for a machine and in words, whose word it is, and never a blank
without a word why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import strawberry
from strawberry.scalars import JSON

from core.clock import bangkok_day
from core.graph import Info, localized
from core.money import Money
from core.text import Text
from core.thai_dates import be_year
from services.exchange.catalogue import Attribute, Catalogue
from services.exchange.facts import Fact, FactState
from services.exchange.graph.access import AttributeName, attribute_name
from services.exchange.graph.facts import Source, source_of
from services.exchange.names import full_name

CITIZEN: Final = "citizen"
"""The steward of what only the citizen says."""
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


@strawberry.type(description="What the state knows of one thing: a value, or a word why none is shown.")
class KnownFact:
    attribute: AttributeName
    value: JSON | None = strawberry.field(
        description="A date as YYYY-MM-DD, money as `{satang currency}`, a name or an address as an object of texts."
    )
    text: str | None = strawberry.field(description="The same for people, in the language of the request.")
    source: Source
    as_of: datetime | None
    age_seconds: int | None = strawberry.field(description="Since `asOf`, for a value that is STALE.")
    state: str = strawberry.field(description="FRESH, STALE, UNAVAILABLE or DENIED.")
    note: str | None = strawberry.field(description="Said beside the value, or in its place; null for a plain value.")
    correctable: bool = strawberry.field(description="Whether `requestCorrection` takes this attribute.")

    @classmethod
    def of(cls, info: Info, fact: Fact) -> KnownFact:
        attribute = info.context.room(Catalogue).attribute(fact.attribute)
        now = info.context.clock.now()
        stale = fact.state is FactState.STALE and fact.as_of is not None
        text = text_of(fact)
        note = note_of(fact, info.context.room(Catalogue).agency_title(fact.source), now)
        return cls(
            attribute=attribute_name(info, attribute.id),
            value=plain_of(fact),
            text=localized(info, text) if text is not None else None,
            source=source_of(info, fact.source),
            as_of=fact.as_of,
            age_seconds=int((now - fact.as_of).total_seconds()) if stale and fact.as_of is not None else None,
            state=fact.state.value,
            note=localized(info, note) if note is not None else None,
            correctable=is_correctable(attribute),
        )


def is_correctable(attribute: Attribute) -> bool:
    """Whether an agency holds it as it is: what is computed is corrected in what it is computed from."""
    return attribute.derived is None and not attribute.is_tie and attribute.steward != CITIZEN


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
