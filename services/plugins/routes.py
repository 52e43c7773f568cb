"""Where an agency finds the keys by which it verifies our calls."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.plugins.contract.wire import KEYS_PATH
from services.plugins.runner.service_keys import ServiceKeys


def service_keys_router(keys: ServiceKeys) -> APIRouter:
    """The key set. An agency that meets a key it does not know asks again; until then a minute is short enough."""
    router = APIRouter()

    @router.get(KEYS_PATH)
    async def service_keys() -> JSONResponse:
        return JSONResponse(keys.jwks, headers={"cache-control": "public, max-age=60"})

    return router
