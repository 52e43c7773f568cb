"""Public pages on which anybody verifies what Sitthi signed: one frame, one form, one way to answer.

A room brings the words of its page and says what a document tells. The address, the answers to a browser and to a
program, the limits and the headers are the same for all: who is shown a paper should not have to learn each page anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import DictLoader, Environment, StrictUndefined

from core.attestation.errors import AttestationInvalid
from core.attestation.service import KEYS_PATH
from core.errors import BadInput, BodyTooLarge, SitthiError
from core.text import Text

FORM: Final = "application/x-www-form-urlencoded"
SLACK_BYTES: Final = 1_600
"""How much longer a request is than its document: the name of the member; and a form writes `~` in three characters."""
HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
"""What is verified is told to no search engine, no cache and no next page."""
_FRAME: Final = """<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ words.title.th }} – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; } h2 { font-size: 1.2rem; }
dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; } [lang=en] { color: #46526b; font-weight: 400; }
textarea { width: 100%; min-height: 10rem; font: .85rem/1.4 monospace; }
button { font: inherit; padding: .5rem 1.2rem; }
footer { margin-top: 2rem; border-top: 1px solid #c6ccd8; font-size: .9rem; }
</style>
</head>
<body>
<main>
{% if state == "valid" %}
<h1>{{ words.genuine.th }} <span lang="en">{{ words.genuine.en }}</span></h1>
{% block told %}{% endblock %}
{% elif state == "invalid" %}
<h1 role="alert">{{ words.forged.th }} <span lang="en">{{ words.forged.en }}</span></h1>
{% if reason is defined %}
<p>{{ reason.th }} <span lang="en">{{ reason.en }}</span></p>
{% endif %}
{% elif state == "unknown" %}
{% block unknown %}{% endblock %}
{% endif %}
{% if state in ("ask", "invalid") %}
<form method="post" action="{{ path }}">
<p><label for="{{ field }}">{{ words.ask.th }}
<span lang="en">{{ words.ask.en }}</span></label></p>
<textarea id="{{ field }}" name="{{ field }}" required maxlength="{{ longest }}" spellcheck="false"></textarea>
<p><button>ตรวจสอบ <span lang="en">Verify</span></button></p>
</form>
{% endif %}
</main>
<footer>
<p>ตรวจสอบเองโดยไม่ต้องถามเราและไม่ต้องต่ออินเทอร์เน็ตได้: เก็บสำเนากุญแจจาก <a href="{{ keys }}">{{ keys }}</a> ไว้
แล้วตรวจลายมือชื่อ (JWS แบบ ES256, RFC 7515) ด้วยโปรแกรมใดก็ได้
<span lang="en">You can check without us, and offline: keep a copy of the keys at that address, and verify the
signature (a JWS by ES256, RFC 7515) with any program.</span></p>
</footer>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says, whatever the document tells."""

    title: Text
    genuine: Text
    forged: Text
    ask: Text
    nothing_given: Text
    """To a request without a document."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a genuine document says: to a program, and by the page's template to a person."""

    json: Mapping[str, Any]
    shown: Mapping[str, Any]


class NotGoodAnyMore(SitthiError):
    """The root of why a document that was signed is believed no more; each below says which."""


Verifier: TypeAlias = Callable[[str], Awaitable[Told]]
"""What the document tells. Raises :class:`AttestationInvalid` for one that is forged or was changed, and a
:class:`NotGoodAnyMore` for one that was taken back since."""


class Page:
    """One kind of document. `told` is the template of what a genuine one says, `unknown` of what is shown instead."""

    def __init__(self, path: str, field: str, length_max: int, words: Words, told: str, unknown: str = "") -> None:
        self.path, self._field, self._longest, self._words = path, field, length_max, words
        kind = f"{{% extends 'frame' %}}{{% block told %}}{told}{{% endblock %}}"
        kind += f"{{% block unknown %}}{unknown}{{% endblock %}}"
        loader = DictLoader({"frame": _FRAME, "kind": kind})
        self._page = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, loader=loader
        ).get_template("kind")

    def html(self, state: str, status: int = 200, **shown: Any) -> HTMLResponse:
        """`state` is `ask` (a form), `valid`, `invalid` (says so, and asks again) or `unknown`."""
        content = self._page.render(
            state=state,
            words=self._words,
            path=self.path,
            field=self._field,
            longest=self._longest,
            keys=KEYS_PATH,
            **shown,
        )
        return HTMLResponse(content, status, headers=HEADERS)

    def given(self, body: bytes, *, by_form: bool) -> str:
        """The document of a request. Raises BadInput, BodyTooLarge."""
        if len(body) > self._longest + SLACK_BYTES:
            raise BodyTooLarge
        try:
            [found] = parse_qs(body.decode(), max_num_fields=4)[self._field] if by_form else _only(body, self._field)
        except (KeyError, ValueError):
            raise self._nothing() from None
        document = found.strip()
        if not 0 < len(document) <= self._longest:
            raise self._nothing()
        return document

    def router(self, verify: Verifier) -> APIRouter:
        """`GET` is a page with a form; `POST` takes the form, or JSON with the one member, and answers alike."""
        router = APIRouter(include_in_schema=False)

        @router.get(self.path, response_class=HTMLResponse)
        async def form() -> HTMLResponse:
            return self.html("ask")

        @router.post(self.path)
        async def check(request: Request) -> Response:
            by_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
            document = self.given(await request.body(), by_form=by_form)
            try:
                told = await verify(document)
            except AttestationInvalid:
                if by_form:
                    return self.html("invalid", 422)
                raise
            except NotGoodAnyMore as reason:
                if by_form:
                    return self.html("invalid", 422, reason=reason.text)
                raise
            if by_form:
                return self.html("valid", **told.shown)
            return JSONResponse({"valid": True, **told.json}, headers=dict(HEADERS))

        return router

    def _nothing(self) -> BadInput:
        return BadInput(self._words.nothing_given, path=(self._field,))


def _only(body: bytes, field: str) -> list[str]:
    """The text that is the one member of a JSON object. Raises ValueError."""
    read: Any = orjson.loads(body)
    if not isinstance(read, dict) or set(read) != {field} or not isinstance(read[field], str):
        raise ValueError
    return [read[field]]
