"""What is held of people about what agencies did with what they issued (core/personal_data.py)."""

from __future__ import annotations

from typing import Final

from core.crypto import KeyRing
from core.personal_data import Fate, LegalBasis, PersonalData, Rows, Store
from core.personal_rows import TableStore
from core.text import Text

STANDING: Final = Store(
    name="issued",
    title=Text(th="สถานะเอกสารที่หน่วยงานออกให้", en="How what agencies issued to you stands"),
    description=Text(
        th="เอกสาร PDF ใดเป็นของท่าน และหน่วยงานเพิกถอน ระงับ หรือออกใหม่เมื่อใด เพราะเหตุใด",
        en="Which PDF documents are yours, and when and why an agency took back, suspended or reissued anything.",
    ),
    purpose=Text(th="แจ้งและดูแลสถานะของเอกสารที่ออกแล้ว", en="To keep what was issued right, and to tell you of it"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="issued",
    sensitive=True,
    rows=(
        Rows(
            "standing_act",
            ("person",),
            Fate.DELETED,
            names={"actor": "an officer in the agency's name, or a system of it"},
            hidden=frozenset({"key", "digest"}),
            alone=True,
        ),
        Rows("held_paper", ("person",), Fate.DELETED, alone=True),
    ),
)


def personal_data(keys: KeyRing) -> list[PersonalData]:
    return [TableStore(STANDING, keys)]
