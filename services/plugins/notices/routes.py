"""`/services/changes`: what was published, deprecated, announced and removed in the graph, for everybody, latest first.

JSON, and as Atom (RFC 4287) for readers of feeds. Every answer may be kept for a minute, and carries an `ETag`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

import orjson
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from core.clock import bangkok_day
from core.database import Database
from services.plugins.notices.history import changes
from services.plugins.notices.models import GraphChange

PATH: Final = "/services/changes"
ATOM: Final = "/services/changes.atom"
PAGE: Final = 100
PAGE_MAX: Final = 500
KEPT_SECONDS: Final = 1.0
"""For so long an answer is everybody's: anybody may ask, and each asks the database."""
KEPT_MAX: Final = 64
_BEGUN: Final = "1970-01-01T00:00:00+00:00"
IfNoneMatch = Annotated[str | None, Header(description="The `ETag` of an earlier answer.")]
Before = Annotated[int | None, Query(ge=1, le=2**62, description="The number that `next` of a page names.")]
First = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many.")]
Service = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,60}$", description="Of this service alone.")]


def changes_router(db: Database, issuer: str, seconds: Callable[[], float] = time.monotonic) -> APIRouter:
    """To be included without a prefix. `issuer` is our own address, `seconds` a clock that only moves forward."""
    router, kept = APIRouter(include_in_schema=False), _Kept(seconds)

    async def rows(service: str | None, before: int | None, first: int) -> Sequence[GraphChange]:
        async with db.read() as session:
            return await changes(session, before=before, service=service, limit=first + 1)

    @router.get(PATH)
    async def listed(
        service: Service = None, before: Before = None, first: First = PAGE, if_none_match: IfNoneMatch = None
    ) -> Response:
        key = "json", service, before, first
        if (body := kept.of(key)) is None:
            found = await rows(service, before, first)
            body = kept.keep(key, orjson.dumps(page(found, service, first)))
        return _answer(body, "application/json", if_none_match)

    @router.get(ATOM)
    async def atom(service: Service = None, if_none_match: IfNoneMatch = None) -> Response:
        key = "atom", service
        if (body := kept.of(key)) is None:
            found = await rows(service, None, PAGE)
            body = kept.keep(key, feed(found[:PAGE], issuer, service).encode())
        return _answer(body, "application/atom+xml; charset=utf-8", if_none_match)

    return router


def page(found: Sequence[GraphChange], service: str | None, first: int) -> dict[str, Any]:
    """`found` may hold one more than fits."""
    following = None
    if len(found) > first:
        asked = {"service": service, "first": None if first == PAGE else first, "before": found[first - 1].number}
        following = f"{PATH}?{urlencode({name: value for name, value in asked.items() if value is not None})}"
    return {"changes": [change_told(row) for row in found[:first]], "next": following}


def change_told(row: GraphChange) -> dict[str, Any]:
    reason = None
    if row.reason_en is not None:
        reason = {"en": row.reason_en} if row.reason_th is None else {"th": row.reason_th, "en": row.reason_en}
    return {
        "number": row.number,
        "at": row.at.isoformat(),
        "day": bangkok_day(row.at).isoformat(),
        "kind": row.kind,
        "service": row.service,
        "agency": row.agency or None,
        "version": row.version or None,
        "coordinate": row.coordinate,
        "since": None if row.since is None else bangkok_day(row.since).isoformat(),
        "sunset": None if row.sunset is None else row.sunset.isoformat(),
        "reason": reason,
        "notListed": row.more,
    }


def feed(found: Sequence[GraphChange], issuer: str, service: str | None) -> str:
    """Everything an agency wrote is escaped: it is data."""
    here = f"{issuer}{ATOM}" + (f"?{urlencode({'service': service})}" if service else "")
    updated = found[0].at.isoformat() if found else _BEGUN
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<feed xmlns="http://www.w3.org/2005/Atom">',
            f"<id>{escape(here)}</id>",
            "<title>Sitthi: what changes in the graph</title>",
            f'<link rel="self" href={quoteattr(here)}/>',
            f"<updated>{updated}</updated>",
            *(_entry(row, issuer) for row in found),
            "</feed>",
            "",
        ]
    )


def _entry(row: GraphChange, issuer: str) -> str:
    title = f"{row.kind} {row.coordinate or row.service}"
    told = [f"{row.service} {row.version}".strip()]
    if row.sunset is not None:
        told.append(f"until {row.sunset}")
    told += [words for words in (row.reason_th, row.reason_en) if words is not None]
    if row.more:
        told.append(f"and {row.more} more")
    return (
        f"<entry><id>{escape(issuer)}{PATH}#{row.number}</id><title>{escape(title)}</title>"
        f"<updated>{row.at.isoformat()}</updated><author><name>{escape(row.agency or 'Sitthi')}</name></author>"
        f"<link href={quoteattr(f'{issuer}{PATH}?before={row.number + 1}&first=1')}/>"
        f'<content type="text">{escape("; ".join(told))}</content></entry>'
    )


class _Kept:
    """The answers of the last moment."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._bodies: dict[Any, tuple[float, bytes]] = {}

    def of(self, key: Any) -> bytes | None:
        at, body = self._bodies.get(key, (float("-inf"), None))
        return body if self._seconds() - at < KEPT_SECONDS else None

    def keep(self, key: Any, body: bytes) -> bytes:
        while len(self._bodies) >= KEPT_MAX:
            del self._bodies[next(iter(self._bodies))]
        self._bodies[key] = self._seconds(), body
        return body


def _answer(body: bytes, kind: str, if_none_match: str | None) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "public, max-age=60"}
    if if_none_match is not None and _names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=kind, headers=headers)


def _names(if_none_match: str, tag: str) -> bool:
    """Compared weakly (RFC 9110 §13.1.2)."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in named or tag in named
