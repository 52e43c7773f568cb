"""What can go wrong when an agency takes something back."""

from __future__ import annotations

from core.errors import NotFound, SitthiError
from core.text import Text


class IssuedNotFound(NotFound):
    """There is none of that id, or another agency issued it."""

    code = "ISSUED_NOT_FOUND"
    text = Text(th="ไม่พบเอกสารนี้ในเอกสารที่หน่วยงานของคุณออก", en="Your agency has issued no such credential or paper.")


class StandingConflict(SitthiError):
    """It stands where that act leads nowhere: what was taken back for good stays so."""

    code = "STANDING_CONFLICT"
    text = Text(
        th="ทำรายการนี้ไม่ได้ เพราะสถานะปัจจุบันของเอกสารคือ {status}", en="This cannot be done: it is {status} at this moment."
    )
