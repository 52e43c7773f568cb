"""`/agency/v1/services/{slug}/usage`: how far clients are in leaving what a service deprecated, without their names.

Added to the registry's routes, so that it stands in their description.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field

from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from services.exchange.rest.auth import AgencyDoor, Caller
from services.exchange.rest.schemas import ErrorAnswer, Shape
from services.plugins.notices.history import standing_notices
from services.plugins.notices.uses import CLIENTS_MIN, uses_of_service
from services.plugins.plugin import Plugin

PATH: Final = "/{slug}/usage"
DAYS: Final = 90


class ReasonTold(Shape):
    th: str | None = None
    """Missing where the service wrote one text for all."""
    en: str


class NameUsed(Shape):
    """A name that is deprecated. How many used it, and how often, is told from `clientsUnder` clients on that asked
    with a token and are not the agency's own, which are left out."""

    coordinate: str
    since: date
    sunset: date
    reason: ReasonTold
    uses: int | None
    clients: int | None
    """Whoever asks without a token counts as one."""
    last_day: date | None = Field(alias="lastDay")


class UsageTold(Shape):
    days: int
    clients_under: int = Field(alias="clientsUnder")
    deprecated: list[NameUsed]


_FAULTS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorAnswer, "description": "No token, or not a good one; `WWW-Authenticate` says more."},
    403: {"model": ErrorAnswer, "description": "The token lacks the scope."},
    404: {"model": ErrorAnswer, "description": "The agency has no such service."},
    429: {"model": ErrorAnswer, "description": "Too many requests; see `Retry-After`."},
    503: {"model": ErrorAnswer, "description": "Try again in a moment."},
}


def usage_routes(
    door: AgencyDoor, db: Database, clock: Clock, plugins: Callable[[], Iterable[Plugin]]
) -> Callable[[APIRouter], None]:
    """Adds the route to a router whose prefix is that of the registry. `plugins` are those of this process's graph."""

    def add(router: APIRouter) -> None:
        @router.get(
            PATH,
            summary="How many clients still use what the service deprecated",
            operation_id="usage",
            responses={**_FAULTS, 200: {"model": UsageTold}},
        )
        async def usage(slug: str, caller: Caller = Depends(door.caller)) -> JSONResponse:
            if not any(one.slug == slug and one.manifest.agency.slug == caller.agency for one in plugins()):
                raise NotFound
            async with db.read() as session:
                notices = (await standing_notices(session, slug)).get(slug, {})
                since = clock.today() - timedelta(days=DAYS - 1)  # today is one of them
                uses = await uses_of_service(session, slug, notices, since, agency=caller.agency)
            told = [
                notices[use.coordinate].as_json()
                | {
                    "uses": use.uses,
                    "clients": use.clients,
                    "lastDay": None if use.last_day is None else use.last_day.isoformat(),
                }
                for use in uses
            ]
            body = {"days": DAYS, "clientsUnder": CLIENTS_MIN, "deprecated": told}
            return JSONResponse(body, headers=caller.headers)

    return add
