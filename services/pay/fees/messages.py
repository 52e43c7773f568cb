"""What citizens are told of their bills."""

from __future__ import annotations

from typing import Final

from core.text import Text
from identity.inbox.service import MessageTemplate
from services.pay.fees.states import Verdict

PAID: Final = MessageTemplate(
    id="pay.bill-paid",
    title=Text(th="ได้รับชำระ {amount} บาทแล้ว", en="Your payment of {amount} baht has come"),
    body=Text(
        th="{title}: ได้รับชำระ {amount} บาทแล้ว ใบเสร็จรับเงินอยู่ในแอป",
        en="{title}: {amount} baht was paid. The receipt is in the app.",
    ),
)
GOES_BACK: Final = MessageTemplate(
    id="pay.bill-goes-back",
    title=Text(th="เงินที่ชำระ {amount} บาทจะคืนให้ผู้ชำระ", en="{amount} baht will go back to whoever paid it"),
    body=Text(
        th="{title}: มีการชำระ {amount} บาท แต่{why} จึงไม่นำไปใช้แม้บางส่วน และจะคืนให้ผู้ชำระทั้งจำนวน",
        en="{title}: {amount} baht came, but {why}. None of it was used, and all of it goes back to whoever paid.",
    ),
)
REFUNDED: Final = MessageTemplate(
    id="pay.bill-refunded",
    title=Text(th="คืนเงิน {amount} บาทแล้ว", en="{amount} baht went back"),
    body=Text(
        th="{title}: คืนเงิน {amount} บาทให้ผู้ชำระผ่านธนาคารแล้ว",
        en="{title}: {amount} baht went back through the bank to whoever had paid it.",
    ),
)
WHY: Final = {
    Verdict.WRONG_AMOUNT: Text(th="จำนวนเงินไม่ตรงกับใบแจ้ง", en="the amount is not what the bill says"),
    Verdict.LATE: Text(th="ชำระหลังใบแจ้งหมดอายุ", en="the bill had expired"),
    Verdict.PAID_ALREADY: Text(th="ชำระแล้วก่อนหน้านี้", en="it was paid already"),
    Verdict.NOT_DUE: Text(th="ไม่มียอดที่ต้องชำระแล้ว", en="there is nothing to pay any more"),
}
