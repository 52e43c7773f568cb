"""`/agency/v1/services`: an agency's system registers its services, follows their checks, and publishes them.

The agency is the one whose client asks; another's service is as unknown as one that never was. The page for developers
is docs/services-registry.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse

from core.database import Database
from core.errors import BadInput
from core.text import Text
from identity.officers.register import OfficerRegister
from services.exchange.rest.auth import INGEST_SCOPE, AgencyDoor, Caller
from services.exchange.rest.errors import AgentUnknown
from services.exchange.rest.openapi import body_of, document_of
from services.exchange.rest.requests import Agent, AgentKind, Strict
from services.exchange.rest.requests import read as read_body
from services.exchange.rest.schemas import ErrorAnswer
from services.plugins.registry.desk import EVENTS, ServiceDesk
from services.plugins.registry.documents import Documents, read_remote_manifest
from services.plugins.registry.lifecycle import Actor
from services.plugins.registry.models import ServiceVersion
from services.plugins.registry.repository import Name
from services.plugins.registry.schemas import (
    ActRequest,
    EventsAnswer,
    ReasonRequest,
    ReportAnswer,
    RollBackRequest,
    SendRequest,
    ServicesAnswer,
    ServiceTold,
    VersionTold,
    VersionWhole,
    event_told,
    report_told,
    service_told,
    version_told,
    version_whole,
)
from services.plugins.registry.states import State
from services.plugins.strict_json import read_json

PREFIX: Final = "/agency/v1/services"
OPEN_PREFIX: Final = "/open/services"
BODIES: Final = (SendRequest, ActRequest, ReasonRequest, RollBackRequest)
_NOT_PLAIN: Final = Text(th="body: ไม่ใช่ JSON ที่ใช้ได้", en="body: not plain JSON")
_OTHER_ADDRESS: Final = Text(
    th="manifest.json ระบุบริการหรือเวอร์ชันอื่น", en="manifest.json is of another service or version than the address"
)
_DESCRIPTION: Final = (
    "Agencies register their services: a version is sent, checked against the agency's endpoint, reviewed where it "
    "touches what is sensitive, and published to every server within a second. docs/services-registry.md explains it."
)
_Responses: TypeAlias = Mapping[int | str, dict[str, Any]]
_FAULTS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorAnswer, "description": "No token, or not a good one; `WWW-Authenticate` says more."},
    403: {"model": ErrorAnswer, "description": "The token lacks the scope, or the officer is not the agency's."},
    404: {"model": ErrorAnswer, "description": "The agency has no such service or version."},
    429: {"model": ErrorAnswer, "description": "Too many requests; see `Retry-After`."},
    503: {"model": ErrorAnswer, "description": "Try again in a moment."},
}
_OF_AN_ACT: Final[dict[int | str, dict[str, Any]]] = {
    **_FAULTS,
    400: {"model": ErrorAnswer, "description": "The body is not of the form it must have."},
    409: {
        "model": ErrorAnswer,
        "description": "Not in this state, or something changed meanwhile; the code says what.",
    },
    429: {
        "model": ErrorAnswer,
        "description": "Too many requests, or acts of this kind in an hour; see `Retry-After`.",
    },
    413: {"model": ErrorAnswer, "description": "The body is too long."},
    415: {"model": ErrorAnswer, "description": "The body is not `application/json`."},
    422: {"model": ErrorAnswer, "description": "`PLUGIN_REFUSED` or `MANIFEST_INVALID`, with `faults`."},
}
_ASKED: Final[_Responses] = {400: {"model": ErrorAnswer, "description": "No such `after` or `first` can be."}}
Body = TypeVar("Body", bound=ActRequest)
EVENTS_MAX: Final = 500
After = Annotated[UUID | None, Query(description="The page before: the id that its `next` names.")]
First = Annotated[int, Query(ge=1, le=EVENTS_MAX, description="How many.")]


class ServiceAgents:
    """Who may be named as acting for an agency: its officers in service, and its systems by whatever name."""

    def __init__(self, db: Database, officers: OfficerRegister) -> None:
        self._db, self._officers = db, officers

    async def actor(self, caller: Caller, agent: Agent) -> Actor:
        """Raises :class:`AgentUnknown` for an officer who is not theirs."""
        if agent.kind is AgentKind.SYSTEM:
            return Actor(caller.agency, f"{caller.client}:{agent.id}", caller.client)
        assert agent.officer is not None, "the request was read"
        async with self._db.read() as session:
            officer = await self._officers.find(session, agent.officer)
        if officer is None or officer.agency != caller.agency:
            raise AgentUnknown
        return Actor(caller.agency, officer.person.hex, caller.client)


def services_router(
    door: AgencyDoor,
    desk: ServiceDesk,
    agents: ServiceAgents,
    issuer: str,
    *,
    more: Sequence[Callable[[APIRouter], None]] = (),
    bodies: Sequence[type[Strict]] = (),
) -> APIRouter:
    """To be included without a prefix. `issuer` is our own address; `more` add routes that read `bodies`."""
    router = APIRouter(prefix=PREFIX)
    _add_sending(router, door, desk, agents)
    _add_looks(router, door, desk)
    _add_acts(router, door, desk, agents)
    for add in more:
        add(router)

    @cache  # made for whoever asks first: it takes longer than all the rest of the start
    def described() -> dict[str, Any]:
        return document_of(
            router.routes,
            issuer,
            title="Sitthi for agencies: services",
            description=_DESCRIPTION,
            bodies=(*BODIES, *bodies),
            scope=("agency.services", "register and serve the agency's services"),
            other_scopes={INGEST_SCOPE: "send records to the agency's services"},
        )

    outer = APIRouter()

    @outer.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(described(), headers={"cache-control": "public, max-age=300"})

    outer.include_router(router)
    return outer


def open_services_router() -> APIRouter:
    """`/open/services/…`: where reports were before there was one address for those of all plugins."""
    router = APIRouter(prefix=OPEN_PREFIX)

    @router.get("/{slug}/versions/{version}/report")
    async def report(slug: str, version: str) -> RedirectResponse:
        elsewhere = f"/services/{quote(slug, safe='')}/{quote(version, safe='')}/conformance"
        return RedirectResponse(elsewhere, 308, headers={"cache-control": "public, max-age=86400"})

    return router


def _add_sending(router: APIRouter, door: AgencyDoor, desk: ServiceDesk, agents: ServiceAgents) -> None:
    async def send(request: Request, caller: Caller, name: Name | None, version: str | None) -> JSONResponse:
        given = await _read(request, SendRequest)
        documents = Documents(given.files)
        manifest = read_remote_manifest(documents)
        if name is not None and (manifest.slug, manifest.version) != (name.slug, version):
            raise BadInput(_OTHER_ADDRESS, path=("files", "manifest.json"))
        row, made = await desk.register(await agents.actor(caller, given.agent), documents)
        headers = {**caller.headers, "location": f"{PREFIX}/{row.slug}/versions/{row.version}"}
        return JSONResponse(version_told(row), 201 if made else 200, headers=headers)

    responses: dict[int | str, dict[str, Any]] = {
        **_OF_AN_ACT,
        200: {"model": VersionTold, "description": "It was sent before, with the same files."},
        201: {"model": VersionTold, "description": "A draft, whose documents are in order."},
    }

    @router.post(
        "",
        summary="Send a version; its manifest says of which service",
        operation_id="sendVersion",
        responses=responses,
        openapi_extra=body_of(SendRequest),
    )
    async def post(request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        return await send(request, caller, None, None)

    @router.put(
        "/{slug}/versions/{version}",
        summary="Send a version to its own address",
        operation_id="putVersion",
        responses=responses,
        openapi_extra=body_of(SendRequest),
    )
    async def put(slug: str, version: str, request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        return await send(request, caller, Name(caller.agency, slug), version)


def _add_looks(router: APIRouter, door: AgencyDoor, desk: ServiceDesk) -> None:
    def look(
        path: str, operation: str, summary: str, model: type[Any], more: _Responses = MappingProxyType({})
    ) -> Callable[[Any], Any]:
        responses: dict[int | str, dict[str, Any]] = {**_FAULTS, **more, 200: {"model": model}}
        return router.get(path, summary=summary, operation_id=operation, responses=responses)

    @look("", "services", "The agency's services, with their versions", ServicesAnswer)
    async def listed(caller: Caller = Depends(door.caller)) -> JSONResponse:
        told = [service_told(one) for one in await desk.listed(caller.agency)]
        return JSONResponse({"services": told}, headers=caller.headers)

    @look("/{slug}", "service", "One service, with its versions", ServiceTold)
    async def one(slug: str, caller: Caller = Depends(door.caller)) -> JSONResponse:
        return JSONResponse(service_told(await desk.one(Name(caller.agency, slug))), headers=caller.headers)

    @look("/{slug}/events", "events", "What was done to a service, by whom and why: the latest", EventsAnswer, _ASKED)
    async def events(
        slug: str, after: After = None, first: First = EVENTS, caller: Caller = Depends(door.caller)
    ) -> JSONResponse:
        found = await desk.events(Name(caller.agency, slug), before=after, limit=first + 1)
        page, following = found[-first:], None
        if len(found) > first:
            asked = {"after": page[0].id.hex, **({} if first == EVENTS else {"first": first})}
            following = f"{PREFIX}/{quote(slug, safe='')}/events?{urlencode(asked)}"
        told = {"events": [event_told(one) for one in page], "next": following}
        return JSONResponse(told, headers=caller.headers)

    @look("/{slug}/versions/{version}", "version", "One version: files, faults, what a reviewer sees", VersionWhole)
    async def version(slug: str, version: str, caller: Caller = Depends(door.caller)) -> JSONResponse:
        shown = await desk.shown(Name(caller.agency, slug), version)
        return JSONResponse(version_whole(shown), headers=caller.headers)

    @look("/{slug}/versions/{version}/report", "report", "What came of the newest check, signed", ReportAnswer)
    async def report(slug: str, version: str, caller: Caller = Depends(door.caller)) -> JSONResponse:
        told = report_told(await desk.report(Name(caller.agency, slug), version))
        return JSONResponse(told, headers=caller.headers)


def _add_acts(router: APIRouter, door: AgencyDoor, desk: ServiceDesk, agents: ServiceAgents) -> None:
    async def done(request: Request, caller: Caller, model: type[Body], slug: str, do: Any) -> JSONResponse:
        given = await _read(request, model)
        row = await do(await agents.actor(caller, given.agent), Name(caller.agency, slug), given)
        goes_on = row.state == State.CHECKING
        headers = {**caller.headers, "location": f"{PREFIX}/{row.slug}/versions/{row.version}"}
        return JSONResponse(version_told(row), 202 if goes_on else 200, headers=headers)

    def of_version(act: str, summary: str, do: Callable[[Actor, Name, str], Awaitable[ServiceVersion]]) -> None:
        async def route(
            slug: str, version: str, request: Request, caller: Caller = Depends(door.caller)
        ) -> JSONResponse:
            return await done(request, caller, ActRequest, slug, lambda actor, name, _: do(actor, name, version))

        path = f"/{{slug}}/versions/{{version}}/{act}"
        _route(router, path, act, summary, ActRequest, route, goes_on=act in ("check", "submit"))

    def of_service(act: str, summary: str, do: Callable[[Actor, Name, str], Awaitable[ServiceVersion]]) -> None:
        async def route(slug: str, request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
            return await done(
                request, caller, ReasonRequest, slug, lambda actor, name, given: do(actor, name, given.reason)
            )

        _route(router, f"/{{slug}}/{act}", act, summary, ReasonRequest, route)

    of_version("check", "Have it checked against the agency's endpoint; then look at the version", desk.check)
    of_version("submit", "Towards publication: check, review where needed, publication", desk.submit)
    of_version("withdraw", "Take it back from the reviewers", desk.withdraw)
    of_version("publish", "Publish what is checked and touches nothing sensitive", desk.publish)
    of_version("discard", "The version is no more: a draft, or one below the current", desk.discard)
    of_service("suspend", "Stop the service for the time being, at once", desk.suspend)
    of_service("resume", "Open a suspended service again", desk.resume)
    of_service("retire", "The service is over", desk.retire)

    async def roll_back(slug: str, request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        return await done(
            request,
            caller,
            RollBackRequest,
            slug,
            lambda actor, name, given: desk.roll_back(actor, name, given.version, given.reason),
        )

    _route(
        router,
        "/{slug}/rollback",
        "rollback",
        "Back to a version that was published before",
        RollBackRequest,
        roll_back,
    )


def _route(
    router: APIRouter,
    path: str,
    operation: str,
    summary: str,
    body: type[Strict],
    route: Callable[..., Any],
    *,
    goes_on: bool = False,
) -> None:
    responses: dict[int | str, dict[str, Any]] = {**_OF_AN_ACT, 200: {"model": VersionTold}}
    if goes_on:
        responses[202] = {"model": VersionTold, "description": "It is checked now: look at the version again."}
    router.post(path, summary=summary, operation_id=operation, responses=responses, openapi_extra=body_of(body))(route)


async def _read(request: Request, model: type[Body]) -> Body:
    """The body as the model, and nothing in it twice. Raises as `services.exchange.rest.requests.read`."""
    given = await read_body(request, model)
    try:
        read_json(await request.body())
    except ValueError:
        raise BadInput(_NOT_PLAIN) from None
    return given
