"""The copy of their data that a person can read, as a PDF with tagged Thai text (typst breaks Thai lines rightly)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

from core.errors import ServiceUnavailable
from core.paper import font_families, printed
from core.text import Text
from services.exchange.facts import Fact
from services.exchange.privacy.reading import Cell, Reader, time_in_words

RECORDS_MAX: Final = 100
"""Of each kind: the file to read shows the first of them, the one for machines all."""

_TYPST: Final = Text(th="ระบบจัดทำเอกสาร (ไม่มีแบบอักษรไทย)", en="The maker of documents (there is no Thai font)")
TITLE: Final = Text(th="สำเนาข้อมูลส่วนบุคคลของท่าน", en="A copy of your personal data")
INTRO: Final = Text(
    th="เอกสารนี้จัดทำตามมาตรา 30 และ 31 แห่งพระราชบัญญัติคุ้มครองข้อมูลส่วนบุคคล พ.ศ. 2562 แสดงข้อมูลทุกหมวดที่ระบบมีเกี่ยวกับท่าน "
    "ไฟล์ JSON ที่มาพร้อมกันมีรายการครบทุกรายการ และลายมือชื่อของทั้งสองไฟล์อยู่ในไฟล์ JWS",
    en="Made under sections 30 and 31 of the Personal Data Protection Act 2562. It shows every kind of data held about "
    "you; the JSON file beside it holds every single record, and the JWS file the signature over both.",
)
NOTHING: Final = "ไม่มีข้อมูล · nothing is held"
ONLY_TECHNICAL: Final = (
    "มีเพียงรายการทางเทคนิค {count} รายการ อยู่ในไฟล์ JSON · only {count} technical records, in the JSON file"
)
TECHNICAL: Final = "รายการทางเทคนิค {count} รายการอยู่ในไฟล์ JSON · {count} technical records are in the JSON file"
FACT_COLUMNS: Final = (Cell("ข้อมูล", "What"), Cell("ค่า", "Value"), Cell("จากหน่วยงาน", "From"), Cell("ณ วันที่", "As of"))
MORE: Final = "อีก {count} รายการอยู่ในไฟล์ JSON · {count} more are in the JSON file"


async def rendered(sections: Sequence[Mapping[str, Any]], *, issuer: str, made_at: datetime, request: str) -> bytes:
    """A PDF/A-2a. Raises :class:`ServiceUnavailable` on a machine without a Thai font."""
    fonts = font_families()
    if not fonts:
        raise ServiceUnavailable(_TYPST)
    data = {
        "title": _both(TITLE),
        "intro": _both(INTRO),
        "issuer": issuer,
        "fonts": list(fonts),
        "footer": f"{issuer} · {time_in_words(made_at)} · {request[-8:]}",
        "sections": list(sections),
    }
    source = (files(__package__) / "data" / "export.typ").read_bytes()
    return await printed(source, data, made_at, standard="a-2a")


class Section:
    """A store's part of the document: a short table for each kind of record that says something to a person."""

    def __init__(self, title: Text, reader: Reader, note: Text | None = None) -> None:
        self._title, self._reader, self._note = title, reader, note
        self._rows: dict[str, list[list[Cell]]] = {}
        self._facts: list[list[Cell]] = []
        self._more = self._technical = 0

    def add(self, table: str, record: Mapping[str, Any]) -> None:
        if not self._reader.shows(table):
            self._technical += 1
            return
        rows = self._rows.setdefault(table, [])
        if len(rows) >= RECORDS_MAX:
            self._more += 1
            return
        rows.append(self._reader.row(table, record))

    def add_fact(self, fact: Fact) -> None:
        self._facts.append(self._reader.fact(fact))

    @property
    def is_empty(self) -> bool:
        return not (self._rows or self._facts)

    def written(self) -> dict[str, Any]:
        tables = [
            _table([Cell(one.th, one.en) for one in self._reader.shows(name)], rows)
            for name, rows in self._rows.items()
        ]
        if self._facts:
            tables.insert(0, _table(FACT_COLUMNS, self._facts))
        return {
            "title": _both(self._title),
            "note": _both(self._note) if self._note is not None and not self.is_empty else None,
            "tables": tables,
            "nothing": NOTHING if not self._technical else ONLY_TECHNICAL.format(count=self._technical),
            "more": MORE.format(count=self._more) if self._more else "",
            "technical": TECHNICAL.format(count=self._technical) if self._technical else "",
        }


def _table(columns: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    return {
        "columns": [one.written() for one in columns],
        "rows": [[cell.written() for cell in row] for row in rows],
    }


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
