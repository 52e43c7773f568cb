"""`POST /agency/v1/services/{slug}/ingest/{operation}`: an agency's system sends records to its own service.

Added to the registry's routes, so that it stands in their description. The page for developers is docs/plugins.md. The
body is read here, after it is known who sends, and within bounds.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from core.errors import BadInput, BodyTooLarge, ServiceUnavailable
from core.text import Text, preferred_language
from services.exchange.rest.auth import AgencyDoor, Machine
from services.plugins.contract.wire import KEY_PATTERN
from services.plugins.plugin import Plugin
from services.plugins.records.described import EXTRA, KEY, RESPONSES
from services.plugins.records.errors import NdjsonWanted
from services.plugins.records.formats import media_types, read_body
from services.plugins.records.lines import Rejection
from services.plugins.records.senders import AGENT, Senders
from services.plugins.records.service import Outcome, RecordDesk, Sending

PATH: Final = "/{slug}/ingest/{operation}"
BODY_BYTES_MAX: Final = 4_000_000
BODY_SECONDS_MAX: Final = 60.0
PLACES: Final = 4
"""Sendings at once in one process: each is held in memory while it is taken."""
RETRY_SECONDS: Final = 10
_KEY: Final = re.compile(KEY_PATTERN)
_NO_KEY: Final = Text(
    th="Idempotency-Key: ต้องมี 8 ถึง 128 ตัวอักษร ASCII", en="Idempotency-Key: 8 to 128 visible ASCII characters"
)
_BROKEN_OFF: Final = Text(th="body: ส่งมาไม่ครบ", en="body: it did not arrive whole, or not in time")
_OURSELVES: Final = Text(th="สิทธิ", en="Sitthi")


def records_routes(door: AgencyDoor, desk: RecordDesk, senders: Senders) -> Callable[[APIRouter], None]:
    """Adds the route to a router whose prefix is that of the registry. `door` lets in by the scope `agency.ingest`."""
    places = _Places(PLACES)

    async def ingest(
        slug: str, operation: str, request: Request, caller: Machine = Depends(door.machine)
    ) -> JSONResponse:
        plugin = desk.find(caller.agency, slug, operation)
        key = request.headers.get(KEY, "")
        if not _KEY.fullmatch(key):
            raise BadInput(_NO_KEY, path=(KEY,))
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        spec = plugin.manifest.operations[operation]
        if media_type not in media_types(spec):
            raise NdjsonWanted
        who = (plugin, operation, caller.client, request.headers.get(AGENT, ""))
        reporter = await senders.admit(*who) if caller.agency is None else None
        still = None if reporter is None else partial(senders.still, *who)
        sender = str(caller.agency) if reporter is None else f"juristic {reporter.organisation}"  # of all its systems
        with places.taken(sender):
            body = await _body(request)
            lines = await asyncio.to_thread(read_body, media_type, body, spec)
            sending = Sending(plugin, operation, caller.client, key, body, lines, reporter, still)
            outcome = await desk.take(sending)
        return _answer(request, caller, desk, plugin, outcome)

    def add(router: APIRouter) -> None:
        summary = "Send records to the agency's own service"
        router.post(PATH, summary=summary, operation_id="ingest", responses=RESPONSES, openapi_extra=EXTRA)(ingest)

    return add


class _Places:
    """An agency that holds some gets another as long as more than that are left: who sends slowly, or much at once,
    keeps nobody else from sending."""

    def __init__(self, count: int) -> None:
        self._left, self._held = count, Counter[str]()

    @contextmanager
    def taken(self, agency: str) -> Iterator[None]:
        """Raises `ServiceUnavailable`."""
        if self._left <= self._held[agency]:
            raise ServiceUnavailable(_OURSELVES)
        self._left -= 1
        self._held[agency] += 1
        try:
            yield
        finally:
            self._left += 1
            self._held[agency] -= 1
            if not self._held[agency]:
                del self._held[agency]


async def _body(request: Request) -> bytes:
    """Raises :class:`BodyTooLarge` before it holds more than so much, and :class:`BadInput`."""
    parts, size = list[bytes](), 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES_MAX:
                    raise BodyTooLarge
                parts.append(part)
    except (TimeoutError, ClientDisconnect):
        raise BadInput(_BROKEN_OFF, path=("body",)) from None
    return b"".join(parts)


def _answer(request: Request, caller: Machine, desk: RecordDesk, plugin: Plugin, outcome: Outcome) -> JSONResponse:
    told: dict[str, Any] = {
        "taken": outcome.taken,
        "rejected": [_rejection(desk, plugin, one) for one in outcome.rejected],
    }
    if outcome.told:
        told["told"] = [{"line": line, "answer": answer} for line, answer in outcome.told]
    broken = outcome.interrupted
    if broken is None:
        return JSONResponse(told, headers=dict(caller.headers))
    message = broken.message(preferred_language(request.headers.get("accept-language")))
    more = {"settled": broken.settled, "uncertain": broken.uncertain, "trouble": broken.trouble, **told}
    error = {"message": message, "extensions": {"code": broken.code, **more}}
    headers = {**caller.headers, "Retry-After": str(RETRY_SECONDS)}
    return JSONResponse({"errors": [error]}, 503, headers=headers)


def _rejection(desk: RecordDesk, plugin: Plugin, one: Rejection) -> dict[str, Any]:
    words = desk.words(plugin, one.code)
    told = {"line": one.line, "code": one.code, "path": one.path, "keyword": one.keyword, "computed": one.computed}
    told["other"] = one.other
    return {**told, "message": {"th": words.th, "en": words.en}}
