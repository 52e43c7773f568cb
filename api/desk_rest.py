"""`/agency/v1/applications`: the officers' desk for an agency's own screens, by the officer's own token.

Another agency's case is as unknown as one that never was. docs/desk.md is the page for people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Final, Protocol, TypeAlias, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.downloads import DOWNLOADED_AS, HEADERS
from core.errors import BadInput, NotFound
from core.graph import Context, Work, cursor_of, once, page_size, read_cursor
from core.ids import new_id
from core.rooms import Rooms
from core.text import Text, preferred_language
from core.viewer import Viewer
from identity.officers import Officer
from services.apply.desk import acts
from services.apply.desk.acts import Act
from services.apply.desk.queue import Line, line_of, place_of, written
from services.apply.desk.queue import Queue as QueueWanted
from services.apply.desk.service import CaseDesk
from services.apply.desk.showing import CaseLooks
from services.apply.desk.told import ApplicationsAnswer, CaseAnswer, LineTold, case_told, line_told
from services.apply.evidence.contents import SUFFIXES
from services.apply.states import Status, Turn
from services.exchange.rest.openapi import body_of, document_of
from services.exchange.rest.requests import Strict, read
from services.exchange.rest.schemas import ErrorAnswer

PREFIX: Final = "/agency/v1/applications"
KEY: Final = "Idempotency-Key"
WATERMARK: Final = "Sitthi-Watermark"
PAGE: Final = 50
_KEYS: Final = range(8, 129)
_BAD_KEY: Final = Text(
    th="Idempotency-Key: ต้องมี 8 ถึง 128 ตัวอักษร ASCII", en="Idempotency-Key: 8 to 128 visible ASCII characters"
)
_DESCRIPTION: Final = (
    "The applications that an agency decides, for the screens of its officers: each request comes with the officer's "
    "own token for the resource `/officer`. docs/desk.md explains it."
)
Words = Annotated[str, Field(max_length=8_000)]


class NoWords(Strict):
    """An act that needs no words."""

    version: int | None = None
    """Of the application, as the officer saw it: on another one the act fails."""


class ReferRequest(NoWords):
    to: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """The colleague's key."""


class NoteRequest(NoWords):
    text: Words


class WantedRequest(Strict):
    attribute: Annotated[str, Field(max_length=80)]
    why: Words
    """In Thai, for the citizen."""
    why_en: Words | None = Field(None, alias="whyEn")


class AskRequest(NoWords):
    wanted: Annotated[list[WantedRequest], Field(min_length=1, max_length=acts.ASKED_MAX)]


class DecideRequest(NoWords):
    reason: Words
    """In Thai, for the citizen."""
    law: Words
    reason_en: Words | None = Field(None, alias="reasonEn")
    law_en: Words | None = Field(None, alias="lawEn")
    findings: dict[str, Any] | None = None
    """By attribute: what was found by evidence and no register says."""


class ProposalRequest(NoWords):
    proposal: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class GiveBackRequest(ProposalRequest):
    reason: Words


def _ask(given: AskRequest) -> Act:
    return acts.ask([one.model_dump(by_alias=True) for one in given.wanted])


def _decide(given: DecideRequest, *, grants: bool) -> Act:
    return acts.decide(grants, (given.reason, given.reason_en), (given.law, given.law_en), given.findings)


