"""Where the keys are found by which anybody verifies what Sitthi attested."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from core.attestation.service import KEYS_PATH, Attestor


def attestation_router(attestor: Attestor) -> APIRouter:
    router = APIRouter()

    @router.get(KEYS_PATH)
    async def keys() -> JSONResponse:
        return JSONResponse(await attestor.public(), headers={"cache-control": "public, max-age=300"})

    return router
