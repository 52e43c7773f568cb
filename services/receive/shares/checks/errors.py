"""Why a check is not taken, or not answered."""

from __future__ import annotations

from core.errors import Conflict, NotFound, SitthiError
from core.text import Text


class CheckNotFound(NotFound):
    """Unknown, and somebody else's, are alike: to candidates and to whoever asks."""

    code = "CHECK_NOT_FOUND"
    text = Text(th="ไม่พบคำขอตรวจสอบนี้", en="There is no such check.")


class CheckDecided(Conflict):
    code = "CHECK_DECIDED"
    text = Text(th="คำขอตรวจสอบนี้ตอบไปแล้วหรือพ้นกำหนดแล้ว", en="This check was answered already, or is over.")


class CheckSaysOtherwise(Conflict):
    """What would be answered is not what the candidate saw: they look again before they agree."""

    code = "CHECK_SAYS_OTHERWISE"
    text = Text(
        th="คำตอบที่จะให้ผู้ขอเปลี่ยนไปจากที่คุณเห็น กรุณาดูอีกครั้งก่อนยินยอม",
        en="What would be answered is not what you saw. Please look again before you agree.",
    )


class CheckReferenceUsed(Conflict):
    code = "CHECK_REFERENCE_USED"
    text = Text(th="reference นี้ใช้กับรายการอื่นไปแล้ว", en="This reference was used for another list.")


class TooManyChecks(SitthiError):
    """The day's lines of the juristic person are used up."""

    code = "TOO_MANY_CHECKS"
    text = Text(th="วันนี้ส่งได้อีก {left} รายการ", en="You may send {left} more lines today.")
