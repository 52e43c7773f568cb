"""The public page that verifies a receipt. It says what was paid, by whom and when; never to whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, StrictUndefined

from core.clock import BANGKOK
from core.database import Database
from core.money import Money
from core.text import Text
from core.thai_dates import be_year
from services.receive.models import Receipt
from services.receive.repository import ReceiptRepository
from services.receive.service import VERIFY_PATH

_CODE: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
"""The address is the secret: it is told to no search engine, no cache and no next page."""
_MONTHS: Final = (
    *("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
    *("กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม"),
)
_FRAME: Final = """<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ตรวจสอบใบรับเงิน – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; }
dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; } [lang=en] { color: #46526b; font-weight: 400; }
</style>
</head>
<body>
<main>
{% if receipt %}
<h1>ใบรับเงินนี้ถูกต้อง <span lang="en">This receipt is genuine</span></h1>
<dl>
<dt>จำนวนเงิน <span lang="en">Amount</span></dt><dd>{{ amount }} บาท</dd>
<dt>รายการ <span lang="en">For</span></dt><dd>{{ receipt.title.th }} <span lang="en">{{ receipt.title.en }}</span></dd>
<dt>วันที่จ่าย <span lang="en">Paid on</span></dt><dd>{{ day_th }} <span lang="en">{{ day_en }}</span></dd>
<dt>หน่วยงานที่จ่าย <span lang="en">Paid by</span></dt><dd>{{ agency.th }} <span lang="en">{{ agency.en }}</span></dd>
<dt>เลขที่ใบรับเงิน <span lang="en">Number</span></dt><dd>{{ receipt.number }}</dd>
</dl>
{% else %}
<h1>ไม่พบใบรับเงินนี้ <span lang="en">There is no such receipt</span></h1>
<p>กรุณาสแกน QR บนใบรับเงินอีกครั้ง <span lang="en">Please scan the QR code on the receipt again.</span></p>
{% endif %}
</main>
</body>
</html>
"""
_PAGE: Final = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_FRAME)


def verification(db: Database, agency_title: Callable[[str], Text]) -> APIRouter:
    """`GET /verify/r/{code}`: the receipt in plain HTML, Thai first; one and the same 404 for every other code.

    `agency_title` knows the name of an agency by its slug.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(VERIFY_PATH + "{code}", response_class=HTMLResponse)
    async def verify(code: str) -> HTMLResponse:
        receipt = None
        if _CODE.fullmatch(code):
            async with db.read() as session:
                receipt = await ReceiptRepository(session).by_code(code)
        return HTMLResponse(page(receipt, agency_title), status_code=404 if receipt is None else 200, headers=_HEADERS)

    return router


def page(receipt: Receipt | None, agency_title: Callable[[str], Text]) -> str:
    if receipt is None:
        return _PAGE.render(receipt=None)
    day = receipt.settled_at.astimezone(BANGKOK).date()
    return _PAGE.render(
        receipt=receipt,
        agency=agency_title(receipt.agency),
        amount=str(Money(receipt.satang)),
        day_th=f"{day.day} {_MONTHS[day.month - 1]} {be_year(day)}",
        day_en=f"{day.day} {day:%B %Y}",
    )
