"""What is held of a person, in words for that person: which columns are shown, by what names (data/reading.yaml).

Thai stands first and English beside it. Days are Bangkok's, in Thai form. What says nothing to a person (keys, tokens,
single steps) is left to the file for machines; so is a table that nobody wrote words for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from core.clock import BANGKOK, bangkok_day
from core.money import Money
from core.strict_yaml import read_any
from core.text import Text
from core.thai_dates import Precision, be_year
from services.exchange.catalogue import Attribute, Catalogue
from services.exchange.facts import Fact, FactState
from services.exchange.names import full_name
from services.exchange.policy import ASSURANCE_TOO_LOW, BARS

FILE: Final = "reading.yaml"
SQUARE_METRE: Final = 10_000
"""In square centimetres, in which the catalogue counts areas."""
TEXT_MAX: Final = 600
_MONTHS: Final = (
    *("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
    *("กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม"),
)
_NOTHING: Final = Text(th="–", en="–")
_YES: Final = Text(th="ใช่", en="yes")
_NO: Final = Text(th="ไม่ใช่", en="no")
_NONE: Final = Text(th="ไม่มี", en="none")
_BAHT: Final = Text(th="{amount} บาท", en="{amount} baht")
_AREA: Final = Text(th="{amount} ตารางเมตร", en="{amount} square metres")
_COUNTED: Final[Mapping[str | None, Text]] = {
    "month": Text(th="{amount} เดือน", en="{amount} months"),
    "year": Text(th="{amount} ปี", en="{amount} years"),
    "person": Text(th="{amount} คน", en="{amount} people"),
    "square_centimetre": _AREA,
}
_UNREADABLE: Final = Text(th="อ่านไม่ได้แล้ว", en="cannot be read any more")
DENIED: Final = Text(th="ไม่แสดงในสำเนานี้", en="Not shown in this copy.")
DENIED_TOO_WEAK: Final = Text(
    th="ไม่แสดง เพราะเป็นข้อมูลอ่อนไหว และการเข้าสู่ระบบที่ใช้ขอสำเนายังไม่น่าเชื่อถือพอ เข้าสู่ระบบด้วย ThaID หรือพาสคีย์แล้วขอใหม่",
    en="Not shown: it is sensitive, and the sign-in that asked for this copy was not sure enough. Sign in with ThaID "
    "or a passkey and ask again.",
)
DENIED_BY_YOU: Final = Text(th="ไม่แสดง เพราะท่านขอให้หยุดใช้ข้อมูล", en="Not shown: you had its use stopped.")
UNAVAILABLE: Final = Text(th="{agency} ยังไม่ได้ตอบ หรือไม่มีข้อมูล", en="The {agency} did not answer, or does not know.")
STALE: Final = Text(th="ค่าล่าสุดที่ทราบ", en="The last that is known.")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Words(_Strict):
    th: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Column(_Words):
    column: str
    as_: str = Field(default="text", alias="as")


class _File(_Strict):
    tables: Mapping[str, list[Column]]
    codes: Mapping[str, Mapping[str, _Words]]


@dataclass(frozen=True, slots=True)
class Cell:
    """Thai first; `en` is empty where it would say the same again."""

    th: str
    en: str = ""

    @classmethod
    def of(cls, text: Text) -> Cell:
        return cls(_cut(text.th), "" if text.en == text.th else _cut(text.en))

    def written(self) -> dict[str, str]:
        return {"th": self.th, "en": self.en}


@cache
def reading() -> _File:
    text = (files(__package__) / "data" / FILE).read_bytes().decode()
    return _File.model_validate(read_any(text, FILE))


class Reader:
    """Says records and facts in the catalogue's words."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._forms: Mapping[str, Callable[[Any], Cell]] = {
            "text": lambda value: Cell(_cut(str(value))),
            "both": lambda value: Cell.of(Text(**value)),
            "time": lambda value: Cell(time_in_words(datetime.fromisoformat(value))),
            "day": lambda value: Cell(day_in_words(date.fromisoformat(value))),
            "month": lambda value: Cell(day_in_words(date.fromisoformat(value), Precision.MONTH)),
            "baht": lambda value: Cell.of(_BAHT.filled(amount=str(Money(value)))),
            "boolean": lambda value: Cell.of(_YES if value else _NO),
            "agency": lambda value: Cell.of(catalogue.agency_title(value)),
            "attribute": lambda value: Cell.of(self._title(value)),
            "attributes": self._titles,
            "purpose": self._purpose,
            "account": lambda value: Cell(str(value.get("number") or value.get("mobile") or "–")),
        }

    def shows(self, table: str) -> Sequence[Column]:
        """The columns that a person is shown; empty for a table that says nothing to them."""
        return reading().tables.get(table, ())

    def row(self, table: str, record: Mapping[str, Any]) -> list[Cell]:
        """One cell for each of :meth:`shows`."""
        return [self._cell(column, record) for column in self.shows(table)]

    def fact(self, fact: Fact) -> list[Cell]:
        """What, the value, whose word it is, and as of when."""
        attribute = self._catalogue.attribute(fact.attribute)
        note, cells = self.note(fact), [Cell.of(_plain(attribute.title))]
        if fact.known:
            value = Cell.of(self._value(attribute, fact))
            cells.append(value if note is None else Cell(f"{value.th} ({note.th})", f"{value.en} ({note.en})"))
        else:
            cells.append(Cell.of(note or DENIED))
        as_of = Cell(day_in_words(bangkok_day(fact.as_of))) if fact.as_of is not None else Cell("–")
        return [*cells, Cell.of(self._catalogue.agency_title(fact.source)), as_of]

    def note(self, fact: Fact) -> Text | None:
        """Why there is no value, or how old it is; None for one that is simply known."""
        match fact.state:
            case FactState.DENIED if fact.reason == ASSURANCE_TOO_LOW:
                return DENIED_TOO_WEAK
            case FactState.DENIED:
                return DENIED_BY_YOU if fact.reason in BARS else DENIED
            case FactState.UNAVAILABLE:
                return UNAVAILABLE.filled(agency=self._catalogue.agency_title(fact.source))
            case FactState.STALE:
                return STALE
            case FactState.FRESH:
                return None

    def _cell(self, column: Column, record: Mapping[str, Any]) -> Cell:
        if column.as_ == "title":
            return Cell.of(Text(th=record.get("title_th") or "–", en=record.get("title_en") or "–"))
        value = record.get(column.column)
        if value is None or value in ("", []):
            return Cell.of(_UNREADABLE if record.get("unreadable") else _NOTHING)
        if isinstance(value, Mapping) and value.get("unreadable"):
            return Cell.of(_UNREADABLE)
        form = self._forms.get(column.as_)
        return form(value) if form is not None else Cell.of(_code(column.as_, str(value)))

    def _value(self, attribute: Attribute, fact: Fact) -> Text:
        match fact.value:
            case None:
                return _NONE
            case bool() as yes:
                return _YES if yes else _NO
            case Money() as money:
                return _BAHT.filled(amount=str(money))
            case date() as day:
                said = day_in_words(day, fact.precision)
                return Text(th=said, en=said)
            case Mapping() as parts if "given_th" in parts:
                return full_name(parts)
            case Mapping() as parts:
                return Text(th=parts["text_th"], en=parts["text_en"] or parts["text_th"])
            case int() as number:
                area = attribute.about.unit == "square_centimetre"
                amount = f"{number / SQUARE_METRE:,.2f}" if area else f"{number:,}"
                return _COUNTED.get(attribute.about.unit, Text(th="{amount}", en="{amount}")).filled(amount=amount)
            case other:
                return _code("fact", str(other))

    def _title(self, name: str) -> Text:
        return _plain(self._catalogue.title(name))

    def _titles(self, names: Sequence[str]) -> Cell:
        return Cell.of(
            Text(
                th=" · ".join(self._title(one).th for one in names), en=" · ".join(self._title(one).en for one in names)
            )
        )

    def _purpose(self, name: str) -> Cell:
        found = self._catalogue.purposes.get(name)
        return Cell.of(found.purpose.text) if found is not None else Cell(name)


def day_in_words(day: date, precision: Precision = Precision.DAY) -> str:
    """`16 พฤศจิกายน 2569`, no further than what is known."""
    known = [str(day.day), _MONTHS[day.month - 1], str(be_year(day))]
    return " ".join(known[{Precision.DAY: 0, Precision.MONTH: 1, Precision.YEAR: 2}[precision] :])


def time_in_words(at: datetime) -> str:
    """`16 พฤศจิกายน 2569 10.00 น.`, in Bangkok."""
    return f"{day_in_words(bangkok_day(at))} {at.astimezone(BANGKOK):%H.%M} น."


def _code(kind: str, value: str) -> Text:
    """The words for a code; the code itself where a room has a newer one than this file."""
    words = reading().codes.get(kind, {}).get(value)
    return Text(th=words.th, en=words.en) if words is not None else Text(th=value, en=value)


def _plain(title: Text) -> Text:
    """Without what stands in brackets: the codes and units, which a value in words does not need."""
    return Text(th=title.th.partition(" (")[0], en=title.en.partition(" (")[0].partition(", in s")[0])


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
