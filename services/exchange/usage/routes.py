"""`/open/exchange/statistics`: how much each agency asked, month by month, for everybody, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from core.clock import Clock
from core.database import Database
from core.text import Text
from services.exchange.usage.repository import Usage
from services.exchange.usage.suppression import SMALL, Published, Table, published

PATH: Final = "/open/exchange/statistics"
MONTHS_MAX: Final = 60
SETTLES: Final = timedelta(days=1)
"""A month is told of from the second day of the next, when no request that began in it is under way any more. What was
published once stays as it is: two versions of a month would tell by their difference."""
TOTAL: Final = "*"
FIGURES: Final = ("requests", "people", "told", "denied", "unavailable")
_KEPT: Final = {"cache-control": "public, max-age=3600"}
_TOLD: Final = Text(
    th="ช่องว่างคือตัวเลข 1 ถึง 9 หรือตัวเลขที่ทำให้คำนวณตัวเลขเช่นนั้นย้อนกลับได้ รวมทั้งผลรวม บุคคลหนึ่งนับทุกครั้งที่มีคำขอถึง",
    en="A figure that is missing is between 1 and 9, or would let such a figure be worked out, as a total does. A "
    "person counts once for each request about them.",
)


@dataclass(frozen=True, slots=True)
class Month:
    first: date
    table: Table

    @property
    def name(self) -> str:
        """ISO 8601, `2026-10`."""
        return f"{self.first:%Y-%m}"


async def months(db: Database, clock: Clock) -> Sequence[Month]:
    """The months that are over, the latest first; those in which nobody asked are there too."""
    until = (clock.today() - SETTLES).replace(day=1)
    found: list[Month] = []
    async with db.read() as session:
        usage = Usage(session)
        begins = await usage.first_day()
        while begins is not None and until > begins and len(found) < MONTHS_MAX:
            last = until - timedelta(days=1)
            until = last.replace(day=1)
            found.append(Month(until, published(await usage.sums(until, last))))
    return found


def statistics_router(db: Database, clock: Clock, titles: Callable[[str], Text]) -> APIRouter:
    """`titles` knows an agency's name by its slug."""
    router = APIRouter()

    @router.get(PATH)
    async def as_json() -> JSONResponse:
        told = [_month(one, titles) for one in await months(db, clock)]
        body = {"smallFiguresUnder": SMALL, "note": {"th": _TOLD.th, "en": _TOLD.en}, "months": told}
        return JSONResponse(body, headers=_KEPT)

    @router.get(f"{PATH}.csv")
    async def as_csv() -> Response:
        content = _csv(await months(db, clock), titles)
        return Response(content, media_type="text/csv; charset=utf-8; header=present", headers=_KEPT)

    return router


def _month(month: Month, titles: Callable[[str], Text]) -> dict[str, Any]:
    return {
        "month": month.name,
        "agencies": [
            {"agency": {"slug": slug, "title": {"th": titles(slug).th, "en": titles(slug).en}}, **asdict(row)}
            for slug, row in month.table.rows.items()
        ],
        "total": asdict(month.table.total),
    }


def _csv(found: Sequence[Month], titles: Callable[[str], Text]) -> str:
    """After RFC 4180. The total of a month stands under the agency `*`; a figure that is left out is empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("month", "agency", "title_th", "title_en", *FIGURES))
    for month in found:
        for slug, row in month.table.rows.items():
            writer.writerow((month.name, slug, titles(slug).th, titles(slug).en, *_figures(row)))
        writer.writerow((month.name, TOTAL, "", "", *_figures(month.table.total)))
    return out.getvalue()


def _figures(row: Published) -> list[int | None]:
    return [getattr(row, name) for name in FIGURES]
