"""`/open/exchange/questions`: how many questions nobody had to ask, by service and month, for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import reduce
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from core.clock import Clock
from core.database import Database
from core.text import Text
from services.exchange.once_only.counting import Sums, sums

PATH: Final = "/open/exchange/questions"
SMALL: Final = 10
"""A service with fewer applications in a month is left out: whoever knows an applicant would learn from it."""
SETTLES: Final = timedelta(days=1)
"""A month is told of from the second day of the next, when nothing that began in it is under way any more."""
_NOTE: Final = Text(
    th="ไม่แสดงบริการที่มีคำขอน้อยกว่า 10 คำขอในเดือนนั้น ยอดรวมเป็นของบริการที่แสดงเท่านั้น",
    en="A service with fewer than 10 applications in a month is left out. A total is that of the services shown.",
)


def questions_router(db: Database, clock: Clock) -> APIRouter:
    router = APIRouter()

    @router.get(PATH)
    async def questions() -> JSONResponse:
        async with db.read() as session:
            found = await sums(session, clock.today() - SETTLES)
        months = {f"{month:%Y-%m}": shown(services) for month, services in found.items()}
        every = [one for services in months.values() for one in services.values()]
        body = {
            "smallFiguresUnder": SMALL,
            "note": {"th": _NOTE.th, "en": _NOTE.en},
            "months": [_month(name, services) for name, services in months.items()],
            "total": _figures(_sum(every)),
        }
        return JSONResponse(body, headers={"cache-control": "public, max-age=3600"})

    return router


def shown(services: Mapping[str, Sums]) -> Mapping[str, Sums]:
    """Those that may be published. Nothing is published that holds the others, so nothing can be worked out."""
    return {service: found for service, found in services.items() if found.applications >= SMALL}


def _month(name: str, services: Mapping[str, Sums]) -> dict[str, Any]:
    told = [{"service": service, **_figures(found)} for service, found in sorted(services.items())]
    return {"month": name, "services": told, "total": _figures(_sum(list(services.values())))}


def _sum(every: list[Sums]) -> Sums:
    return reduce(Sums.__add__, every, Sums(0, 0, 0))


def _figures(found: Sums) -> dict[str, int]:
    return {"applications": found.applications, "questionsNotAsked": found.filled, "questionsAsked": found.asked}
