"""The public pages that verify a receipt: by its secret code, or by what its QR code proves.

They say what was paid, by whom and when; never to whom.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from core.attestation.service import Attestor
from core.clock import bangkok_day
from core.database import Database
from core.money import Money
from core.text import Text
from core.verification import Page, Told, Words
from services.receive.proof import RECEIPT_TYPE, checked, token_of
from services.receive.repository import ReceiptRepository
from services.receive.service import VERIFY_PATH
from services.receive.wording import TitleOf, day_in_words, month_in_words

PROOF_PATH: Final = "/verify/receipt"
PROOF_LENGTH_MAX: Final = 4_096
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_WORDS: Final = Words(
    title=Text(th="ตรวจสอบใบรับเงิน", en="Verify a receipt"),
    genuine=Text(th="ใบรับเงินนี้ถูกต้อง", en="This receipt is genuine"),
    forged=Text(th="ใบรับเงินนี้ไม่ใช่ของจริง หรือถูกแก้ไข", en="This receipt is not genuine, or was changed"),
    ask=Text(th="วางข้อความทั้งหมดที่อ่านได้จาก QR ของใบรับเงิน", en="Paste all that the QR code of the receipt holds"),
    nothing_given=Text(th="ไม่มีใบรับเงินในคำขอ", en="the request holds no receipt"),
)
_TOLD: Final = """<dl>
<dt>จำนวนเงิน <span lang="en">Amount</span></dt><dd>{{ amount }} บาท <span lang="en">baht</span></dd>
{% if title %}
<dt>รายการ <span lang="en">For</span></dt><dd>{{ title.th }} <span lang="en">{{ title.en }}</span></dd>
{% else %}
<dt>รายการ <span lang="en">For</span></dt><dd>{{ subject }}</dd>
{% endif %}
<dt>งวด <span lang="en">Month</span></dt><dd>{{ month.th }} <span lang="en">{{ month.en }}</span></dd>
<dt>วันที่จ่าย <span lang="en">Paid on</span></dt><dd>{{ day.th }} <span lang="en">{{ day.en }}</span></dd>
<dt>หน่วยงานที่จ่าย <span lang="en">Paid by</span></dt><dd>{{ agency.th }} <span lang="en">{{ agency.en }}</span></dd>
<dt>เลขที่ใบรับเงิน <span lang="en">Number</span></dt><dd>{{ number }}</dd>
<dt>ขณะนี้ <span lang="en">At this moment</span></dt>
<dd>{% if stands %}จ่ายแล้วตามนี้ <span lang="en">it was paid as it says</span>
{% else %}เงินนี้ถูกตีกลับ หรือไม่มีใบรับเงินนี้แล้ว <span lang="en">the money came back, or the receipt is gone</span>
{% endif %}</dd>
</dl>
"""
_UNKNOWN: Final = """<h1>ไม่พบใบรับเงินนี้ <span lang="en">There is no such receipt</span></h1>
<p>กรุณาสแกน QR บนใบรับเงินอีกครั้ง <span lang="en">Please scan the QR code on the receipt again.</span></p>
"""
_PAGE: Final = Page(PROOF_PATH, "receipt", PROOF_LENGTH_MAX, _WORDS, _TOLD, _UNKNOWN)


def verification(db: Database, attestor: Attestor, agency_title: TitleOf) -> APIRouter:
    """`GET /verify/r/{code}`: the receipt in plain HTML, Thai first; one and the same 404 for every other code.

    `/verify/receipt`: what the QR code proves, pasted into a form, or as JSON `{"receipt": "…"}`.
    """

    async def verify(given: str) -> Told:
        claims = checked(await attestor.verify(token_of(given), typ=RECEIPT_TYPE))
        async with db.read() as session:
            stands = await ReceiptRepository(session).stands(claims["number"])
        return Told({"stands": stands, "receipt": claims}, {**_shown_of(claims, agency_title), "stands": stands})

    router = _PAGE.router(verify)

    @router.get(VERIFY_PATH + "{code}", response_class=HTMLResponse)
    async def by_code(code: str) -> HTMLResponse:
        receipt, stands = None, False
        if _CODE.fullmatch(code):
            async with db.read() as session:
                repository = ReceiptRepository(session)
                receipt = await repository.by_code(code)
                stands = receipt is not None and await repository.stands(receipt.number)
        if receipt is None:
            return _PAGE.html("unknown", 404)
        return _PAGE.html(
            "valid",
            amount=str(Money(receipt.satang)),
            title=receipt.title,
            month=month_in_words(receipt.period),
            day=day_in_words(bangkok_day(receipt.settled_at)),
            agency=agency_title(receipt.agency),
            number=receipt.number,
            stands=stands,
        )

    return router


def _shown_of(claims: dict[str, Any], agency_title: TitleOf) -> dict[str, Any]:
    return {
        "amount": str(Money(claims["satang"])),
        "title": None,
        "subject": claims["for"],
        "month": month_in_words(date.fromisoformat(f"{claims['period']}-01")),
        "day": day_in_words(date.fromisoformat(claims["settled"])),
        "agency": agency_title(claims["agency"]),
        "number": claims["number"],
    }
