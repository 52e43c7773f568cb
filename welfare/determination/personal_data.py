"""What determinations over whole populations hold of people (core/personal_data.py)."""

from __future__ import annotations

from typing import Final

from core.crypto import KeyRing
from core.personal_data import Fate, LegalBasis, PersonalData, Rows, Store
from core.personal_rows import TableStore
from core.text import Text

_CHILD: Final = {"beneficiary": "the person, or a child of theirs"}
_OFFICERS: Final = {"maker": "an officer", "checker": "an officer"}
REGISTERS: Final = Store(
    name="entitlement-registers",
    title=Text(th="ทะเบียนผู้มีสิทธิที่ยังไม่ได้ยื่นคำขอ", en="Registers of who is entitled and has not applied"),
    description=Text(
        th="ท่านมีสิทธิในโครงการใดตามกฎเกณฑ์ หรือยังบอกไม่ได้ ณ วันใด โดยไม่มีข้อเท็จจริงที่ใช้",
        en="To which programme the rules say you are entitled, or that nobody can say, and as of which day; no facts.",
    ),
    purpose=Text(th="จัดทำทะเบียนผู้มีสิทธิ", en="To draw up registers of who is entitled"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="bulk-runs",
    rows=(
        Rows("determination_answer", ("person",), Fate.DELETED, _CHILD),
        Rows("determination_run", (), Fate.UNNAMED, _OFFICERS),
    ),
)
NOTICES: Final = Store(
    name="entitlement-notices",
    title=Text(th="การแจ้งสิทธิ", en="Notices of entitlement"),
    description=Text(
        th="ท่านมีสิทธิในโครงการใดตั้งแต่เมื่อใดถึงเมื่อใด และแจ้งท่านแล้วเมื่อใด เพื่อไม่ให้แจ้งซ้ำ",
        en="From when to when you were entitled to which programme, and when you were told, so that you are told once.",
    ),
    purpose=Text(th="แจ้งสิทธิครั้งเดียว", en="To tell you once"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="entitlement-notices",
    rows=(Rows("entitlement_spell", ("person",), Fate.DELETED, _CHILD),),
)


def personal_data(keys: KeyRing) -> list[PersonalData]:
    return [TableStore(REGISTERS, keys), TableStore(NOTICES, keys)]
