"""What is held of people who share, and of whom employers ask (core/personal_data.py)."""

from __future__ import annotations

from typing import Final

from core.crypto import KeyRing
from core.personal_data import Fate, LegalBasis, PersonalData, Rows, Store
from core.personal_rows import TableStore
from core.text import Text

SHARES: Final = Store(
    name="shares",
    title=Text(th="การแบ่งปันเอกสาร", en="What you shared"),
    description=Text(
        th="เอกสารหรือข้อมูลที่ท่านแบ่งปัน ให้ใคร ถึงเมื่อใด และถูกเปิดเมื่อใด",
        en="Documents and claims that you shared, with whom, until when, and when each was opened.",
    ),
    purpose=Text(
        th="ให้ผู้ที่ท่านเลือกเปิดดูและตรวจสอบเอกสารของท่าน", en="To let whom you choose see and verify a document of yours"
    ),
    basis=LegalBasis.CONSENT,
    retention="shares",
    sensitive=True,
    recipients=(Text(th="ผู้ที่ท่านให้ลิงก์", en="Whoever you give the link to"),),
    rows=(
        Rows("share_opening", ("person",), Fate.DELETED, alone=True),
        Rows(
            "share",
            ("person",),
            Fate.DELETED,
            hidden=frozenset({"code", "secret_sealed", "content_sealed"}),
            alone=True,
        ),
    ),
)
CHECKS: Final = Store(
    name="checks",
    title=Text(th="คำขอตรวจสอบคุณวุฒิ", en="Checks of your qualifications"),
    description=Text(
        th="ผู้ใดขอตรวจว่าคุณวุฒิที่ท่านแจ้งถูกต้องหรือไม่ ท่านตอบว่าอย่างไร และเขาได้รับคำตอบว่าอะไร",
        en="Who asked whether the qualifications that you gave are right, what you decided, and what they were told.",
    ),
    purpose=Text(th="ให้ท่านตัดสินใจเองว่าจะให้ตอบผู้ขอหรือไม่", en="To let you decide whether they are answered"),
    basis=LegalBasis.CONSENT,
    retention="checks",
    sensitive=True,
    recipients=(Text(th="ผู้ขอที่ท่านยินยอมให้ตอบ", en="Whoever asked and you agreed to"),),
    rows=(Rows("check_asked", ("person",), Fate.DELETED, alone=True),),
)


def personal_data(keys: KeyRing) -> list[PersonalData]:
    return [TableStore(SHARES, keys), TableStore(CHECKS, keys)]
