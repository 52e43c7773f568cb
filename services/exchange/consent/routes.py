"""`/verify/consent-receipt`: whether a receipt is genuine, what it says, and whether its consent is still good.

Who has a receipt may ask; that is what it is for. It leads to one consent and to nobody's name, and the answer says no
more than the receipt does, but for one word: whether that consent is good now. Not when or how it ended: an employer or
a neighbour who came by a copy would learn more of the citizen than whoever relies on it needs.
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
from core.database import Database
from core.errors import BadInput, BodyTooLarge
from core.text import Text
from services.exchange.consent.receipts import ConsentReceipts
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.service import ConsentService, ConsentStatus
from services.exchange.consent.terms import ConsentEvent

PATH: Final = "/verify/consent-receipt"
RECEIPT_LENGTH_MAX: Final = 32_768
_FORM: Final = "application/x-www-form-urlencoded"
_NO_RECEIPT: Final = Text(th="ไม่มีใบรับในคำขอ", en="the request holds no receipt")
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
_EVENTS: Final[Mapping[str, Text]] = {
    ConsentEvent.GRANTED: Text(th="ให้ความยินยอม", en="Consent given"),
    ConsentEvent.WITHDRAWN: Text(th="ถอนความยินยอม", en="Consent withdrawn"),
    ConsentEvent.EXPIRED: Text(th="ความยินยอมสิ้นสุดตามกำหนด", en="Consent expired"),
    ConsentEvent.REPLACED: Text(th="มีความยินยอมฉบับใหม่แทน", en="Replaced by a newer consent"),
}
_FRAME: Final = """<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ตรวจสอบใบรับความยินยอม – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; }
dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; } [lang=en] { color: #46526b; font-weight: 400; }
textarea { width: 100%; min-height: 10rem; font: .85rem/1.4 monospace; }
button { font: inherit; padding: .5rem 1.2rem; }
</style>
</head>
<body>
<main>
{% if state == "valid" %}
<h1>ใบรับนี้เป็นของจริง <span lang="en">This receipt is genuine</span></h1>
<dl>
<dt>เหตุการณ์ <span lang="en">Event</span></dt>
<dd>{{ event.th }} <span lang="en">{{ event.en }}</span></dd>
<dt>เวลา <span lang="en">Time</span></dt><dd>{{ receipt.event_at }}</dd>
<dt>ผู้ขอใช้ข้อมูล <span lang="en">Requester</span></dt>
<dd>{{ receipt.controller.name.th }} <span lang="en">{{ receipt.controller.name.en }}</span></dd>
<dt>วัตถุประสงค์ <span lang="en">Purpose</span></dt>
<dd>{{ receipt.purpose.title.th }} <span lang="en">{{ receipt.purpose.title.en }}</span></dd>
<dt>ข้อมูล <span lang="en">Data</span></dt>
<dd>{% for one in receipt.attributes %}{{ one.title.th }} <span lang="en">{{ one.title.en }}</span><br>{% endfor %}</dd>
<dt>ฉบับของข้อความ <span lang="en">Version of the words</span></dt><dd>{{ receipt.words.version }}</dd>
<dt>ใช้ได้ถึง <span lang="en">Until</span></dt><dd>{{ receipt.expires_at }}</dd>
<dt>ขณะนี้ <span lang="en">At this moment</span></dt>
<dd>{% if active %}ความยินยอมนี้ยังมีผล <span lang="en">this consent is good</span>
{% else %}ความยินยอมนี้ไม่มีผลแล้ว <span lang="en">this consent is good no more</span>{% endif %}</dd>
</dl>
<p>{{ receipt.withdrawal.th }} <span lang="en">{{ receipt.withdrawal.en }}</span></p>
{% elif state == "invalid" %}
<h1>ใบรับนี้ไม่ใช่ของจริง หรือถูกแก้ไข <span lang="en">This receipt is not genuine, or was changed</span></h1>
{% endif %}
{% if state != "valid" %}
<form method="post" action="{{ path }}">
<p><label for="receipt">วางใบรับความยินยอมทั้งข้อความ (ขึ้นต้นด้วย eyJ)
<span lang="en">Paste the whole consent receipt (it begins with eyJ)</span></label></p>
<textarea id="receipt" name="receipt" required maxlength="{{ longest }}" spellcheck="false"></textarea>
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

    receipt: Annotated[str, Field(min_length=1, max_length=RECEIPT_LENGTH_MAX)]


def receipt_verification(db: Database, consents: ConsentService, receipts: ConsentReceipts) -> APIRouter:
    """`GET` is a page with a form; `POST` takes the form, or JSON `{"receipt": "<compact JWS>"}` and answers alike."""
    router = APIRouter(include_in_schema=False)

    @router.get(PATH, response_class=HTMLResponse)
    async def form() -> HTMLResponse:
        return HTMLResponse(_page("ask"), headers=_HEADERS)

    @router.post(PATH)
    async def verify(request: Request) -> Response:
        by_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
        token = _given(await request.body(), by_form=by_form)
        try:
            claims = await receipts.verify(token)
        except AttestationInvalid:
            if by_form:
                return HTMLResponse(_page("invalid"), 422, headers=_HEADERS)
            raise
        active = await _is_active(db, consents, claims)
        if by_form:
            event = _EVENTS[claims["event"]]
            return HTMLResponse(_page("valid", receipt=claims, active=active, event=event), headers=_HEADERS)
        return JSONResponse({"valid": True, "active": active, "receipt": claims}, headers=_HEADERS)

    return router


def _given(body: bytes, *, by_form: bool) -> str:
    """Raises BadInput, BodyTooLarge."""
    if len(body) > RECEIPT_LENGTH_MAX + 1_024:
        raise BodyTooLarge
    try:
        if by_form:
            [token] = parse_qs(body.decode(), max_num_fields=4).get("receipt", [])
            return _Body(receipt=token.strip()).receipt
        return _Body.model_validate(orjson.loads(body)).receipt
    except (ValueError, ValidationError):
        raise BadInput(_NO_RECEIPT, path=("receipt",)) from None


async def _is_active(db: Database, consents: ConsentService, claims: Mapping[str, Any]) -> bool:
    """Whether the consent that the receipt names is good at this moment; one that was erased is not."""
    async with db.read() as session:
        found = await ConsentRepository(session).by_id(UUID(hex=claims["consent"]))
    return found is not None and consents.status(found) is ConsentStatus.ACTIVE


def _page(state: str, **shown: Any) -> str:
    return _PAGE.render(state=state, path=PATH, longest=RECEIPT_LENGTH_MAX, **shown)
