"""What is refused of fees."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, NotFound, SitthiError
from core.text import Text


class OwnMoney(NotAllowed):
    """The payment, the bill or the account is of one of the two officers, of their house, or of somebody for whom they
    act."""

    code = "INCOMING_OWN"
    text = Text(
        th="เป็นเงิน ใบแจ้ง หรือบัญชีของเจ้าหน้าที่เอง ของคนในบ้าน หรือของผู้ที่ดำเนินการแทน ต้องให้เจ้าหน้าที่อื่นดำเนินการ",
        en="The payment, the bill or the account is the officer's, their household's, or of somebody for whom they "
        "act; others have to see to it.",
    )


class NothingToPay(Conflict):
    code = "NOTHING_TO_PAY"
    text = Text(th="ไม่มีค่าธรรมเนียมหรือยอดที่ต้องชำระในเรื่องนี้", en="There is nothing to pay for this.")


class BillPaid(Conflict):
    code = "BILL_PAID"
    text = Text(th="ชำระเรื่องนี้แล้ว", en="This is paid already.")


class NoticeNotSigned(SitthiError):
    """A notice of payment without the bank's signature, or with one that does not hold. Nothing of it was read."""

    code = "NOTICE_NOT_SIGNED"
    text = Text(th="ไม่มีลายมือชื่อของธนาคาร หรือลายมือชื่อไม่ถูกต้อง", en="The bank's signature is missing or wrong.")


class NoticeMalformed(SitthiError):
    code = "NOTICE_MALFORMED"
    text = Text(th="ข้อมูลการชำระเงินจากธนาคารไม่ถูกต้อง: {where}", en="The bank's notice cannot be used: {where}.")


class NoticeConflict(Conflict):
    """The bank's transaction id stands for another payment."""

    code = "NOTICE_CONFLICT"
    text = Text(
        th="เลขที่รายการนี้ของธนาคารเคยแจ้งไว้เป็นอย่างอื่น", en="This transaction id of the bank was told otherwise before."
    )


class UnknownBiller(SitthiError):
    code = "UNKNOWN_BILLER"
    text = Text(th="ไม่รู้จักเลขผู้รับชำระนี้", en="No agency here has this biller id.")


class IncomingNotFound(NotFound):
    code = "INCOMING_NOT_FOUND"
    text = Text(th="ไม่พบรายการรับเงินนี้ที่ต้องคืน", en="Your agency has no payment of that id that is to go back.")


class BillNotAssignable(Conflict):
    """The agency has no such bill of a fee, or of another amount, or it is paid, withdrawn or not owed any more."""

    code = "BILL_NOT_ASSIGNABLE"
    text = Text(
        th="นำเงินนี้ไปชำระใบแจ้งนั้นไม่ได้: ไม่มีใบแจ้ง จำนวนไม่ตรง ชำระแล้ว หรือไม่ต้องชำระแล้ว",
        en="That bill is not paid by this: there is none, of this amount, that is still owed.",
    )
