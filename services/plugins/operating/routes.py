"""`/agency/v1/services/{slug}/maintenance`: an agency announces when its service will not answer.

Added to the registry's routes, so that they stand in its description.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field

from core.errors import NotFound
from core.text import Text
from services.exchange.rest.auth import AgencyDoor, Caller
from services.exchange.rest.openapi import body_of
from services.exchange.rest.requests import Agent, Strict
from services.exchange.rest.requests import read as read_body
from services.exchange.rest.schemas import ErrorAnswer, Shape, Words
from services.plugins.operating.maintenance import Acting, MaintenanceDesk
from services.plugins.operating.models import ServiceMaintenance

PATH: Final = "/{slug}/maintenance"
OPERATIONS_MAX: Final = 100


class WordsGiven(Strict):
    """Why, for citizens, in both languages."""

    th: Annotated[str, Field(min_length=1, max_length=600)]
    en: Annotated[str, Field(min_length=1, max_length=600)]


class AnnounceRequest(Strict):
    """When the service, or some of its operations, will not answer."""

    agent: Agent
    begins_at: AwareDatetime = Field(alias="from")
    """With a zone; whole seconds count. At most 180 days ahead."""
    ends_at: AwareDatetime = Field(alias="until")
    """At most 7 days later. From this very second on it is asked again."""
    texts: WordsGiven
    operations: Annotated[list[str], Field(min_length=1, max_length=OPERATIONS_MAX)] | None = None
    """Without it, all."""


class CancelRequest(Strict):
    """Who acts."""

    agent: Agent


class MaintenanceTold(Shape):
    id: str
    service: str
    begins_at: AwareDatetime = Field(alias="from")
    ends_at: AwareDatetime = Field(alias="until")
    texts: Words
    operations: list[str]
    """None: all."""
    announced_by: str = Field(alias="announcedBy")
    announced_at: AwareDatetime = Field(alias="announcedAt")
    cancelled_at: AwareDatetime | None = Field(alias="cancelledAt")


class MaintenancesTold(Shape):
    maintenance: list[MaintenanceTold]
    """Those that are on or to come, the next one first."""


BODIES: Final = (AnnounceRequest, CancelRequest)
_FAULTS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorAnswer, "description": "No token, or not a good one; `WWW-Authenticate` says more."},
    403: {"model": ErrorAnswer, "description": "The token lacks the scope, or the officer is not the agency's."},
    404: {"model": ErrorAnswer, "description": "The agency has no such service, or the service no such window."},
    429: {"model": ErrorAnswer, "description": "Too many requests; see `Retry-After`."},
    503: {"model": ErrorAnswer, "description": "Try again in a moment."},
}
_OF_AN_ACT: Final[dict[int | str, dict[str, Any]]] = {
    **_FAULTS,
    400: {"model": ErrorAnswer, "description": "The body is not of the form it must have."},
    409: {"model": ErrorAnswer, "description": "`MAINTENANCE_OVERLAPS` or `MAINTENANCE_OVER`."},
    413: {"model": ErrorAnswer, "description": "The body is too long."},
    415: {"model": ErrorAnswer, "description": "The body is not `application/json`."},
}


class Agents(Protocol):
    async def actor(self, caller: Caller, agent: Agent) -> Acting:
        """Raises `AgentUnknown` for an officer who is not the agency's."""
        ...


def maintenance_routes(door: AgencyDoor, desk: MaintenanceDesk, agents: Agents) -> Callable[[APIRouter], None]:
    """Adds the routes to a router whose prefix is that of the registry."""

    def add(router: APIRouter) -> None:
        @router.get(
            PATH,
            summary="Maintenance that is announced",
            operation_id="maintenance",
            responses={**_FAULTS, 200: {"model": MaintenancesTold}},
        )
        async def listed(slug: str, caller: Caller = Depends(door.caller)) -> JSONResponse:
            rows = await desk.listed(caller.agency, slug)
            return JSONResponse({"maintenance": [told(row) for row in rows]}, headers=caller.headers)

        @router.post(
            PATH,
            summary="Announce maintenance; the same again changes nothing",
            operation_id="announceMaintenance",
            responses={
                **_OF_AN_ACT,
                200: {"model": MaintenanceTold, "description": "It is announced already."},
                201: {"model": MaintenanceTold, "description": "Every server knows it within a second."},
                422: {"model": ErrorAnswer, "description": "`MAINTENANCE_REFUSED`: too long, too late, unknown words."},
            },
            openapi_extra=body_of(AnnounceRequest),
        )
        async def announce(slug: str, request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
            given = await read_body(request, AnnounceRequest)
            actor = await agents.actor(caller, given.agent)
            words = Text(th=given.texts.th, en=given.texts.en)
            row, made = await desk.announce(actor, slug, given.begins_at, given.ends_at, words, given.operations or ())
            return JSONResponse(told(row), 201 if made else 200, headers=caller.headers)

        @router.post(
            f"{PATH}/{{window}}/cancel",
            summary="Take a window back; one that is on ends at once",
            operation_id="cancelMaintenance",
            responses={**_OF_AN_ACT, 200: {"model": MaintenanceTold}},
            openapi_extra=body_of(CancelRequest),
        )
        async def cancel(
            slug: str, window: str, request: Request, caller: Caller = Depends(door.caller)
        ) -> JSONResponse:
            given = await read_body(request, CancelRequest)
            actor = await agents.actor(caller, given.agent)
            return JSONResponse(told(await desk.cancel(actor, slug, _id(window))), headers=caller.headers)

    return add


def told(row: ServiceMaintenance) -> dict[str, Any]:
    return {
        "id": row.id.hex,
        "service": row.slug,
        "from": row.begins_at.isoformat(),
        "until": row.ends_at.isoformat(),
        "texts": {"th": row.text_th, "en": row.text_en},
        "operations": row.operations,
        "announcedBy": row.announced_by,
        "announcedAt": row.announced_at.isoformat(),
        "cancelledAt": None if row.cancelled_at is None else row.cancelled_at.isoformat(),
    }


def _id(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None
