"""What the room that pays refuses, and why."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, NotFound, SitthiError
from core.text import Text


class WrongState(Conflict):
    code = "PAYMENT_WRONG_STATE"
    text = Text(
        th="ทำรายการ {event} ไม่ได้ เพราะสถานะเป็น {status}", en="{event} is not possible while the status is {status}."
    )


class RunNotFound(NotFound):
    code = "RUN_NOT_FOUND"
    text = Text(th="ไม่พบรอบจ่ายเงินนี้ในหน่วยงานของคุณ", en="Your agency has no payment run of that id.")


class InstalmentNotFound(NotFound):
    code = "INSTALMENT_NOT_FOUND"
    text = Text(th="ไม่พบรายการจ่ายนี้ในหน่วยงานของคุณ", en="Your agency has no instalment of that id.")


class NotPaidAgain(Conflict):
    """It did not come back, or is paid again already, or is not owed any more, or the bank paid it after all."""

    code = "NOT_PAID_AGAIN"
    text = Text(
        th="จ่ายรายการนี้ซ้ำไม่ได้: ไม่ได้ถูกส่งคืน จ่ายใหม่แล้ว ไม่ต้องจ่ายแล้ว หรือธนาคารจ่ายแล้ว",
        en="This is not paid again: it did not come back, is paid again already, is not owed any more, or the bank "
        "paid it after all.",
    )


class NothingDue(SitthiError):
    code = "NOTHING_DUE"
    text = Text(
        th="ไม่มีรายการที่ต้องจ่ายของ {agency} สำหรับงวด {period}",
        en="Nothing is due from {agency} for {period} that is not in a run already.",
    )


class PeriodNotOpen(SitthiError):
    code = "PERIOD_NOT_OPEN"
    text = Text(
        th="ยังวางแผนจ่ายงวด {period} ไม่ได้ วางแผนล่วงหน้าได้ถึงเดือนถัดไป",
        en="{period} cannot be planned yet: a run is planned for this month, the next, or an earlier one.",
    )


class NotYourAgency(NotAllowed):
    code = "NOT_YOUR_AGENCY"
    text = Text(th="คุณไม่ใช่เจ้าหน้าที่ของหน่วยงานที่จ่ายเงินรอบนี้", en="You are not an officer of the agency that pays.")


class NotAPaymentOfficer(NotAllowed):
    code = "NOT_A_PAYMENT_OFFICER"
    text = Text(th="คุณไม่มีหน้าที่ด้านการจ่ายเงิน", en="You have no role in paying out.")


class SameOfficer(NotAllowed):
    """Four eyes: the officer who planned a run may not approve it."""

    code = "SAME_OFFICER"
    text = Text(
        th="ผู้วางแผนรอบจ่ายอนุมัติเองไม่ได้ ต้องเป็นเจ้าหน้าที่อีกคน",
        en="Whoever planned the run may not approve it; another officer must.",
    )


class RunChanged(Conflict):
    """What is in the run is not what was planned: someone wrote past this room."""

    code = "RUN_CHANGED"
    text = Text(th="รายการในรอบจ่ายไม่ตรงกับที่วางแผนไว้", en="The instalments of the run are not those that were planned.")


class BreakNotFound(NotFound):
    code = "BREAK_NOT_FOUND"
    text = Text(th="ไม่พบรายการที่ไม่ตรงนี้ในหน่วยงานของคุณ", en="Your agency has no break of that id.")


class BreakClosed(Conflict):
    code = "BREAK_CLOSED"
    text = Text(th="รายการที่ไม่ตรงนี้ปิดแล้ว", en="This break is closed already.")


class NotResolvedSo(Conflict):
    """Nobody proposed that, or it is no way to close such a break, or the payment's state does not allow it now."""

    code = "NOT_RESOLVED_SO"
    text = Text(
        th="ปิดรายการ {kind} ด้วยผล {outcome} ไม่ได้: ไม่ตรงกับที่เสนอ หรือสถานะการจ่ายไม่อนุญาต",
        en="{kind} cannot be closed as {outcome}: nobody proposed that, or the payment's state does not allow it.",
    )


class BankFileRefused(SitthiError):
    """A file from the bank that cannot be used. Nothing of it was applied."""

    code = "BANK_FILE_REFUSED"
    text = Text(th="ใช้ไฟล์จากธนาคารไม่ได้: {why} ({where})", en="The bank's file cannot be used: {why} ({where}).")

    def __init__(self, why: str | Text, where: str) -> None:
        super().__init__(why=why, where=where)
        self.where = where


class BankSaysDuplicate(Conflict):
    """The bank refused the whole file as one it knows. Whether it was paid is for its notifications to say."""

    code = "BANK_SAYS_DUPLICATE"
    text = Text(
        th="ธนาคารแจ้งว่าเคยได้รับไฟล์นี้แล้ว ให้กระทบยอดกับรายการที่ธนาคารลงบัญชี",
        en="The bank says that it has had this file before; reconcile to see what it booked.",
    )