BODIES: Final = (NoWords, ReferRequest, NoteRequest, AskRequest, DecideRequest, ProposalRequest, GiveBackRequest)
Body = TypeVar("Body", bound=NoWords)
ReadAct: TypeAlias = Callable[[Any], Act]
_ACTS: Final[Mapping[str, tuple[str, type[NoWords], ReadAct]]] = {
    "claim": ("Take it into one's own hands", NoWords, lambda _: acts.Claim()),
    "release": ("Put it back into the queue", NoWords, lambda _: acts.Release()),
    "refer": ("Hand it to a colleague", ReferRequest, lambda given: acts.Refer(UUID(hex=given.to))),
    "note": ("Write a note for colleagues", NoteRequest, lambda given: acts.note(given.text)),
    "ask": (
        "Ask the citizen for more",
        AskRequest,
        _ask,
    ),
    "propose": (
        "Grant it; what pays waits for a second officer",
        DecideRequest,
        lambda given: _decide(given, grants=True),
    ),
    "refuse": ("Refuse it, with the law and the reason", DecideRequest, lambda given: _decide(given, grants=False)),
    "approve": ("Approve a colleague's proposal", ProposalRequest, lambda g: acts.Approve(UUID(hex=g.proposal))),
    "give-back": (
        "Give a proposal back to its maker",
        GiveBackRequest,
        lambda given: acts.give_back(UUID(hex=given.proposal), given.reason),
    ),
}
_FAULTS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorAnswer, "description": "No officer's token, or not a good one, or not sure enough."},
    403: {"model": ErrorAnswer, "description": "The officer lacks the role, or is too near to the case."},
    404: {"model": ErrorAnswer, "description": "The agency decides no such application."},
    429: {"model": ErrorAnswer, "description": "Too many requests; see `Retry-After`."},
    503: {"model": ErrorAnswer, "description": "A register does not answer; try again."},
}
_OF_AN_ACT: Final[dict[int | str, dict[str, Any]]] = {
    **_FAULTS,
    400: {"model": ErrorAnswer, "description": "The body or the key is not of the form it must have."},
    409: {"model": ErrorAnswer, "description": "Somebody else has it, or it changed meanwhile; the code says what."},
    415: {"model": ErrorAnswer, "description": "The body is not `application/json`."},
    422: {"model": ErrorAnswer, "description": "The law comes to something else, or the state holds it already."},
    200: {"model": LineTold},
}


class Door(Protocol):
    async def officer(self, headers: Mapping[str, str], method: str, url: str) -> tuple[Viewer, Officer]: ...


