"""`/verify/decision`: whether the document of a decision is genuine, what it says, and whether a later one replaced it.

Who has the document may ask; that is what it is for. It names nobody, and the answer says no more than the document
does, but for one word: whether it is the newest decision on its application. It verifies after its citizen was erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.attestation.errors import AttestationInvalid
from core.attestation.service import Attestor
from core.database import Database
from core.errors import BadInput, BodyTooLarge
from core.money import Money
from core.text import Text
from services.apply import repository
from services.apply.decisions import proof

PATH: Final = "/verify/decision"
DOCUMENT_LENGTH_MAX: Final = 131_072
_FORM: Final = "application/x-www-form-urlencoded"
_NO_DOCUMENT: Final = Text(th="ไม่มีเอกสารในคำขอ", en="the request holds no document")
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
_OUTCOMES: Final[Mapping[str, Text]] = {
    "GRANTED": Text(th="อนุมัติ", en="Granted"),
    "REFUSED": Text(th="ไม่อนุมัติ", en="Refused"),
}
_CONDITIONS: Final[Mapping[str, Text]] = {
    "MET": Text(th="ผ่าน", en="met"),
    "UNMET": Text(th="ไม่ผ่าน", en="not met"),
    "UNKNOWN": Text(th="ไม่ทราบ", en="unknown"),
}
_FRAME: Final = """<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ตรวจสอบคำวินิจฉัย – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; } h2 { font-size: 1.2rem; }
dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; } [lang=en] { color: #46526b; font-weight: 400; }
textarea { width: 100%; min-height: 10rem; font: .85rem/1.4 monospace; }
button { font: inherit; padding: .5rem 1.2rem; }
</style>
</head>
<body>
<main>
{% if state == "valid" %}
<h1>คำวินิจฉัยนี้เป็นของจริง <span lang="en">This decision is genuine</span></h1>
<dl>
{% if told.title %}<dt>เรื่อง <span lang="en">Subject</span></dt>
<dd>{{ told.title.th }} <span lang="en">{{ told.title.en }}</span></dd>{% endif %}
<dt>ผล <span lang="en">Outcome</span></dt><dd>{{ outcome.th }} <span lang="en">{{ outcome.en }}</span></dd>
<dt>เวลา <span lang="en">Time</span></dt><dd>{{ claims.decided_at }}</dd>
<dt>ขณะนี้ <span lang="en">At this moment</span></dt>
<dd>{% if latest %}เป็นคำวินิจฉัยล่าสุดของคำขอนี้ <span lang="en">it is the newest decision on its application</span>
{% else %}มีคำวินิจฉัยใหม่กว่า หรือไม่มีคำขอนี้แล้ว <span lang="en">a newer one has replaced it, or the application is gone</span>
{% endif %}</dd>
</dl>
{% if gives %}<h2>สิทธิที่ได้รับ <span lang="en">What is given</span></h2>
<ul>{% for one in gives %}<li>{{ one.th }} <span lang="en">{{ one.en }}</span>
{% if one.amount %}: {{ one.amount }} บาท{% endif %}</li>{% endfor %}</ul>{% endif %}
{% if told.reasons %}<h2>เหตุผล <span lang="en">Reasons</span></h2>
<ul>{% for one in told.reasons %}<li>{{ one.th }} <span lang="en">{{ one.en }}</span>:
{{ words[one.outcome].th }} <span lang="en">{{ words[one.outcome].en }} ({{ one.law.en }})</span>
{{ one.law.th }}</li>{% endfor %}</ul>{% endif %}
{% if facts %}<h2>ข้อเท็จจริงที่แสดง <span lang="en">Facts shown</span></h2>
<ul>{% for one in facts %}<li>{{ one.th }} <span lang="en">{{ one.en }}</span>: {{ one.value }}
{{ one.source }} {{ one.as_of }}</li>{% endfor %}</ul>{% endif %}
{% elif state == "invalid" %}
<h1>เอกสารนี้ไม่ใช่ของจริง หรือถูกแก้ไข <span lang="en">This document is not genuine, or was changed</span></h1>
{% endif %}
{% if state != "valid" %}
<form method="post" action="{{ path }}">
<p><label for="document">วางเอกสารคำวินิจฉัยทั้งข้อความ (ขึ้นต้นด้วย eyJ)
<span lang="en">Paste the whole document of the decision (it begins with eyJ)</span></label></p>
<textarea id="document" name="document" required maxlength="{{ longest }}" spellcheck="false"></textarea>
<p><button>ตรวจสอบ <span lang="en">Verify</span></button></p>
</form>
{% endif %}
</main>
</body>
</html>
"""
_PAGE: Final = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_FRAME)


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    document: Annotated[str, Field(min_length=1, max_length=DOCUMENT_LENGTH_MAX)]


def decision_verification(db: Database, attestor: Attestor) -> APIRouter:
    """`GET` is a page with a form; `POST` takes the form, or JSON `{"document": "<JWS>~…~"}`, and answers alike."""
    router = APIRouter(include_in_schema=False)

    @router.get(PATH, response_class=HTMLResponse)
    async def form() -> HTMLResponse:
        return HTMLResponse(_page("ask"), headers=_HEADERS)

    @router.post(PATH)
    async def verify(request: Request) -> Response:
        by_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
        document = _given(await request.body(), by_form=by_form)
        try:
            claims, told = await verified(attestor, document)
        except AttestationInvalid:
            if by_form:
                return HTMLResponse(_page("invalid"), 422, headers=_HEADERS)
            raise
        latest = await _is_latest(db, claims)
        if by_form:
            return HTMLResponse(_shown(claims, told, latest=latest), headers=_HEADERS)
        said = {name: value for name, value in claims.items() if name not in ("_sd", "_sd_alg")}
        return JSONResponse({"valid": True, "latest": latest, "decision": said, "told": told}, headers=_HEADERS)

    return router


async def verified(attestor: Attestor, document: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the document claims, and what its disclosures tell. Raises :class:`AttestationInvalid`."""
    token, given = proof.parted(document)
    claims = await attestor.verify(token, typ=proof.TYPE)
    if claims.get("schema") != proof.SCHEMA:
        raise AttestationInvalid
    return claims, proof.disclosed(claims, given)


def _given(body: bytes, *, by_form: bool) -> str:
    """Raises BadInput, BodyTooLarge."""
    if len(body) > 2 * DOCUMENT_LENGTH_MAX:  # a form writes `~` in three characters
        raise BodyTooLarge
    try:
        if by_form:
            [document] = parse_qs(body.decode(), max_num_fields=4).get("document", [])
            return _Body(document=document.strip()).document
        return _Body.model_validate(orjson.loads(body)).document
    except (ValueError, ValidationError):
        raise BadInput(_NO_DOCUMENT, path=("document",)) from None


async def _is_latest(db: Database, claims: Mapping[str, Any]) -> bool:
    async with db.read() as session:
        found = await repository.last_decision(session, UUID(hex=claims["application"]))
    return found is not None and found.id == UUID(hex=claims["jti"])


def _shown(claims: Mapping[str, Any], told: Mapping[str, Any], *, latest: bool) -> str:
    amounts = told.get("benefits") or {}
    gives = [
        {**one, "amount": None if amounts.get(one["kind"]) is None else str(Money(amounts[one["kind"]]))}
        for one in told.get("gives") or ()
    ]
    facts = [
        {"as_of": "", "source": "", **value}
        for name, value in told.items()
        if name.partition(".")[0] in proof.ONE_BY_ONE and isinstance(value, Mapping) and "th" in value
    ]
    shown = {"title": None, "reasons": None, **told}
    outcome = _OUTCOMES[claims["outcome"]]
    return _page(
        "valid", claims=claims, told=shown, outcome=outcome, latest=latest, gives=gives, facts=facts, words=_CONDITIONS
    )


def _page(state: str, **shown: Any) -> str:
    return _PAGE.render(state=state, path=PATH, longest=DOCUMENT_LENGTH_MAX, **shown)
