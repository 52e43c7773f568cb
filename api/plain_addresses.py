"""Addresses that nothing can have are refused at the door, for every route there is and will be.

A path segment becomes a key that is looked up. A NUL in it is an error of PostgreSQL's driver and a harmless unknown to
SQLite; other control characters are no part of any name of ours, and make terminals and logs act (RFC 3986 §2: they are
no characters of a URI, and stand there only percent-encoded). In a query, a line break may be part of a question of
the graph, and NUL alone is refused.
"""

from __future__ import annotations

import re
from typing import Final

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import BadRequest, as_json, status_of
from core.errors import NotFound, SitthiError
from core.text import preferred_language

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUL: Final = re.compile(rb"\x00|%00")


class PlainAddresses:
    """ASGI middleware: 404 for a path with a control character, as for any that is not there; 400 for a query with a
    NUL."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = refused(scope) if scope["type"] == "http" else None
        if error is None:
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        language = preferred_language(headers.get(b"accept-language", b"").decode("latin-1"))
        body = orjson.dumps(as_json(error, language))
        told = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status_of(error), "headers": told})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def refused(scope: Scope) -> SitthiError | None:
    """Why there can be nothing at this address; None when there may."""
    if _CONTROL.search(scope["path"]):
        return NotFound()
    if _NUL.search(scope.get("query_string", b"")):
        return BadRequest(what="query")
    return None
