"""Errors of consents."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class ConsentNotNeeded(SitthiError):
    code = "CONSENT_NOT_NEEDED"
    text = Text(th="วัตถุประสงค์นี้ไม่ต้องขอความยินยอม", en="This purpose does not rest on consent.")


class ConsentNeedsParent(SitthiError):
    """PDPA 2562 s.20: a minor's own consent is not enough; a parent gives it, acting under a delegation."""

    code = "CONSENT_NEEDS_PARENT"
    text = Text(
        th="ผู้ที่ยังไม่บรรลุนิติภาวะให้ความยินยอมเองไม่ได้ ต้องให้บิดามารดาหรือผู้ปกครองให้ความยินยอม",
        en="Who is not yet of age cannot consent alone; a parent or guardian has to.",
    )


class ConsentNeedsGuardian(SitthiError):
    """PDPA 2562 s.20: for who is under guardianship, the guardian consents."""

    code = "CONSENT_NEEDS_GUARDIAN"
    text = Text(
        th="ผู้ที่ศาลแต่งตั้งผู้ปกครองหรือผู้อนุบาลให้ ต้องให้ผู้นั้นให้ความยินยอมแทน",
        en="For who has a guardian appointed by a court, the guardian consents.",
    )


class ConsentTextChanged(SitthiError):
    """The words agreed to are not the ones in force, and mean something else."""

    code = "CONSENT_TEXT_CHANGED"
    text = Text(
        th="ข้อความขอความยินยอมเปลี่ยนไปแล้ว กรุณาอ่านฉบับล่าสุดก่อนให้ความยินยอม",
        en="The text of this consent has changed. Please read the current one before you agree.",
    )
