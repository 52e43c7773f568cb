"""Our own pages and forms: rendering, cookies, and who may post to us."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import cookie_parser

from core.crypto import KeyRing
from core.errors import BadInput, BodyTooLarge, SitthiError
from core.settings import Settings
from core.text import Text

BODY_BYTES_MAX: Final = 16_384
CSRF_HEADER: Final = "x-csrf"
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
    "X-Frame-Options": "DENY",  # for browsers older than `frame-ancestors`
}
_OUR_SITE: Final = ("same-origin", "none")
"""Of `Sec-Fetch-Site` (W3C Fetch Metadata §2.1): a page of this origin, or the person alone. Not `same-site`: another
service of the state under the same domain is not us."""


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
        """None where there are two: a sub- or sibling domain, or another path, has set one beside ours.

        Under https no browser lets it (`__Host-`); without, which of the two is ours cannot be told (RFC 6265 §8.6).

        A name is compared as it came. The framework's own reading takes off whatever Unicode calls a space, and some
        browsers let a subdomain set a name that begins with one of those and goes on with `__Host-`.
        """
        begins = f"{self.name(purpose)}="
        pairs = (pair.strip(" \t") for line in request.headers.getlist("cookie") for pair in line.split(";"))
        given = {pair for pair in pairs if pair.startswith(begins)}
        return cookie_parser(given.pop())[self.name(purpose)] if len(given) == 1 else None

    def purposes(self, request: Request) -> list[str]:
        """Of the cookies of ours that came."""
        ours = self.name("")
        return [name.removeprefix(ours) for name in request.cookies if name.startswith(ours)]

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
        """The fields of a form of ours. Raises :class:`FormNotOurs`, :class:`BodyTooLarge`.

        Every browser of today names where a form comes from, and that must be here. The token is for the others, and
        for those of today a second lock.
        """
        if not self.is_from_here(request):
            raise FormNotOurs
        fields = dict(await read_form(request))
        self._recognise(request, fields.get("csrf", ""))
        return fields

    async def read_json(self, request: Request) -> dict[str, Any]:
        """The object that a script of ours posts, with the form's token in the header `X-CSRF`.

        Raises :class:`FormNotOurs`, :class:`BodyTooLarge`, :class:`BadInput`.
        """
        if not self.is_from_here(request):
            raise FormNotOurs
        self._recognise(request, request.headers.get(CSRF_HEADER, ""))
        try:
            given = orjson.loads(await _read_body(request, "application/json"))
        except orjson.JSONDecodeError:
            given = None
        if not isinstance(given, dict):
            raise BadInput(Text(th="ต้องเป็นออบเจ็กต์ JSON", en="a JSON object is expected"))
        return given

    def is_from_here(self, request: Request) -> bool:
        """Whether nothing that the browser says of the request's origin speaks against it; also for JSON by script."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        return origin in (None, self._issuer) and site in (None, *_OUR_SITE)

    def _recognise(self, request: Request, token: str) -> None:
        seed = self._cookies.read(request, _CSRF) or ""
        if not seed or not hmac.compare_digest(token.encode(), self._token_for(seed).encode()):
            raise FormNotOurs

    def _token_for(self, seed: str) -> str:
        return self._keys.blind_index(seed, domain="csrf").hex()


class Pages:
    """Renders the templates of `identity/templates`; every text on them is there in Thai and English."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._templates = _templates()

    def page(
        self, request: Request, template: str, *, status: int = 200, script: str | None = None, **values: Any
    ) -> Response:
        """`script` is the address of the one script that the page may load, which may then talk to us and nobody else.

        The template finds it as `script`.
        """
        seed, token = self._forms.token(request)
        html = self._templates.get_template(template).render(csrf=token, script=script, **values)
        response = HTMLResponse(html, status, PAGE_HEADERS if script is None else _with_script(script))
        self._forms.remember(response, seed)
        return response

    def problem(self, request: Request, text: Text, *, status: int = 400, code: str = "", again: str = "") -> Response:
        """`again` is where to start anew, a path of ours."""
        return self.page(request, "problem.html", status=status, text=text, code=code, again=again)


def _with_script(address: str) -> dict[str, str]:
    policy, source = PAGE_HEADERS["Content-Security-Policy"], address.partition("?")[0]
    return {**PAGE_HEADERS, "Content-Security-Policy": f"{policy}; script-src {source}; connect-src 'self'"}


def _templates() -> Environment:
    return Environment(loader=PackageLoader("identity"), autoescape=True, undefined=StrictUndefined)


def problem_page(text: Text, code: str) -> str:
    """The HTML of a page that is the same for everybody: without a form, without a cookie."""
    return plain_page("problem.html", text=text, code=code, again="")


def plain_page(template: str, **values: Any) -> str:
    """The HTML of a page that asks for no session and sets no cookie."""
    return _templates().get_template(template).render(**values)


async def read_form(request: Request) -> Sequence[tuple[str, str]]:
    """The pairs of an `application/x-www-form-urlencoded` body; none of another kind. Raises :class:`BodyTooLarge`."""
    body = await _read_body(request, "application/x-www-form-urlencoded")
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


async def _read_body(request: Request, media_type: str) -> bytes:
    """Empty when it is of another media type. Raises :class:`BodyTooLarge`."""
    body = b""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        return body
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge
    return body


def see_other(location: str) -> Response:
    """303, so that a form is never posted on (RFC 9700 §4.12)."""
    return RedirectResponse(location, 303, NO_STORE)


def local_path(given: str | None) -> str:
    """The path if it is one of ours, else `/`: where a person goes on to is never another site's to choose.

    Answers printable ASCII that begins with one slash, so that a browser can read it in one way only: a second slash or
    a backslash would begin a host (WHATWG URL §4.4), and tabs and line ends are left out before it looks.
    """
    path = given or "/"
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    if not is_ours or not path.isascii() or not path.isprintable() or len(path) > _PATH_LENGTH_MAX:
        return "/"
    return path
