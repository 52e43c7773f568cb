"""What is held of people as drafts (core/personal_data.py)."""

from __future__ import annotations

from typing import Final

from core.personal_data import Fate, LegalBasis, Rows, Store
from core.text import Text

DRAFTS: Final = Store(
    name="drafts",
    title=Text(th="แบบร่างที่ยังไม่ได้ยื่น", en="Forms that you have not sent yet"),
    description=Text(
        th="คำตอบที่ท่านกรอกค้างไว้ ลบเองเมื่อยื่นคำขอ หรือ 90 วันหลังบันทึกครั้งสุดท้าย ไม่มีข้อมูลที่รัฐมีอยู่แล้วอยู่ในนั้น",
        en="What you answered so far. It goes when you apply, or 90 days after you saved it last. What the state knows "
        "is not in it.",
    ),
    purpose=Text(th="ให้ท่านกรอกต่อจากที่ค้างไว้ได้", en="So that you can go on where you left off"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="drafts",
    sensitive=True,
    rows=(
        Rows(
            "draft",
            ("person",),
            Fate.DELETED,
            {"beneficiary": "the person, or a child of theirs", "saved_by": "who acts for the person"},
            alone=True,
        ),
    ),
)
