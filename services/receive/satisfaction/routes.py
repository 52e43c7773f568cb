"""`/open/satisfaction`: how satisfied people are with what they are paid, for everybody, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from core.text import Text
from services.receive.satisfaction.figures import GOAL_BASIS_POINTS, NOT_SAID, Month, Published, goal_of
from services.receive.satisfaction.provinces import provinces
from services.receive.satisfaction.suppression import SMALL, Counts

PATH: Final = "/open/satisfaction"
TOTAL: Final = "*"
_KEPT: Final = {"cache-control": "public, max-age=3600", "access-control-allow-origin": "*"}
_NOTE: Final = Text(
    th="นับผู้ที่ให้คะแนน 4 หรือ 5 จากคะแนน 1 ถึง 5 รายการที่ไม่แสดงมีตัวเลข 1 ถึง 9 หรือทำให้คำนวณตัวเลขเช่นนั้นย้อนกลับได้ "
    "low และ high คือช่วงที่สัดส่วนอาจคลาดเคลื่อนเพราะความบังเอิญ (Wilson ร้อยละ 95) ถือว่าถึงหรือไม่ถึงเป้าหมายเมื่อทั้งช่วงอยู่ด้านเดียวกัน "
    "ตัวเลขนี้ไม่รวมผู้ที่ไม่ได้ให้คะแนน",
    en="Satisfied is who gave 4 or 5 of 5. What is left out has a figure between 1 and 9, or would let such a figure "
    "be worked out. `low` and `high`: between which shares chance alone would move it (Wilson, 95 %); the goal is "
    "REACHED or MISSED where both are on one side of it. It says nothing of those who did not rate.",
)
_UNSAID: Final = Text(th="ไม่ระบุจังหวัด", en="province not said")


def satisfaction_router(published: Published, titles: Callable[[str], Text]) -> APIRouter:
    """`titles` knows what a subject (`programme:<slug>`) is called."""
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    async def as_json() -> JSONResponse:
        content = {
            "goal": GOAL_BASIS_POINTS,
            "smallFiguresUnder": SMALL,
            "note": _both(_NOTE),
            "months": [_month(one, titles) for one in await published.months()],
        }
        return JSONResponse(content, headers=_KEPT)

    @router.get(f"{PATH}.csv")
    async def as_csv() -> Response:
        content = _csv(await published.months())
        return Response(content, media_type="text/csv; charset=utf-8; header=present", headers=_KEPT)

    return router


def name_of(province: str) -> Text:
    return _UNSAID if province == NOT_SAID else provinces()[province]


def _month(month: Month, titles: Callable[[str], Text]) -> dict[str, Any]:
    programmes = [
        {
            "subject": subject,
            "title": _both(titles(subject)),
            **_figures(counts),
            "provinces": [
                {"code": code or None, "name": _both(name_of(code)), **_figures(cell)}
                for code, cell in month.provinces[subject].cells.items()
            ],
            "provincesLeftOut": len(month.provinces[subject].left_out),
        }
        for subject, counts in month.programmes.cells.items()
    ]
    return {
        "month": month.name,
        "programmes": programmes,
        "programmesLeftOut": len(month.programmes.left_out),
        "total": None if month.programmes.total is None else _figures(month.programmes.total),
    }


def _figures(counts: Counts) -> dict[str, int | str | None]:
    low, high = counts.interval or (None, None)
    return {
        "ratings": counts.ratings,
        "satisfied": counts.satisfied,
        "basisPoints": counts.basis_points,
        "low": low,
        "high": high,
        "goal": goal_of(counts).value,
    }


def _csv(found: Sequence[Month]) -> str:
    """After RFC 4180. `*` stands for all programmes, and for all provinces; what is left out has no line."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("month", "subject", "province", "ratings", "satisfied", "basis_points", "low", "high", "goal"))
    for month in found:
        writer.writerows((month.name, *line) for line in _lines(month))
    return out.getvalue()


def _lines(month: Month) -> Iterator[tuple[str | int | None, ...]]:
    def line(subject: str, province: str, counts: Counts) -> tuple[str | int | None, ...]:
        return subject, province, *_figures(counts).values()

    for subject, counts in month.programmes.cells.items():
        for code, cell in month.provinces[subject].cells.items():
            yield line(subject, code, cell)
        yield line(subject, TOTAL, counts)
    if month.programmes.total is not None:
        yield line(TOTAL, TOTAL, month.programmes.total)


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
