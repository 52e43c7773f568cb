"""What every answer says to browsers and to caches in between, unless its own page says otherwise."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS: Final = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
UNLESS_SAID: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}
"""Most answers are about a person, and are no page. What may be kept, or loads something, says so itself."""
OVER_HTTPS: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""RFC 6797: for a year, browsers come back by https alone."""


def always(*, secure: bool) -> dict[str, str]:
    return {**ALWAYS, **(OVER_HTTPS if secure else {})}


class SafeHeaders:
    """ASGI middleware. `secure`: whether people reach us by https."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        self.always = always(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.always)
                for name, value in UNLESS_SAID.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)
