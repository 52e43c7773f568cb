"""Sending evidence, having it back, taking it away: with the citizen's own token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from core.database import Database
from core.downloads import DOWNLOADED_AS, HEADERS
from core.errors import NotFound
from core.ids import GlobalId
from core.rate_limits import Limit, RateLimiter
from core.viewer import NotDelegated, Viewer
from services.apply.evidence.contents import SUFFIXES
from services.apply.evidence.errors import EvidenceCut
from services.apply.evidence.models import Evidence
from services.apply.evidence.service import PATH, EvidenceDesk

WhoAsks: TypeAlias = Callable[[Request], Awaitable[Viewer]]
UPLOADS: Final = Limit("evidence", 60, 3_600)
"""Of one person in an hour: each costs a process that looks through it."""


def evidence_router(desk: EvidenceDesk, db: Database, limiter: RateLimiter, who_asks: WhoAsks) -> APIRouter:
    """`POST /evidence`, `GET` and `DELETE /evidence/{id}`. Who acts for somebody has no way in."""
    router = APIRouter(include_in_schema=False)

    async def themself(request: Request) -> UUID:
        viewer = await who_asks(request)
        if viewer.acting is not None:
            raise NotDelegated
        return viewer.person

    @router.post(PATH)
    async def send(request: Request) -> Response:
        person = await themself(request)
        await limiter.check((UPLOADS, person.hex))
        length = request.headers.get("content-length", "")
        declared = int(length) if length.isdecimal() and len(length) < 16 else None
        row = await desk.take(person, request.headers.get("idempotency-key", ""), _body(request), declared)
        headers = {"Cache-Control": "no-store", "Location": f"{PATH}/{row.id.hex}"}
        return JSONResponse(told(row), 201, headers=headers)

    @router.get(PATH + "/{evidence}")
    async def fetch(request: Request, evidence: str) -> Response:
        row = await desk.own(await themself(request), _key(evidence))
        if row is None:
            raise NotFound
        name = f"evidence-{row.id.hex[-8:]}.{SUFFIXES[row.media_type]}"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(await desk.content(row), media_type=DOWNLOADED_AS, headers=headers)

    @router.delete(PATH + "/{evidence}")
    async def delete(request: Request, evidence: str) -> Response:
        person = await themself(request)
        async with db.write() as session:
            await desk.delete(session, person, _key(evidence))
        return Response(status_code=204)

    return router


def told(row: Evidence) -> dict[str, object]:
    """What the sender is answered; `id` is what `apply` and `supplement` take."""
    return {
        "id": str(GlobalId("Evidence", row.id)),
        "mediaType": row.media_type,
        "bytes": row.size,
        "scanned": row.scanner is not None,
        "uploadedAt": row.uploaded_at.isoformat(),
    }


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect:
        raise EvidenceCut from None


def _key(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None
