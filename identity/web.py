"""Our own pages and forms: rendering, cookies, and who may post to us."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from core.crypto import KeyRing
from core.errors import BodyTooLarge, SitthiError
from core.settings import Settings
from core.text import Text

BODY_BYTES_MAX: Final = 16_384
_CSRF: Final = "csrf"
_PATH_LENGTH_MAX: Final = 8_192
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
PAGE_HEADERS: Final = {
    **NO_STORE,
    # `form-action` is left out: browsers apply it to the redirects after a form too, and those lead to clients.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    # Not `no-referrer`: it would make browsers post our forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class FormNotOurs(SitthiError):
    """A form that did not come from a page of ours in this browser."""

    code = "FORM_NOT_OURS"
    text = Text(
        th="แบบฟอร์มนี้หมดอายุหรือไม่ได้มาจากหน้านี้ กรุณาเริ่มใหม่",
        en="This form has expired or did not come from this page. Please start again.",
    )


class Cookies:
    """Names and flags of cookies (RFC 6265bis): `__Host-` and Secure under https, where browsers hold us to both."""

    def __init__(self, settings: Settings) -> None:
        self._secure = settings.secure
        self._prefix = "__Host-" if settings.secure else ""

    def name(self, purpose: str) -> str:
        return f"{self._prefix}sitthi_{purpose}"

    def read(self, request: Request, purpose: str) -> str | None:
        return request.cookies.get(self.name(purpose))

    def write(self, response: Response, purpose: str, value: str, seconds: int | None) -> None:
        """Lax, not Strict: a person comes back from ThaID by a link from another site."""
        response.set_cookie(
            self.name(purpose), value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def clear(self, response: Response, purpose: str) -> None:
        response.delete_cookie(self.name(purpose), path="/", secure=self._secure, httponly=True, samesite="lax")


class Forms:
    """Forms that only a page of ours, in the same browser, can send: a cookie and, in the form, its keyed hash."""

    def __init__(self, issuer: str, cookies: Cookies, keys: KeyRing) -> None:
        self._issuer, self._cookies, self._keys = issuer, cookies, keys

    def token(self, request: Request) -> tuple[str, str]:
        """The cookie's value, the browser's own or a new one, and the token for the form."""
        seed = self._cookies.read(request, _CSRF) or secrets.token_urlsafe(24)
        return seed, self._token_for(seed)

    def remember(self, response: Response, seed: str) -> None:
        self._cookies.write(response, _CSRF, seed, None)

    async def read(self, request: Request) -> dict[str, str]:
        """The fields of a form of ours. Raises :class:`FormNotOurs`, :class:`BodyTooLarge`."""
        fields = dict(await read_form(request))
        seed = self._cookies.read(request, _CSRF) or ""
        origin = request.headers.get("origin")
        if origin is not None and origin != self._issuer:
            raise FormNotOurs
        if not seed or not hmac.compare_digest(fields.get("csrf", "").encode(), self._token_for(seed).encode()):
            raise FormNotOurs
        return fields

    def _token_for(self, seed: str) -> str:
        return self._keys.blind_index(seed, domain="csrf").hex()


class Pages:
    """Renders the templates of `identity/templates`; every text on them is there in Thai and English."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._templates = Environment(loader=PackageLoader("identity"), autoescape=True, undefined=StrictUndefined)

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        seed, token = self._forms.token(request)
        html = self._templates.get_template(template).render(csrf=token, **values)
        response = HTMLResponse(html, status, PAGE_HEADERS)
        self._forms.remember(response, seed)
        return response

    def problem(self, request: Request, text: Text, *, status: int = 400, code: str = "", again: str = "") -> Response:
        """`again` is where to start anew, a path of ours."""
        return self.page(request, "problem.html", status=status, text=text, code=code, again=again)


async def read_form(request: Request) -> Sequence[tuple[str, str]]:
    """The pairs of an `application/x-www-form-urlencoded` body; none of another kind. Raises :class:`BodyTooLarge`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return []
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def see_other(location: str) -> Response:
    """303, so that a form is never posted on (RFC 9700 §4.12)."""
    return RedirectResponse(location, 303, NO_STORE)


def local_path(given: str | None) -> str:
    """The path if it is one of ours, else `/`: where a person goes on to is never another site's to choose."""
    path = given or "/"
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not path.startswith("//") and not parts.scheme and not parts.netloc
    if not is_ours or "\\" in path or not path.isascii() or not path.isprintable() or len(path) > _PATH_LENGTH_MAX:
        return "/"
    return path
