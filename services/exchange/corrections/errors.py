"""Errors of corrections."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class CorrectionOpen(SitthiError):
    code = "CORRECTION_OPEN"
    text = Text(
        th="มีคำขอแก้ไขข้อมูลรายการนี้ที่หน่วยงานกำลังพิจารณาอยู่แล้ว",
        en="A correction of this is already with the agency.",
    )