class Limits(Protocol):
    async def citizen(self, viewer: Viewer) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes work with. `issuer` is our own address."""

    issuer: str
    db: Database
    clock: Clock
    keys: KeyRing
    door: Door
    limits: Limits
    desk: CaseDesk
    looks: CaseLooks

    async def come(self, request: Request) -> tuple[Viewer, Officer]:
        """Raises what the door and the limits raise."""
        url = self.issuer + request.scope["path"]
        viewer, officer = await self.door.officer(request.headers, request.method, url)
        await self.limits.citizen(viewer)
        return viewer, officer

    async def line(self, officer: Officer, key: UUID) -> Line:
        return await line_of(self.db, self.clock, self.desk, officer, key)


def applications_router(room: Desk) -> APIRouter:
    """To be included without a prefix."""
    router = APIRouter(prefix=PREFIX)
    _add_looks(router, room)
    for name, (summary, model, make) in _ACTS.items():
        _add_act(router, room, name, summary, model, make)

    @cache  # made for whoever asks first: it takes longer than all the rest of the start
    def described() -> dict[str, Any]:
        document = document_of(
            router.routes,
            room.issuer,
            title="Sitthi for officers: applications",
            description=_DESCRIPTION,
            bodies=BODIES,
        )
        flow = {"authorizationUrl": f"{room.issuer}/oauth/authorize", "tokenUrl": f"{room.issuer}/oauth/token"}
        flows = {"authorizationCode": {**flow, "scopes": {"officer": "act as an officer"}}}
        document["components"]["securitySchemes"] = {"officer": {"type": "oauth2", "flows": flows}}
        document["security"] = [{"officer": ["officer"]}]
        return document

    outer = APIRouter()

    @outer.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(described(), headers={"cache-control": "public, max-age=300"})

    outer.include_router(router)
    return outer


def _add_looks(router: APIRouter, room: Desk) -> None:
    @router.get(
        "", summary="The queue: what is due first comes first", operation_id="queue",
        responses={**_FAULTS, 200: {"model": ApplicationsAnswer}},
    )  # fmt: skip
    async def queue(
        request: Request,
        status: Annotated[list[Status] | None, Query()] = None,
        turn: Turn | None = None,
        subject: Annotated[str | None, Query(max_length=100)] = None,
        due_until: Annotated[date | None, Query(alias="dueUntil")] = None,
        mine: bool = False,
        free: bool = False,
        proposed: bool = False,
        first: int = PAGE,
        after: Annotated[str | None, Query(max_length=300)] = None,
    ) -> JSONResponse:
        _, officer = await room.come(request)
        size, begin = page_size(first), place_of(read_cursor(after))
        wanted = QueueWanted(status, turn, subject, due_until, mine=mine, free=free, proposed=proposed)
        lines = await wanted.read(room.db, room.clock, room.desk, officer, begin, size + 1)
        page = lines[:size]
        following = cursor_of(written(page[-1])) if len(lines) > size else None
        return _json({"applications": [line_told(one) for one in page], "after": following})

    @router.get(
        "/{application}", summary="One case; the look stands in the citizen's access log", operation_id="case",
        responses={**_FAULTS, 200: {"model": CaseAnswer}},
    )  # fmt: skip
    async def show(application: str, request: Request) -> JSONResponse:
        _, officer = await room.come(request)
        key = _key(application)
        shown = await room.looks.show(officer, key, request=new_id())
        return _json(case_told(await room.line(officer, key), shown))

    @router.get(
        "/{application}/evidence/{evidence}", summary="A file of evidence, to be downloaded", operation_id="evidence",
        responses={**_FAULTS, 200: {"content": {DOWNLOADED_AS: {}}}},
    )  # fmt: skip
    async def evidence(application: str, evidence: str, request: Request) -> Response:
        _, officer = await room.come(request)
        opened = await room.looks.open_evidence(officer, _key(application), _key(evidence), request=new_id())
        name = f"evidence-{opened.row.id.hex[-8:]}.{SUFFIXES[opened.row.media_type]}"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"', WATERMARK: opened.watermark}
        return Response(opened.content, media_type=DOWNLOADED_AS, headers=headers)


def _add_act(
    router: APIRouter, room: Desk, name: str, summary: str, model: type[Body], make: Callable[[Body], Act]
) -> None:
    async def route(application: str, request: Request) -> JSONResponse:
        viewer, officer = await room.come(request)
        given, key = await read(request, model), _key(application)
        act = make(given)
        work = _work(room, request, viewer, f"{name} {key.hex}", await request.body())

        async def do() -> Line:
            ready = await room.desk.prepare(officer, key, act, seen=given.version, request=new_id())
            async with work.transaction() as session:
                await room.desk.perform(session, ready)
                work.keep(case=key.hex)
            return await room.line(officer, key)

        async def replay(_: dict[str, Any]) -> Line:
            return await room.line(officer, key)

        return _json(line_told(await once(work, do, replay)))

    described = {"name": KEY, "in": "header", "required": True, "schema": {"type": "string"}}
    extra = {**body_of(model), "parameters": [described]}
    path, operation = f"/{{application}}/{name}", name.replace("-b", "B")
    router.post(path, summary=summary, operation_id=operation, responses=_OF_AN_ACT, openapi_extra=extra)(route)


def _work(room: Desk, request: Request, viewer: Viewer, field: str, body: bytes) -> Work:
    """The unit of work under the header's key. Raises BadInput."""
    key = request.headers.get(KEY, "")
    if len(key) not in _KEYS or not key.isascii() or not key.isprintable():
        raise BadInput(_BAD_KEY, path=(KEY,))
    language = preferred_language(request.headers.get("accept-language"))
    context = Context(room.db, room.clock, Rooms(), None, language, new_id())
    # Of words about a person not even a plain hash is kept.
    given = room.keys.blind_index(hashlib.sha256(field.encode() + b"\x00" + body).hexdigest(), domain="idempotency")
    return Work(context, viewer, "desk", key, given)


def _json(told: Any) -> JSONResponse:
    return JSONResponse(told, headers={"cache-control": "no-store"})


def _key(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None
