"""Reports, for everybody: `/services/{slug}/conformance` and `/services/{slug}/{version}/conformance`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse


class KeptReport(Protocol):
    @property
    def report(self) -> Mapping[str, Any]: ...

    @property
    def attestation(self) -> str:
        """A JWS of type :data:`services.plugins.conformance.REPORT_TYPE` over the report."""
        ...

    @property
    def at(self) -> datetime:
        """When it was made: the end of the check, whose beginning the report says."""
        ...


class Reports(Protocol):
    """Where the reports of what is, or was, published are found. Both raise `core.errors.NotFound`."""

    async def newest(self, slug: str) -> KeptReport:
        """Of the version that is in use."""
        ...

    async def of_version(self, slug: str, version: str) -> KeptReport: ...


def conformance_router(reports: Reports) -> APIRouter:
    """Public: which rules a service keeps, and whose word that is, is no secret."""
    router = APIRouter()

    @router.get("/services/{slug}/conformance")
    async def newest(slug: str) -> JSONResponse:
        return _told(await reports.newest(slug))

    @router.get("/services/{slug}/{version}/conformance")
    async def of_version(slug: str, version: str) -> JSONResponse:
        return _told(await reports.of_version(slug, version))

    return router


def _told(kept: KeptReport) -> JSONResponse:
    told = {"report": kept.report, "attestation": kept.attestation, "at": kept.at.isoformat()}
    return JSONResponse(told, headers={"cache-control": "public, max-age=300"})
