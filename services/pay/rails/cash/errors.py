"""What a counter refuses, and why."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, NotFound, SitthiError
from core.text import Text


class SlipNotFound(NotFound):
    code = "CASH_SLIP_NOT_FOUND"
    text = Text(th="ไม่พบใบรับเงินสดนี้ที่หน่วยงานของคุณ", en="Your agency has no slip of that number.")


class NotACounterOfficer(NotAllowed):
    code = "NOT_A_PAY_COUNTER"
    text = Text(th="คุณไม่มีหน้าที่จ่ายเงินสดที่เคาน์เตอร์", en="You have no role at the counter that pays out.")


class NotThisOfficer(NotAllowed):
    """It is the officer's own money, or the officer had the code printed."""

    code = "CASH_NOT_THIS_OFFICER"
    text = Text(
        th="ผู้ที่ออกรหัสหรือเป็นเจ้าของเงินจ่ายรายการนี้เองไม่ได้ ต้องเป็นเจ้าหน้าที่อีกคน",
        en="Whoever had the code printed, or is the payee, may not pay this out; another officer must.",
    )


class SlipRefused(SitthiError):
    """The code is wrong or was replaced, or the person is another: alike on purpose. It counts as a try."""

    code = "CASH_SLIP_REFUSED"
    text = Text(
        th="รหัสหรือเลขประจำตัวประชาชนไม่ตรงกับใบรับเงินสดนี้ เหลือ {left} ครั้ง",
        en="The code or the national ID is not that of this slip; {left} tries are left.",
    )


class SlipLocked(Conflict):
    code = "CASH_SLIP_LOCKED"
    text = Text(
        th="ใส่รหัสผิดครบจำนวนครั้งแล้ว ต้องออกรหัสใหม่", en="There were too many wrong tries: another code has to be made."
    )


class NoMoreCodes(Conflict):
    code = "CASH_NO_MORE_CODES"
    text = Text(th="ออกรหัสของใบนี้ครบจำนวนครั้งแล้ว", en="This slip has had as many codes as it may.")


class SlipNotOpen(Conflict):
    """Paid out already, or came back because nobody collected it, or too old, or not due yet."""

    code = "CASH_SLIP_NOT_OPEN"
    text = Text(
        th="จ่ายใบนี้ไม่ได้: จ่ายแล้ว พ้นกำหนด หรือยังไม่ถึงกำหนด",
        en="This slip cannot be paid out: it was paid already, is too old, or is not due yet.",
    )


class DayNotOver(SitthiError):
    code = "CASH_DAY_NOT_OVER"
    text = Text(th="ปิดยอดได้เมื่อสิ้นวันแล้ว", en="A day is reported once it is over.")


class DayBalanced(Conflict):
    code = "CASH_DAY_BALANCED"
    text = Text(th="ปิดยอดวันนี้แล้ว", en="That day is balanced already.")
