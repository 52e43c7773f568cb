"""The citizen's proof that they paid: signed as receipts of benefits are, to be verified by anybody, offline as well.

It names nobody; `sub` is the same in all that one person paid one agency, and leads to nobody without our keys.
"""

from __future__ import annotations

import asyncio
import base64
import re
from datetime import date
from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import col

from core.attestation.errors import AttestationInvalid
from core.attestation.service import Attestor
from core.clock import bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.money import Money
from core.text import Text
from core.thai_dates import be_year
from core.verification import Page, Told, Words
from services.pay.fees.models import Bill
from services.pay.fees.qr import svg

TYPE: Final = "sitthi-fee-receipt+jwt"
PATH: Final = "/verify/fee"
LENGTH_MAX: Final = 4_096
_VERSION: Final = 1
_HOLDER_BYTES: Final = 16
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_WORDS: Final = Words(
    title=Text(th="ตรวจสอบใบเสร็จค่าธรรมเนียม", en="Verify a receipt for a fee"),
    genuine=Text(th="ใบเสร็จนี้ถูกต้อง", en="This receipt is genuine"),
    forged=Text(th="ใบเสร็จนี้ไม่ใช่ของจริง หรือถูกแก้ไข", en="This receipt is not genuine, or was changed"),
    ask=Text(th="วางข้อความทั้งหมดที่อ่านได้จาก QR ของใบเสร็จ", en="Paste all that the QR code of the receipt holds"),
    nothing_given=Text(th="ไม่มีใบเสร็จในคำขอ", en="the request holds no receipt"),
)
_TOLD: Final = """<dl>
<dt>จำนวนเงิน <span lang="en">Amount</span></dt><dd>{{ amount }} บาท <span lang="en">baht</span></dd>
<dt>รายการ <span lang="en">For</span></dt><dd>{{ what }}</dd>
<dt>วันที่ชำระ <span lang="en">Paid on</span></dt><dd>{{ day_th }} <span lang="en">{{ day_en }}</span></dd>
<dt>หน่วยงานที่รับ <span lang="en">Paid to</span></dt><dd>{{ agency }}</dd>
<dt>เลขที่ใบเสร็จ <span lang="en">Number</span></dt><dd>{{ number }}</dd>
<dt>ขณะนี้ <span lang="en">At this moment</span></dt>
<dd>{% if stands %}ชำระแล้วตามนี้ <span lang="en">it was paid as it says</span>
{% else %}ไม่มีใบเสร็จนี้แล้ว <span lang="en">the receipt is gone</span>{% endif %}</dd>
</dl>
"""
_PAGE: Final = Page(PATH, "receipt", LENGTH_MAX, _WORDS, _TOLD)


class BillReceipts:
    def __init__(self, keys: KeyRing, attestor: Attestor, issuer: str) -> None:
        self._keys, self._attestor, self._issuer = keys, attestor, issuer

    async def proof(self, bill: Bill) -> str:
        """A compact JWS (ES256) of a bill that is paid. Call it in no transaction."""
        assert bill.paid_at is not None, "only what is paid has a receipt"
        index = self._keys.blind_index(bill.person.hex, domain=f"fee-receipt.holder:{bill.agency}")
        claims = {
            "v": _VERSION,
            "number": bill.receipt_number,
            "satang": bill.satang,
            "for": bill.title["th"],
            "paid": bangkok_day(bill.paid_at).isoformat(),
            "agency": bill.agency,
            "sub": base64.urlsafe_b64encode(index[:_HOLDER_BYTES]).decode().rstrip("="),
        }
        return await self._attestor.sign(claims, typ=TYPE)

    async def qr_svg(self, bill: Bill) -> str:
        """The address of the page that verifies it, with the proof as its fragment, which no browser sends."""
        return await asyncio.to_thread(svg, f"{self._issuer}{PATH}#{await self.proof(bill)}")


def verification(db: Database, attestor: Attestor) -> APIRouter:
    """`/verify/fee`: what the QR code of a receipt for a fee proves, pasted into a form, or as JSON."""

    async def verify(given: str) -> Told:
        claims = await attestor.verify(_token_of(given), typ=TYPE)
        if claims.get("v") != _VERSION:
            raise AttestationInvalid
        async with db.read() as session:
            found = await session.scalar(select(col(Bill.id)).where(col(Bill.receipt_number) == claims["number"]))
        stands = found is not None
        return Told({"stands": stands, "receipt": claims}, _shown(claims, stands=stands))

    return _PAGE.router(verify)


def _shown(claims: dict[str, Any], *, stands: bool) -> dict[str, Any]:
    day = date.fromisoformat(claims["paid"])
    return {
        "amount": str(Money(claims["satang"])),
        "what": claims["for"],
        "day_th": f"{day.day}/{day.month}/{be_year(day)}",
        "day_en": day.isoformat(),
        "agency": claims["agency"],
        "number": claims["number"],
        "stands": stands,
    }


def _token_of(given: str) -> str:
    """The JWS alone, written as it was signed: bits left over at the end of a part are none (as receipts' are)."""
    token = given.strip().rpartition("#")[2]
    for part in token.split("."):
        if not _PART.fullmatch(part):
            raise AttestationInvalid
        try:
            raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except ValueError:
            raise AttestationInvalid from None
        if base64.urlsafe_b64encode(raw).decode().rstrip("=") != part:
            raise AttestationInvalid
    return token
