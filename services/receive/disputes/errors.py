"""What disputes refuse."""

from __future__ import annotations

from core.errors import Conflict, NotFound, SitthiError
from core.text import Text


class PaymentNotFound(NotFound):
    code = "PAYMENT_NOT_FOUND"
    text = Text(th="ไม่พบรายการจ่ายเงินนี้", en="There is no such payment of yours.")


class DisputeOpen(SitthiError):
    code = "DISPUTE_OPEN"
    text = Text(th="มีเรื่องโต้แย้งของรายการนี้ที่ยังไม่จบ", en="A dispute of this payment is not over yet.")


class DisputeTooEarly(SitthiError):
    """The money is not due yet, or on its way within the days that banks take."""

    code = "DISPUTE_TOO_EARLY"
    text = Text(
        th="เงินรายการนี้ยังไม่ถึงกำหนด โต้แย้งได้ตั้งแต่วันที่ {day}", en="This is not due yet. You can dispute it from {day}."
    )


class DisputeTooLate(SitthiError):
    """The citizen confirmed long ago that the money came."""

    code = "DISPUTE_TOO_LATE"
    text = Text(
        th="คุณยืนยันการรับเงินรายการนี้แล้ว และพ้นกำหนดโต้แย้งเมื่อวันที่ {day}",
        en="You confirmed that this money came; it could be disputed until {day}.",
    )


class NothingToDispute(SitthiError):
    """What came back is paid again and says so itself; what was cancelled is not owed."""

    code = "NOTHING_TO_DISPUTE"
    text = Text(
        th="รายการนี้ถูกตีกลับหรือยกเลิก ดูสิ่งที่ต้องทำได้ที่รายการจ่ายเงิน",
        en="This came back or was cancelled; the payment itself says what to do.",
    )


class DisputeClosed(Conflict):
    code = "DISPUTE_CLOSED"
    text = Text(th="เรื่องโต้แย้งนี้จบแล้ว", en="This dispute is over.")


class NotYourTurn(Conflict):
    """The other side is to say something first."""

    code = "DISPUTE_NOT_YOUR_TURN"
    text = Text(th="เรื่องนี้รออีกฝ่ายอยู่", en="It is the other side's turn in this dispute.")
