"""What core itself holds of people (core/personal_data.py)."""

from __future__ import annotations

from typing import Final

from core.crypto import KeyRing
from core.personal_data import Fate, LegalBasis, PersonalData, Rows, Store
from core.personal_rows import TableStore
from core.text import Text

REQUESTS: Final = Store(
    name="repeated-requests",
    title=Text(th="คำขอที่ส่งซ้ำ", en="Requests sent twice"),
    description=Text(
        th="รหัสของคำขอที่ทำสำเร็จแล้ว เพื่อไม่ให้ทำซ้ำ ไม่มีเนื้อหาของคำขอ",
        en="Keys of requests that took effect, so that none takes effect twice; not what was in them.",
    ),
    purpose=Text(th="ไม่ให้รายการเดียวกันเกิดซ้ำ", en="To do nothing twice"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="requests",
    rows=(Rows("idempotency_record", ("citizen",), Fate.DELETED, hidden=frozenset({"input_hash", "kept"})),),
)
DATA_KEY: Final = Store(
    name="data-key",
    title=Text(th="กุญแจข้อมูล", en="Data key"),
    description=Text(
        th="กุญแจที่ใช้เข้ารหัสบันทึกที่แก้ไขไม่ได้เกี่ยวกับท่าน เมื่อทำลายแล้วไม่มีใครอ่านบันทึกเหล่านั้นได้อีก",
        en="The key under which records about you that never change are sealed. Without it nobody can read them.",
    ),
    purpose=Text(th="ให้ลบข้อมูลในบันทึกที่แก้ไขไม่ได้", en="To make erasure possible where nothing can be deleted"),
    basis=LegalBasis.LEGAL_OBLIGATION,
    retention="account",
    rows=(Rows("subject_key", ("person",), Fate.DELETED, hidden=frozenset({"key_sealed"})),),
)


def first(keys: KeyRing) -> list[PersonalData]:
    return [TableStore(REQUESTS, keys)]


def last(keys: KeyRing) -> list[PersonalData]:
    """What goes after everything that hangs on it."""
    return [TableStore(DATA_KEY, keys)]
