"""Routes of the pages, and the demo client behind `/demo/…`.

The demo client is for trying things out, and exists only where the sandboxes do. It signs in as any public client must:
code flow, PKCE (S256), `state` and `iss` checked, no secret. Two things in it are not to be copied into an app that
real people use:

- It shows the access token on a page and keeps it in `sessionStorage`, where every script of this origin can read it.
- Between start and callback, `state` and the PKCE verifier travel in a cookie of the browser that began (HttpOnly, Lax,
  ten minutes, `__Host-` under https). It is not sealed: it holds nothing that its browser may not know, and whoever
  could plant a cookie could plant a sealed one of their own just as well. What a planted cookie can do is sign somebody
  in as the planter; on `localhost`, where programs on all ports share their cookies, that is in reach of each of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import httpx2
import jinja2
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from core.settings import Settings
from core.text import Text
from identity.provider.clients import DEMO_APP
from identity.web import NO_STORE, Cookies, see_other

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE.parents[1] / "web" / "vendor"
IDE_FILES: Final = ("graphiql.js", "graphiql.css", "react.js", "react-dom.js")
FLOW_COOKIE: Final = "demo_flow"
FLOW_SECONDS: Final = 600
SCOPE: Final = "openid profile citizen"
_VERIFIER_LENGTH: Final = range(43, 129)
"""RFC 7636 §4.1."""

REFUSED: Final = Text(th="การเข้าสู่ระบบถูกยกเลิกหรือไม่ได้รับอนุญาต", en="The sign-in was cancelled or refused.")
LOST: Final = Text(
    th="การเข้าสู่ระบบนี้ไม่ได้เริ่มจากเบราว์เซอร์นี้ หรือหมดเวลาแล้ว",
    en="This sign-in did not begin in this browser, or its time ran out.",
)


class Pages:
    """Renders the pages. `http` is the client with which the demo app redeems its code at the token endpoint."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient) -> None:
        self.issuer, self.http, self.cookies = settings.issuer, http, Cookies(settings)
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
        )

    def html(self, template: str, *, status: int = 200, workbench: bool = False, **values: Any) -> Response:
        """A page that may load nothing from elsewhere, and no script but its own."""
        nonce = secrets.token_urlsafe(16)
        body = self._templates.get_template(template).render(issuer=self.issuer, nonce=nonce, **values)
        # GraphiQL styles its elements one by one, and asks this server alone.
        styles, more = ("'self' 'unsafe-inline'", "font-src 'self' data:; ") if workbench else ("'self'", "")
        policy = (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src {styles}; {more}"
            "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        headers = {
            **NO_STORE,
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(body, status, headers)

    async def redeem(self, code: str, verifier: str) -> str | None:
        """The access token for a code, or None when the token endpoint refuses."""
        answer = await self.http.post(
            f"{self.issuer}/oauth/token",
            data={
                "grant_type": "authorization_code",
                "client_id": DEMO_APP,
                "code": code,
                "code_verifier": verifier,
                "redirect_uri": self.callback,
            },
        )
        return str(answer.json()["access_token"]) if answer.status_code == 200 else None

    @property
    def callback(self) -> str:
        return f"{self.issuer}/demo/callback"


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in of the demo client, as its cookie carries it."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")

    def is_answered_by(self, state: str) -> bool:
        return hmac.compare_digest(self.state.encode(), state.encode())

    def written(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(asdict(self))).decode()

    @classmethod
    def read(cls, cookie: str | None) -> Self | None:
        """None for whatever we did not write so."""
        try:
            given = orjson.loads(base64.urlsafe_b64decode(cookie or ""))
        except ValueError:
            return None
        if not isinstance(given, dict) or given.keys() != {"state", "verifier"}:
            return None
        state, verifier = given["state"], given["verifier"]
        if not (isinstance(state, str) and state and isinstance(verifier, str) and len(verifier) in _VERIFIER_LENGTH):
            return None
        return cls(state, verifier)


def pages_router(pages: Pages, *, demo: bool) -> APIRouter:
    """`/`, `/ide` and, where the sandbox runs, `/demo/…`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def landing() -> Response:
        return pages.html("landing.html", demo=demo)

    @router.get("/pages/site.css")
    async def css() -> Response:
        return FileResponse(HERE / "site.css", media_type="text/css")

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return FileResponse(HERE / "icon.svg", media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    @router.get("/ide")
    async def ide() -> Response:
        query = (HERE / "home.graphql").read_text()
        installed = all((VENDOR / name).exists() for name in IDE_FILES)
        return pages.html("ide.html", workbench=installed, query=query, installed=installed, demo=demo)

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
        flow = Flow()
        query = {
            "response_type": "code",
            "client_id": DEMO_APP,
            "redirect_uri": pages.callback,
            "scope": SCOPE,
            "state": flow.state,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
            "prompt": "select_account",  # who tries things out wants to be another persona next time
        }
        response = see_other(f"{pages.issuer}/oauth/authorize?{urlencode(query)}")
        pages.cookies.write(response, FLOW_COOKIE, flow.written(), FLOW_SECONDS)
        return response

    @router.get("/demo/callback")
    async def callback(request: Request, code: str = "", state: str = "", iss: str = "", error: str = "") -> Response:
        flow = Flow.read(pages.cookies.read(request, FLOW_COOKIE))
        # RFC 9207: an answer that bears another issuer's name is not for us, whatever else is right about it.
        if flow is None or not flow.is_answered_by(state) or iss != pages.issuer:
            return pages.html("callback.html", status=400, token=None, problem=LOST)
        token = await pages.redeem(code, flow.verifier) if code and not error else None
        response = pages.html("callback.html", status=200 if token else 400, token=token, problem=REFUSED)
        pages.cookies.clear(response, FLOW_COOKIE)
        return response
