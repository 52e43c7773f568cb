"""What citizens are told of their bills."""

from __future__ import annotations

from typing import Final

from core.text import Text
from identity.inbox.templates import messages_beside
from services.pay.fees.states import Verdict

MESSAGES: Final = messages_beside(__file__)
PAID: Final = MESSAGES["pay.bill-paid"]
GOES_BACK: Final = MESSAGES["pay.bill-goes-back"]
REFUNDED: Final = MESSAGES["pay.bill-refunded"]
WHY: Final = {
    Verdict.WRONG_AMOUNT: Text(th="จำนวนเงินไม่ตรงกับใบแจ้ง", en="the amount is not what the bill says"),
    Verdict.LATE: Text(th="ชำระหลังใบแจ้งหมดอายุ", en="the bill had expired"),
    Verdict.PAID_ALREADY: Text(th="ชำระแล้วก่อนหน้านี้", en="it was paid already"),
    Verdict.NOT_DUE: Text(th="ไม่มียอดที่ต้องชำระแล้ว", en="there is nothing to pay any more"),
}
