"""Errors of corrections."""

from __future__ import annotations

from core.errors import Conflict, SitthiError
from core.text import Text


class CorrectionOpen(SitthiError):
    code = "CORRECTION_OPEN"
    text = Text(
        th="มีคำขอแก้ไขข้อมูลรายการนี้ที่หน่วยงานกำลังพิจารณาอยู่แล้ว",
        en="A correction of this is already with the agency.",
    )


class CorrectionClosed(Conflict):
    code = "CORRECTION_CLOSED"
    text = Text(
        th="คำขอแก้ไขนี้สิ้นสุดแล้ว หากข้อมูลยังไม่ถูกต้อง กรุณายื่นคำขอใหม่",
        en="This case is closed. If the fact is still wrong, open another.",
    )


class CorrectionNotTaken(Conflict):
    """Nobody of the agency has taken the case yet: who decides has it in their name first."""

    code = "CORRECTION_NOT_TAKEN"
    text = Text(th="ยังไม่มีเจ้าหน้าที่รับเรื่องนี้", en="Nobody at the agency has taken this case yet.")


class NotTheAgencysTurn(Conflict):
    """The agency asked the citizen something, and the citizen's days are not over."""

    code = "NOT_THE_AGENCYS_TURN"
    text = Text(th="เรื่องนี้รอข้อมูลเพิ่มเติมจากประชาชนอยู่", en="This case waits for the citizen, whose days are not over yet.")
