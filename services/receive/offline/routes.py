"""Where the bundle is had from."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.receive.credentials.verify_routes import BUNDLE_PATH
from services.receive.offline.making import Bundles

_PUBLIC: Final = {"cache-control": "public, max-age=300"}


def offline_router(bundles: Bundles) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(BUNDLE_PATH)
    async def bundle() -> JSONResponse:
        return JSONResponse(await bundles.current(), headers=_PUBLIC)

    return router
