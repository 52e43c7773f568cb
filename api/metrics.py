"""`/metrics`: figures for monitoring, and `/metrics/agencies`: how this process gets on with each agency's operations.

Both say more about a service than strangers should know.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.addresses import parsed
from core.errors import NotAllowed
from core.settings import Environment, Settings
from identity.provider.errors import TokenInvalid
from services.plugins.runner import LaneHealth

_BY_PROXIES: Final = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
"""What a proxy on this machine would add: then the request is not from this machine, whoever its peer is."""


def metrics_router(settings: Settings, agencies: Callable[[], Iterable[LaneHealth]]) -> APIRouter:
    """For whoever sends the token of SITTHI_METRICS_TOKEN; without one, while developing, for programs on this machine.

    In production nobody is let in by an address: a proxy on the same machine looks like a program of it.
    Raises :class:`TokenInvalid` and :class:`NotAllowed`.
    """
    router = APIRouter(include_in_schema=False)
    token = settings.metrics_token
    is_open = token is None and settings.environment is Environment.DEVELOPMENT

    def let_in(request: Request) -> None:
        if token is None and not (is_open and _is_from_this_machine(request)):
            raise NotAllowed
        if token is not None and not _has(request, token.get_secret_value()):
            raise TokenInvalid

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        let_in(request)
        agencies()  # brings their gauges to this moment
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/metrics/agencies")
    async def of_agencies(request: Request) -> Response:
        let_in(request)
        told = {"agencies": [asdict(one) for one in agencies()]}
        return Response(orjson.dumps(told), media_type="application/json", headers={"Cache-Control": "no-store"})

    return router


def _has(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _is_from_this_machine(request: Request) -> bool:
    peer = parsed(request.client.host) if request.client else None
    if peer is None or any(name in request.headers for name in _BY_PROXIES):
        return False
    return peer.is_loopback
