"""What can be wrong with a draft."""

from __future__ import annotations

from core.errors import Conflict, NotFound, SitthiError
from core.text import Text


class DraftChanged(Conflict):
    """It was saved elsewhere since: `given` is the revision that the caller had seen (0: none), `current` the one that
    is there. Nothing was written."""

    code = "DRAFT_CHANGED"
    text = Text(
        th="แบบร่างนี้ถูกบันทึกจากที่อื่นแล้ว: ฉบับของคุณคือ {given} ฉบับล่าสุดคือ {current} กรุณาตรวจดูก่อนบันทึกทับ",
        en="This draft was saved elsewhere: you have revision {given}, and the latest is {current}. Please look at it "
        "before you save over it.",
    )

    def __init__(self, *, given: int, current: int, path: tuple[str | int, ...] = ("revision",)) -> None:
        super().__init__(given=given, current=current, path=path)


class DraftGone(NotFound):
    """Discarded, applied with, or expired; or never the caller's."""

    code = "DRAFT_GONE"
    text = Text(
        th="ไม่มีแบบร่างนี้แล้ว อาจถูกลบ หมดอายุ หรือใช้ยื่นคำขอไปแล้ว",
        en="This draft is not there any more: it was discarded, has expired, or was applied with.",
    )


class TooManyDrafts(SitthiError):
    code = "TOO_MANY_DRAFTS"
    text = Text(
        th="เก็บแบบร่างได้ไม่เกิน {most} ฉบับ กรุณาลบฉบับที่ไม่ใช้ก่อน",
        en="At most {most} drafts are kept. Please discard one that you do not need.",
    )


class DraftUnfit(SitthiError):
    """An answer in the draft is not as the form asks; `path` names it."""

    code = "DRAFT_UNFIT"
    text = Text(th="คำตอบในแบบร่างยังไม่ถูกต้อง: {why}", en="An answer in the draft is not as the form asks: {why}")
