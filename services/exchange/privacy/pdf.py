"""The copy of their data that a person can read, as a PDF with tagged Thai text (typst breaks Thai lines rightly)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson

from core.clock import BANGKOK
from core.errors import ServiceUnavailable
from core.text import Text

FONTS: Final = Path(__file__).parents[3] / "web" / "vendor"
"""Where set-up puts Sarabun (web/ide.json)."""
THAI_FAMILIES: Final = ("Sarabun", "TH Sarabun New", "Laksaman", "Noto Sans Thai", "Garuda", "Loma", "Waree")
"""The first of them that is there is used: Sarabun is the font of the state's documents."""
RECORDS_MAX: Final = 200
"""Of each store: the file to read shows the newest, the one for machines all of them."""
LINES_MAX: Final = 40
TEXT_MAX: Final = 600

_TYPST: Final = Text(th="ระบบจัดทำเอกสาร (ไม่มีแบบอักษรไทย)", en="The maker of documents (there is no Thai font)")
TITLE: Final = Text(th="สำเนาข้อมูลส่วนบุคคลของท่าน", en="A copy of your personal data")
INTRO: Final = Text(
    th="เอกสารนี้จัดทำตามมาตรา 30 และ 31 แห่งพระราชบัญญัติคุ้มครองข้อมูลส่วนบุคคล พ.ศ. 2562 แสดงข้อมูลทุกหมวดที่ระบบมีเกี่ยวกับท่าน "
    "ไฟล์ JSON ที่มาพร้อมกันมีรายการครบทุกรายการ และลายมือชื่อของทั้งสองไฟล์อยู่ในไฟล์ JWS",
    en="Made under sections 30 and 31 of the Personal Data Protection Act 2562. It shows every kind of data held about "
    "you; the JSON file beside it holds every single record, and the JWS file the signature over both.",
)
NOTHING: Final = "ไม่มีข้อมูล · nothing is held"
MORE: Final = "อีก {count} รายการอยู่ในไฟล์ JSON · {count} more are in the JSON file"


@cache
def font_families() -> tuple[str, ...]:
    """Thai fonts that are there, the best first; empty when a PDF would show boxes."""
    import typst  # noqa: PLC0415 - a large library, needed by one job

    found = set(typst.Fonts(font_paths=_paths()).families())
    return tuple(name for name in THAI_FAMILIES if name in found)


async def rendered(sections: Sequence[Mapping[str, Any]], *, issuer: str, made_at: datetime, request: str) -> bytes:
    """A PDF/A-2a. Raises :class:`ServiceUnavailable` on a machine without a Thai font."""
    fonts = font_families()
    if not fonts:
        raise ServiceUnavailable(_TYPST)
    day = made_at.astimezone(BANGKOK)
    data = {
        "title": _both(TITLE),
        "intro": _both(INTRO),
        "issuer": issuer,
        "fonts": list(fonts),
        "footer": f"{issuer} · {request} · {day:%d/%m}/{day.year + 543} {day:%H:%M}",
        "sections": list(sections),
    }
    return await asyncio.to_thread(_compile, orjson.dumps(data).decode(), made_at)


class Section:
    """A store's part of the document: as many records as fit, each as lines of text."""

    def __init__(self, title: Text, note: str = "") -> None:
        self._title, self._note, self._records, self._count = title, note, list[list[list[str]]](), 0

    def add(self, table: str, record: Mapping[str, Any]) -> None:
        self._count += 1
        if len(self._records) < RECORDS_MAX:
            lines = [["", table], *([label, said] for label, said in _lines(record))]
            if len(lines) > LINES_MAX:
                lines = [*lines[:LINES_MAX], ["", "…"]]
            self._records.append(lines)

    def written(self) -> dict[str, Any]:
        more = self._count - len(self._records)
        return {
            "title": _both(self._title),
            "note": self._note,
            "records": self._records,
            "nothing": NOTHING,
            "more": MORE.format(count=more) if more else "",
        }


def _lines(value: Any, label: str = "") -> list[tuple[str, str]]:
    """A record, flattened to label and text."""
    if isinstance(value, Mapping):
        return [
            line for name, inner in value.items() for line in _lines(inner, f"{label}.{name}" if label else str(name))
        ]
    if isinstance(value, list | tuple):
        if all(not isinstance(one, Mapping | list | tuple) for one in value):
            return [(label, _said(", ".join(_word(one) for one in value)))]
        return [line for n, one in enumerate(value, 1) for line in _lines(one, f"{label}.{n}")]
    return [(label, _said(_word(value)))]


def _word(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return str(value)


def _said(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}


def _paths() -> list[Path]:
    return [FONTS] if FONTS.is_dir() else []


def _compile(data: str, made_at: datetime) -> bytes:
    import typst  # noqa: PLC0415

    source = (files(__package__) / "data" / "export.typ").read_bytes()
    made = typst.compile(
        source,
        format="pdf",
        font_paths=typst.Fonts(font_paths=_paths()),
        sys_inputs={"data": data},
        pdf_standards="a-2a",
        timestamp=int(made_at.timestamp()),
    )
    assert isinstance(made, bytes), "one document"
    return made
