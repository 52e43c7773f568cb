"""`/verify/consent-receipt`: whether a receipt is genuine, what it says, and whether its consent is still good.

Who has a receipt may ask; that is what it is for. It leads to one consent and to nobody's name, and the answer says no
more than the receipt does, but for one word: whether that consent is good now. Not when or how it ended: an employer or
a neighbour who came by a copy would learn more of the citizen than whoever relies on it needs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from uuid import UUID

from fastapi import APIRouter

from core.database import Database
from core.text import Text
from core.verification import Page, Told, Words
from services.exchange.consent.receipts import ConsentReceipts
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.service import ConsentService, ConsentStatus
from services.exchange.consent.terms import ConsentEvent

PATH: Final = "/verify/consent-receipt"
RECEIPT_LENGTH_MAX: Final = 32_768
_WORDS: Final = Words(
    title=Text(th="ตรวจสอบใบรับความยินยอม", en="Verify a consent receipt"),
    genuine=Text(th="ใบรับนี้เป็นของจริง", en="This receipt is genuine"),
    forged=Text(th="ใบรับนี้ไม่ใช่ของจริง หรือถูกแก้ไข", en="This receipt is not genuine, or was changed"),
    ask=Text(th="วางใบรับความยินยอมทั้งข้อความ (ขึ้นต้นด้วย eyJ)", en="Paste the whole consent receipt (it begins with eyJ)"),
    nothing_given=Text(th="ไม่มีใบรับในคำขอ", en="the request holds no receipt"),
)
_EVENTS: Final[Mapping[str, Text]] = {
    ConsentEvent.GRANTED: Text(th="ให้ความยินยอม", en="Consent given"),
    ConsentEvent.WITHDRAWN: Text(th="ถอนความยินยอม", en="Consent withdrawn"),
    ConsentEvent.EXPIRED: Text(th="ความยินยอมสิ้นสุดตามกำหนด", en="Consent expired"),
    ConsentEvent.REPLACED: Text(th="มีความยินยอมฉบับใหม่แทน", en="Replaced by a newer consent"),
}
_TOLD: Final = """<dl>
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
"""
_PAGE: Final = Page(PATH, "receipt", RECEIPT_LENGTH_MAX, _WORDS, _TOLD)

IsAgreed: TypeAlias = Callable[[UUID], Awaitable[bool]]
"""Whether what a receipt names is agreed to at this moment."""


def receipt_verification(
    db: Database, consents: ConsentService, receipts: ConsentReceipts, *, also: IsAgreed | None = None
) -> APIRouter:
    """`GET` is a page with a form; `POST` takes the form, or JSON `{"receipt": "<compact JWS>"}` and answers alike.

    `also` knows of what was agreed to elsewhere, in receipts of this form.
    """

    async def verify(token: str) -> Told:
        claims = await receipts.verify(token)
        active = await _is_active(db, consents, claims)
        if not active and also is not None:
            active = await also(UUID(hex=claims["consent"]))
        shown = {"receipt": claims, "active": active, "event": _EVENTS[claims["event"]]}
        return Told({"active": active, "receipt": claims}, shown)

    return _PAGE.router(verify)


async def _is_active(db: Database, consents: ConsentService, claims: Mapping[str, Any]) -> bool:
    """Whether the consent that the receipt names is good at this moment; one that was erased is not."""
    async with db.read() as session:
        found = await ConsentRepository(session).by_id(UUID(hex=claims["consent"]))
    return found is not None and consents.status(found) is ConsentStatus.ACTIVE
