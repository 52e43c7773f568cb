"""Why something cannot be shared, or a share not be opened."""

from __future__ import annotations

from core.errors import Conflict, NotFound, SitthiError
from core.text import Text


class ShareNotThere(NotFound):
    """To whoever brings a code: invented, over, used up and revoked are alike (docs/adr/0057)."""

    code = "SHARE_NOT_THERE"
    text = Text(
        th="เปิดไม่ได้: ลิงก์ไม่ถูกต้อง หมดอายุ ถูกเปิดครบจำนวน หรือเจ้าของยกเลิกแล้ว ให้ขอลิงก์ใหม่จากเจ้าของ",
        en="There is nothing to open: the link is wrong, over, used up, or was revoked. Ask its owner for another.",
    )


class ShareTakenBack(Conflict):
    """To whoever brings the code of one that is open: the agency, or its citizen, took back what it shows."""

    code = "SHARE_TAKEN_BACK"
    text = Text(
        th="เอกสารที่แบ่งปันถูกเพิกถอนหรือถูกระงับแล้ว จึงเปิดไม่ได้",
        en="What was shared has been taken back or suspended: it is not shown.",
    )


class ShareNotFound(NotFound):
    """To its citizen: unknown and another's are alike."""

    code = "SHARE_NOT_FOUND"
    text = Text(th="ไม่พบการแบ่งปันนี้", en="There is no such share of yours.")


class NotShareable(SitthiError):
    """The document is no PDF that an agency signed: who opened it could not tell whether it is genuine."""

    code = "NOT_SHAREABLE"
    text = Text(
        th="แบ่งปันได้เฉพาะเอกสาร PDF ที่หน่วยงานลงลายมือชื่อดิจิทัล ซึ่งผู้รับตรวจสอบเองได้",
        en="Only a PDF that an agency signed can be shared: whoever opens it can verify it.",
    )


class ShareChosen(Conflict):
    """What was prepared was made into a share already, or its time is over."""

    code = "SHARE_CHOSEN"
    text = Text(
        th="รายการที่เตรียมไว้ถูกใช้ไปแล้วหรือหมดเวลา กรุณาเริ่มใหม่",
        en="What was prepared is made into a share already, or its time is over. Please begin again.",
    )


class TooManyShares(SitthiError):
    code = "TOO_MANY_SHARES"
    text = Text(
        th="คุณมีการแบ่งปันที่ยังเปิดอยู่ครบ {most} รายการ กรุณายกเลิกรายการที่ไม่ใช้",
        en="You have {most} shares that are open, which is the most. Please revoke one that is not needed.",
    )
