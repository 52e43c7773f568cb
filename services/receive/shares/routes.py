"""`/verify/s/{code}`: a share, for whoever has its link. `GET` says what it is; `POST` opens it, which is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from core.clock import bangkok_day
from core.downloads import HEADERS as DOWNLOAD_HEADERS
from core.errors import BadInput, BodyTooLarge, SitthiError
from core.text import Text
from core.verification import HEADERS
from services.receive.credentials.routes import TRUST_LIST_PATH
from services.receive.shares.errors import ShareNotThere, ShareTakenBack
from services.receive.shares.opening import Opened, Openings
from services.receive.shares.page import PAGE
from services.receive.shares.service import PATH
from services.receive.shares.states import Kind
from services.receive.wording import TitleOf, day_in_words

JSON: Final = "application/json"
BODY_BYTES_MAX: Final = 1_024
FILE_NAME: Final = "shared.pdf"
_MEMBERS: Final = frozenset({"nonce"})
_BODY: Final = Text(
    th="body: JSON ที่มีเพียง nonce หรือไม่มีอะไรเลย", en="body: JSON with `nonce` and nothing else, or nothing"
)
StatusOf: TypeAlias = Callable[[SitthiError], int]


def shares_router(openings: Openings, titles: TitleOf, status_of: StatusOf) -> APIRouter:
    """`status_of`: which HTTP status an error has."""
    router = APIRouter(include_in_schema=False)

    def gone(reason: SitthiError) -> HTMLResponse:
        return _page("gone", status_of(reason), reason=reason.text, code=reason.code)

    @router.get(PATH + "{code}", response_class=HTMLResponse)
    async def front(code: str) -> HTMLResponse:
        try:
            found = await openings.front(code)
        except ShareNotThere as reason:
            return gone(reason)
        return _page(
            "ask",
            about=found.about,
            agency=titles(found.agency),
            until=day_in_words(bangkok_day(found.until)),
            left=found.left,
            paper=found.kind is Kind.PAPER,
        )

    @router.post(PATH + "{code}")
    async def opened(request: Request, code: str) -> Response:
        by_program = request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON
        nonce = _nonce(await _body(request)) if by_program else None
        try:
            found = await openings.open(code, nonce)
        except (ShareNotThere, ShareTakenBack) as reason:
            if by_program:
                raise
            return gone(reason)
        if found.paper is not None:
            disposition = f'attachment; filename="{FILE_NAME}"'
            headers = {**DOWNLOAD_HEADERS, **_QUIET, "Content-Disposition": disposition}
            return Response(found.paper, media_type="application/pdf", headers=headers)
        if by_program:
            return JSONResponse(_told(found, titles(found.agency)), headers=dict(HEADERS))
        return _opened_page(found, titles(found.agency))

    return router


_QUIET: Final = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


def _page(state: str, status: int = 200, **shown: Any) -> HTMLResponse:
    return HTMLResponse(PAGE.render(state=state, **shown), status, headers=HEADERS)


def _opened_page(found: Opened, agency: Text) -> HTMLResponse:
    assert found.presentation is not None
    return _page(
        "opened",
        about=found.about,
        agency=agency,
        rows=found.rows,
        until=day_in_words(bangkok_day(found.until)),
        left=found.left,
        presentation=found.presentation.text,
        audience=found.presentation.asked.audience,
        nonce=found.presentation.asked.nonce,
    )


def _told(found: Opened, agency: Text) -> dict[str, Any]:
    shown = found.presentation
    assert shown is not None
    return {
        "title": {"th": found.about.title.th, "en": found.about.title.en},
        "agency": found.agency,
        "agencyTitle": {"th": agency.th, "en": agency.en},
        "openedAt": found.at.isoformat(),
        "left": found.left,
        "until": found.until.isoformat(),
        "status": "VALID",
        "presentation": shown.text,
        "audience": shown.asked.audience,
        "nonce": shown.asked.nonce,
        "issuer": shown.told.issuer,
        "claims": shown.told.claims,
        "trustList": TRUST_LIST_PATH,
    }


async def _body(request: Request) -> bytes:
    """Raises BodyTooLarge."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge
    return body


def _nonce(body: bytes) -> str | None:
    """Raises BadInput."""
    if not body.strip():
        return None
    try:
        told = orjson.loads(body)
    except ValueError:
        raise BadInput(_BODY) from None
    if not isinstance(told, dict) or not told.keys() <= _MEMBERS or not isinstance(told.get("nonce", ""), str):
        raise BadInput(_BODY)
    return told.get("nonce")
