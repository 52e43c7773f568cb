"""Downloading a document that an agency issued."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.downloads import DOWNLOADED_AS, HEADERS
from core.errors import NotFound
from core.viewer import NotDelegated, Viewer
from services.plugins.documents.forms import disposition
from services.plugins.documents.service import PATH, DocumentDesk

WhoAsks: TypeAlias = Callable[[Request], Awaitable[Viewer]]


def documents_router(desk: DocumentDesk, who_asks: WhoAsks) -> APIRouter:
    """`GET /documents/{id}`, with the token of the citizen themselves."""
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/{document}")
    async def download(request: Request, document: str) -> Response:
        viewer = await who_asks(request)
        if viewer.acting is not None:
            raise NotDelegated
        try:
            key = UUID(hex=document)
        except ValueError:
            raise NotFound from None
        name, content = await desk.download(viewer, key)
        headers = {**HEADERS, "Content-Disposition": disposition(name)}
        return Response(content, media_type=DOWNLOADED_AS, headers=headers)

    return router
