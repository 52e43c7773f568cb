"""Routes of the pages. The demo client signs in exactly as any public client does: code flow, PKCE, bearer."""

from __future__ import annotations

import base64
import hashlib
import secrets
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import jinja2
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from core.settings import Settings
from core.text import Text

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE.parents[1] / "web" / "vendor"
IDE_FILES: Final = {"graphiql.js", "graphiql.css", "react.js", "react-dom.js"}
FLOW_COOKIE: Final = "sitthi_demo_flow"
FLOW_SECONDS: Final = 600
CLIENT_ID: Final = "demo-app"

REFUSED: Final = Text(th="ผู้ให้บริการยืนยันตัวตนไม่อนุญาต", en="The sign-in was refused or cancelled.")
LOST: Final = Text(
    th="การเข้าสู่ระบบนี้ไม่ได้เริ่มจากที่นี่ หรือหมดเวลาแล้ว", en="This sign-in did not begin here, or its time ran out."
)


class Pages:
    """Renders the pages. `http` is the client with which the demo app redeems its code at the token endpoint."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient) -> None:
        self.settings, self.http = settings, http
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
        )

    def html(self, template: str, **values: Any) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        body = self._templates.get_template(template).render(issuer=self.settings.issuer, nonce=nonce, **values)
        response = HTMLResponse(body, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        return response

    async def redeem(self, code: str, verifier: str) -> str | None:
        """The access token for a code, or None when the token endpoint refuses."""
        answer = await self.http.post(
            "/oauth/token",
            data={
                "grant_type": "authorization_code",
                "client_id": CLIENT_ID,
                "code": code,
                "code_verifier": verifier,
                "redirect_uri": self.callback,
            },
        )
        return str(answer.json()["access_token"]) if answer.status_code == 200 else None

    @property
    def callback(self) -> str:
        return f"{self.settings.issuer}/demo/callback"


def pages_router(pages: Pages, *, demo: bool) -> APIRouter:
    """`/`, `/ide` and, where the sandbox runs, `/demo/…`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def landing() -> Response:
        return pages.html("landing.html", demo=demo)

    @router.get("/pages/site.css")
    async def css() -> Response:
        return FileResponse(HERE / "site.css", media_type="text/css")

    @router.get("/ide")
    async def ide() -> Response:
        query = (HERE / "home.graphql").read_text()
        return pages.html("ide.html", query=query, installed=all((VENDOR / name).exists() for name in IDE_FILES))

    @router.get("/ide/files/{name}")
    async def ide_file(name: str) -> Response:
        if name not in IDE_FILES or not (VENDOR / name).exists():
            return Response(status_code=404)
        return FileResponse(VENDOR / name, headers={"Cache-Control": "max-age=86400"})

    if demo:
        _add_demo(router, pages)
    return router


def _add_demo(router: APIRouter, pages: Pages) -> None:
    @router.get("/demo/start")
    async def start() -> Response:
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": pages.callback,
            "scope": "openid",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        response = RedirectResponse(f"{pages.settings.issuer}/oauth/authorize?{urlencode(query)}", status_code=303)
        flow = base64.urlsafe_b64encode(orjson.dumps({"verifier": verifier, "state": state})).decode()
        response.set_cookie(
            FLOW_COOKIE,
            flow,
            max_age=FLOW_SECONDS,
            path="/demo",
            httponly=True,
            samesite="lax",
            secure=pages.settings.secure,
        )
        return response

    @router.get("/demo/callback")
    async def callback(request: Request, code: str = "", state: str = "", iss: str = "", error: str = "") -> Response:
        try:
            flow = orjson.loads(base64.urlsafe_b64decode(request.cookies.get(FLOW_COOKIE, "")))
        except ValueError:
            flow = None
        ours = isinstance(flow, dict) and secrets.compare_digest(str(flow.get("state")), state)
        if (
            flow is None or not ours or iss != pages.settings.issuer
        ):  # RFC 9207: the answer of another issuer is nobody's
            return pages.html("callback.html", token=None, problem=LOST)
        token = await pages.redeem(code, flow["verifier"]) if code and not error else None
        response = pages.html("callback.html", token=token, problem=REFUSED)
        response.delete_cookie(FLOW_COOKIE, path="/demo")
        return response
