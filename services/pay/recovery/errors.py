"""What recovery refuses."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, NotFound, SitthiError
from core.text import Text


class PlanNotFound(NotFound):
    code = "RECOVERY_NOT_FOUND"
    text = Text(th="ไม่พบข้อตกลงคืนเงินนี้", en="There is no such agreement on paying back.")


class PlanAnswered(Conflict):
    code = "RECOVERY_ANSWERED"
    text = Text(th="ข้อตกลงคืนเงินนี้ตอบไปแล้ว", en="This proposal to pay back was answered already, or was taken back.")


class PlanOpen(Conflict):
    code = "RECOVERY_OPEN"
    text = Text(
        th="มีข้อตกลงคืนเงินที่ยังไม่เสร็จกับหน่วยงานนี้อยู่แล้ว",
        en="There is an agreement with this agency already that is not done yet.",
    )


class NothingToRecover(SitthiError):
    code = "NOTHING_TO_RECOVER"
    text = Text(th="ไม่มียอดที่ต้องเรียกคืน", en="Nothing is left of that to be paid back.")


class TooMuchPaidBack(SitthiError):
    """What came in beyond what is owed is not taken: it waits for a person."""

    code = "TOO_MUCH_PAID_BACK"
    text = Text(th="ยอดที่คืนมากกว่าที่ค้าง: ค้าง {left} บาท", en="More than is owed: {left} baht are left.")


class BankEntryBooked(Conflict):
    code = "BANK_ENTRY_BOOKED"
    text = Text(th="ลงรายการธนาคารนี้ไปแล้ว", en="That entry of the bank was booked already.")


class OwnDebt(NotAllowed):
    """It is owed by the officer, by one of the two, by somebody in their house, or by somebody for whom they act."""

    code = "RECOVERY_OWN"
    text = Text(
        th="เป็นหนี้ของเจ้าหน้าที่เอง ของคนในบ้าน หรือของผู้ที่ดำเนินการแทน ต้องให้เจ้าหน้าที่อื่นดำเนินการ",
        en="It is owed by the officer, by their household, or by somebody for whom they act; others have to see to it.",
    )
