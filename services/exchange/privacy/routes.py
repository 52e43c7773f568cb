"""Downloading one's data, and the public record of processing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from core.assurance import Aal, Assurance, Demand, Ial, StepUpRequired
from core.clock import Clock
from core.errors import NotFound
from core.viewer import NotDelegated, Viewer
from services.exchange.privacy.export import FORMATS, Downloads

FRESH_SECONDS: Final = 5 * 60
WITH_PASSKEY: Final = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_2_2), FRESH_SECONDS)
"""For taking all of one's data away, and for erasing them: a passkey, in the last five minutes."""
MY_DATA: Final = "/my-data"
RECORDS: Final = "/open/records-of-processing.json"
SCHEMA: Final = "/open/personal-data.schema.json"

WhoAsks = Callable[[Request], Awaitable[Viewer]]


def my_data_router(downloads: Downloads, clock: Clock, who_asks: WhoAsks) -> APIRouter:
    """`GET /my-data/{request}/{json|pdf|jws}`, with the token of the person themselves and a fresh step-up."""
    router = APIRouter(include_in_schema=False)

    @router.get(MY_DATA + "/{request_id}/{format_}")
    async def download(request: Request, request_id: str, format_: str) -> Response:
        viewer = await who_asks(request)
        if viewer.acting is not None:
            raise NotDelegated
        if not WITH_PASSKEY.met_by(viewer.acr, viewer.authenticated_at, clock.now()):
            raise StepUpRequired(WITH_PASSKEY)
        key = _key(request_id)
        count = await downloads.begin(viewer.person, key, format_)
        name = f"sitthi-my-data-{key.hex[-8:]}.{format_}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        content: AsyncIterator[bytes] = downloads.pieces(viewer.person, key, format_, count)
        return StreamingResponse(content, media_type=FORMATS[format_], headers=headers)

    return router


def open_router(records: Callable[[], dict[str, Any]], schema: Callable[[], dict[str, Any]]) -> APIRouter:
    """What anybody may read: the record of processing (s.39), and what an export looks like."""
    router = APIRouter(include_in_schema=False)

    def published(content: dict[str, Any]) -> Response:
        return JSONResponse(content, headers={"Cache-Control": "max-age=3600", "Access-Control-Allow-Origin": "*"})

    router.add_api_route(RECORDS, lambda: published(records()), methods=["GET"], response_model=None)
    router.add_api_route(SCHEMA, lambda: published(schema()), methods=["GET"], response_model=None)
    return router


def _key(given: str) -> UUID:
    """Raises :class:`NotFound` for what is none."""
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None
