"""What the room that receives refuses."""

from __future__ import annotations

from core.errors import Conflict, NotFound
from core.text import Text


class ReceiptNotFound(NotFound):
    code = "RECEIPT_NOT_FOUND"
    text = Text(th="ไม่พบใบรับเงินนี้", en="There is no such receipt of yours.")


class AlreadyConfirmed(Conflict):
    code = "RECEIPT_ALREADY_CONFIRMED"
    text = Text(th="ยืนยันการรับเงินรายการนี้ไปแล้ว", en="This receipt was confirmed before.")


class MoneyCameBack(Conflict):
    """The bank took back what it had booked: there is nothing to confirm, until it is paid again."""

    code = "RECEIPT_MONEY_CAME_BACK"
    text = Text(
        th="ธนาคารดึงเงินรายการนี้กลับไปแล้ว จึงยืนยันการรับเงินไม่ได้ ดูสิ่งที่ต้องทำได้ที่รายการจ่ายเงิน",
        en="The bank took this money back, so there is nothing to confirm; the payment itself says what to do.",
    )


class AlreadyRated(Conflict):
    code = "RECEIPT_ALREADY_RATED"
    text = Text(th="ให้คะแนนรายการนี้ไปแล้ว", en="This payment was rated before.")
