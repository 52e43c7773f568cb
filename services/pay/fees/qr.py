"""The QR code of a bill: EMVCo's QR Code Specification for Payment Systems, merchant-presented mode, as Thai banks read
it (PromptPay bill payment, tag 30)."""

from __future__ import annotations

import io
from typing import Final

import segno

from core.money import Money

BILL_PAYMENT: Final = "A000000677010112"
"""The application id of PromptPay's bill payment; credit transfers have another, and tag 29."""
_CRC_TAG: Final = "6304"
_LENGTH_MAX: Final = 99


def payload(*, biller: str, reference: str, second: str, money: Money) -> str:
    """What the code holds: once (01 = 12), baht (53 = 764), the amount (54), Thailand (58), the bill's number for the
    receipt (62-05), a checksum (63). Raises ValueError for what EMVCo's lengths or characters do not hold."""
    if money.satang <= 0 or len(money.decimal()) > 13:
        raise ValueError("an amount from 0.01 to 9,999,999,999.99 baht")
    merchant = _tag("00", BILL_PAYMENT) + _tag("01", biller) + _tag("02", reference) + _tag("03", second)
    text = (
        _tag("00", "01")
        + _tag("01", "12")
        + _tag("30", merchant)
        + _tag("53", "764")
        + _tag("54", money.decimal())
        + _tag("58", "TH")
        + _tag("62", _tag("05", reference))
        + _CRC_TAG
    )
    return f"{text}{crc16(text.encode('ascii')):04X}"


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, begun with 0xFFFF, not reflected."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def svg(text: str) -> str:
    """The code as an SVG element, which bears 15 % of damage."""
    image = io.BytesIO()
    segno.make(text, error="m", boost_error=False, micro=False).save(
        image, kind="svg", xmldecl=False, scale=4, border=4, title="QR", omitsize=True
    )
    return image.getvalue().decode().strip()


def _tag(number: str, value: str) -> str:
    if not 0 < len(value) <= _LENGTH_MAX or not value.isascii() or not value.isprintable():
        raise ValueError(f"tag {number}: 1 to {_LENGTH_MAX} ASCII characters")
    return f"{number}{len(value):02d}{value}"
