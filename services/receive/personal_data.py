"""What the room that receives holds of people (core/personal_data.py)."""

from __future__ import annotations

from typing import Final

from core.crypto import KeyRing
from core.personal_data import Fate, LegalBasis, PersonalData, Rows, Store
from core.personal_rows import TableStore
from core.text import Text

RECEIPTS: Final = Store(
    name="receipts",
    title=Text(th="ใบรับเงิน", en="Receipts"),
    description=Text(
        th="หลักฐานว่าจ่ายเงินแล้ว และการยืนยันของท่าน", en="Proof that you were paid, and that you confirmed it."
    ),
    purpose=Text(th="พิสูจน์การจ่ายเงิน", en="To prove a payment"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="accounting",
    recipients=(Text(th="ผู้ที่ท่านให้รหัสตรวจสอบ", en="Whoever you give the verification code to"),),
    rows=(Rows("receipt", ("person",), Fate.DELETED),),
)
RATINGS: Final = Store(
    name="ratings",
    title=Text(th="ความพึงพอใจ", en="Ratings"),
    description=Text(th="คะแนนและความเห็นของท่าน", en="Your scores, and what you wrote."),
    purpose=Text(th="ปรับปรุงบริการ", en="To improve services"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="ratings",
    sensitive=True,
    rows=(Rows("rating", ("person",), Fate.DELETED, alone=True),),
)
DISPUTES: Final = Store(
    name="disputes",
    title=Text(th="เรื่องโต้แย้งการจ่ายเงิน", en="Disputes of payments"),
    description=Text(
        th="รายการที่ท่านแจ้งว่าเงินไม่เข้าหรือไม่ครบ และคำตอบของหน่วยงาน",
        en="Payments that you said did not come, or not in full, and what the agency answered.",
    ),
    purpose=Text(th="พิสูจน์และแก้ไขการจ่ายเงิน", en="To prove payments, and to put them right"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="accounting",
    sensitive=True,
    recipients=(Text(th="หน่วยงานที่จ่ายเงิน", en="The agency that paid"),),
    rows=(
        Rows("dispute_event", ("person",), Fate.UNREADABLE, {"by": "an officer"}),
        Rows("dispute", ("person",), Fate.DELETED),
    ),
)


def personal_data(keys: KeyRing) -> list[PersonalData]:
    """Ratings first: they hang on receipts."""
    return [TableStore(RATINGS, keys), TableStore(DISPUTES, keys), TableStore(RECEIPTS, keys)]
