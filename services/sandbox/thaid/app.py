"""The stand-in of ThaID over HTTP: discovery, keys, tokens, and a sign-in page that works without JavaScript."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from core.errors import SitthiError
from core.ids import MalformedNationalId, NationalId
from core.text import Text
from services.sandbox.agencies.faults import RUBBISH, FaultOrder, Faults
from services.sandbox.thaid.changes import ChangeOrder
from services.sandbox.thaid.protocol import Refused, SandboxThaID, Wanted

_BODY_BYTES_MAX: Final = 16_384
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_NOBODY: Final = Text(th="ไม่พบบุคคลนี้ในทะเบียนราษฎรจำลอง", en="Nobody in the made-up register has this number.")


def thaid_app(thaid: SandboxThaID) -> Starlette:
    """The ASGI app, to be mounted at the path of `thaid.issuer`."""
    pages = _Pages(thaid)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", pages.faulty(pages.discovery)),
            Route("/jwks", pages.faulty(pages.jwks)),
            Route("/authorize", pages.faulty(pages.ask), methods=["GET"]),
            Route("/authorize", pages.faulty(pages.answer), methods=["POST"]),
            Route("/token", pages.faulty(pages.token), methods=["POST"]),
            Route("/_changes", pages.change, methods=["POST"]),
            Route("/_faults", pages.set_faults, methods=["POST"]),
        ]
    )


class _Pages:
    def __init__(self, thaid: SandboxThaID) -> None:
        self._thaid, self._faults = thaid, Faults()
        self._templates = Environment(
            loader=PackageLoader("services.sandbox.thaid"), autoescape=True, undefined=StrictUndefined
        )

    def faulty(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """What becomes of a request while a fault is ordered."""

        async def answered(request: Request) -> Response:
            match self._faults.next():
                case "down":
                    return PlainTextResponse("down for maintenance", 503)
                case "garbage":
                    return Response(RUBBISH, media_type="application/json")
                case "slow":
                    await asyncio.sleep(self._faults.order.seconds)
            return await answer(request)

        return answered

    async def change(self, request: Request) -> Response:
        """An order about one person (changes.py), in the body as JSON."""
        try:
            self._thaid.changes.set(ChangeOrder.model_validate_json(await request.body()))
        except (ValueError, SitthiError):  # pydantic's own error is a ValueError
            return JSONResponse({"error": "invalid_request"}, 400, _HEADERS)
        return Response(status_code=204)

    async def set_faults(self, request: Request) -> Response:
        try:
            self._faults.set(FaultOrder.model_validate_json(await request.body()))
        except ValueError:
            return JSONResponse({"error": "invalid_request"}, 400, _HEADERS)
        return Response(status_code=204)

    async def discovery(self, _request: Request) -> Response:
        return JSONResponse(self._thaid.discovery())

    async def jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [await asyncio.to_thread(lambda: self._thaid.keys.jwk)]})

    async def ask(self, request: Request) -> Response:
        try:
            wanted = self._thaid.wanted(dict(request.query_params))
        except Refused as refused:
            return self._refusal(refused)
        return self._page(wanted)

    async def answer(self, request: Request) -> Response:
        """The form's answer: a persona by slug, or anybody by national ID, in the body; `cancel` says no."""
        given = await _form(request)
        try:
            wanted = self._thaid.wanted(given)
        except Refused as refused:
            return self._refusal(refused)
        if "cancel" in given:
            return self._refusal(Refused("access_denied", wanted.redirect_uri, wanted.state))
        try:
            national_id = self._whom(given)
        except MalformedNationalId as error:
            return self._page(wanted, error, status=422)
        try:
            code = None if national_id is None else await asyncio.to_thread(self._thaid.code, wanted, national_id)
        except Refused as refused:
            return self._refusal(refused)
        if code is None:
            return self._page(wanted, _NOBODY, status=422)
        return _back(wanted.redirect_uri, {"code": code, "state": wanted.state})

    async def token(self, request: Request) -> Response:
        given = await _form(request)
        client_id, secret = _basic(request.headers.get("authorization", ""))
        try:
            answer = await asyncio.to_thread(self._thaid.token, given, client_id, secret)
        except Refused as refused:
            return JSONResponse({"error": refused.error}, refused.status, _HEADERS)
        return JSONResponse(answer, headers=_HEADERS)

    def _whom(self, given: dict[str, str]) -> NationalId | None:
        if given.get("persona"):
            return self._thaid.citizens.national_id_of(given["persona"])
        return NationalId.parse(given.get("national_id", ""))

    def _page(self, wanted: Wanted, error: SitthiError | Text | None = None, status: int = 200) -> Response:
        text = error.text if isinstance(error, SitthiError) else error
        hidden = {"response_type": "code", "code_challenge_method": "S256", **asdict(wanted)}
        html = self._templates.get_template("sign_in.html").render(
            personas=self._thaid.citizens.personas(), hidden=hidden, error=text
        )
        return HTMLResponse(html, status, _HEADERS)

    def _refusal(self, refused: Refused) -> Response:
        if refused.redirect_uri is not None:
            return _back(refused.redirect_uri, {"error": refused.error, "state": refused.state})
        html = self._templates.get_template("refused.html").render(error=refused.error)
        return HTMLResponse(html, refused.status, _HEADERS)


def _back(redirect_uri: str, parameters: dict[str, str]) -> Response:
    return RedirectResponse(f"{redirect_uri}?{urlencode(parameters)}", 303, _HEADERS)


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES_MAX:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret (RFC 6749 §2.3.1: each form-encoded first); empty when there are none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeError):
        return "", ""
    return unquote(client_id), unquote(secret)
