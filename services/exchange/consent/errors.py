"""Errors of consents."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class ConsentNotNeeded(SitthiError):
    code = "CONSENT_NOT_NEEDED"
    text = Text(th="วัตถุประสงค์นี้ไม่ต้องขอความยินยอม", en="This purpose does not rest on consent.")


class ConsentTextChanged(SitthiError):
    """The words agreed to are not the ones in force."""

    code = "CONSENT_TEXT_CHANGED"
    text = Text(
        th="ข้อความขอความยินยอมเปลี่ยนไปแล้ว กรุณาอ่านฉบับล่าสุดก่อนให้ความยินยอม",
        en="The text of this consent has changed. Please read the current one before you agree.",
    )
