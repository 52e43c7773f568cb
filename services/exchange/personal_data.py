"""What the exchange holds of people (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.personal_data import Fate, LegalBasis, PersonalData, Record, Rows, Store
from core.personal_rows import TableStore
from core.text import Text
from services.exchange.access_log.records import AccessEntry, AccessOutcome, ErasedRecord
from services.exchange.access_log.repository import AccessLogReader

PAGE: Final = 200
OFFICER: Final = "an officer"

ACCESS_LOG: Final = Store(
    name="access-log",
    title=Text(th="บันทึกการเข้าถึงข้อมูล", en="Access log"),
    description=Text(
        th="ใครดูข้อมูลใดของท่าน เมื่อใด เพื่ออะไร และด้วยอำนาจใด",
        en="Who looked at what of yours, when, what for and on which ground.",
    ),
    purpose=Text(th="ให้ท่านและศาลตรวจสอบการใช้ข้อมูลได้", en="So that you and a court can check who used your data"),
    basis=LegalBasis.LEGAL_OBLIGATION,
    retention="access-log",
    sensitive=True,
    rows=(
        Rows("access_record", ("subject",), Fate.UNREADABLE),
        Rows("log_leaf", ("subject",), Fate.UNNAMED),
    ),
)
CONSENTS: Final = Store(
    name="consents",
    title=Text(th="ความยินยอม", en="Consents"),
    description=Text(
        th="ความยินยอมที่ท่านให้ ถอน และใบรับความยินยอม", en="What you agreed to, what you withdrew, and the receipts."
    ),
    purpose=Text(th="ใช้ข้อมูลเท่าที่ท่านยินยอม", en="To use data only as you agreed"),
    basis=LegalBasis.CONSENT,
    retention="consents",
    recipients=(Text(th="หน่วยงานที่ท่านยินยอม", en="The agency you agreed to"),),
    rows=(
        Rows("consent_receipt", ("person",), Fate.UNREADABLE),
        Rows(
            "consent",
            ("person",),
            Fate.DELETED,
            {"given_by": "who consented in the person's place", "withdrawn_by": "the same"},
            hidden=frozenset({"receipt_due"}),
        ),
    ),
)
CORRECTIONS: Final = Store(
    name="corrections",
    title=Text(th="คำขอแก้ไขข้อมูล", en="Requests for correction"),
    description=Text(
        th="ข้อเท็จจริงที่ท่านแจ้งว่าผิด และสิ่งที่หน่วยงานทำ", en="What you said was wrong, and what the agency did about it."
    ),
    purpose=Text(th="แก้ไขข้อมูลที่ต้นทาง", en="To put facts right where they are true"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="corrections",
    sensitive=True,
    recipients=(Text(th="หน่วยงานเจ้าของข้อมูล", en="The agency that owns the fact"),),
    rows=(
        Rows("correction_event", ("person",), Fate.UNREADABLE, {"by": OFFICER}),
        Rows("correction", ("person",), Fate.DELETED, {"handler": OFFICER}),
    ),
)
AGREEMENTS: Final = Store(
    name="agreements",
    title=Text(th="ข้อตกลงและคำขอของหน่วยงาน", en="Agreements and requests of agencies"),
    description=Text(
        th="เจ้าหน้าที่ผู้ทำข้อตกลงระหว่างหน่วยงาน และผู้ที่หน่วยงานระบุว่าเป็นผู้ขอข้อมูล ไม่มีว่าข้อมูลของใคร",
        en="The officers who made agreements between agencies, and whom an agency named as asking; not about whom.",
    ),
    purpose=Text(th="ตรวจสอบการใช้ข้อมูลของหน่วยงาน", en="To account for agencies' use of data"),
    basis=LegalBasis.LEGAL_OBLIGATION,
    retention="officer-acts",
    rows=(
        Rows("agreement", (), Fate.UNNAMED, {"proposed_by": OFFICER, "accepted_by": OFFICER}),
        Rows("agreement_event", ("by",), Fate.UNNAMED),
        Rows("agency_request", (), Fate.UNNAMED, {"agent": "the officer or system that asked"}),
    ),
)
BULK_RUNS: Final = Store(
    name="bulk-runs",
    title=Text(th="ชุดข้อมูลที่อ่านทั้งกลุ่มประชากร", en="Snapshots of whole populations"),
    description=Text(
        th="ข้อเท็จจริงที่อ่านพร้อมกันทั้งกลุ่ม เข้ารหัส และลบในวันที่กำหนดไว้ก่อนอ่าน",
        en="Facts read of a whole population under one decision, sealed, deleted on the day that was set beforehand.",
    ),
    purpose=Text(th="จัดทำทะเบียนผู้มีสิทธิ", en="To draw up registers of who is entitled"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="bulk-runs",
    sensitive=True,
    rows=(
        Rows("bulk_member", ("person",), Fate.DELETED),
        Rows("bulk_tie", ("person",), Fate.DELETED, {"other": "somebody of the house, or a child"}),
        Rows("bulk_run", (), Fate.UNNAMED, {"asker_id": "the system that asked"}),
    ),
)
FACTS: Final = Store(
    name="facts",
    title=Text(th="ข้อเท็จจริงจากหน่วยงาน", en="Facts of agencies"),
    description=Text(
        th="ไม่มีสำเนาในฐานข้อมูล มีเพียงค่าที่เพิ่งอ่าน เข้ารหัสไว้ในหน่วยความจำชั่วคราวตามอายุในบัญชีข้อมูล",
        en="There is no copy in the database: only what was read lately, sealed in the cache for as long as the "
        "catalogue says.",
    ),
    purpose=Text(th="ไม่ถามท่านในสิ่งที่รัฐรู้แล้ว", en="Not to ask you what the state already knows"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="cache",
    sensitive=True,
    rows=(),
    elsewhere=(
        Text(th="Redis: ค่าที่เข้ารหัส ใต้กุญแจของบุคคลและข้อเท็จจริง", en="Redis: sealed values, by person and attribute"),
    ),
)


class _AccessLog(TableStore):
    """What may be disclosed of it at the time, as the citizen sees it in the graph."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        super().__init__(ACCESS_LOG, keys)
        self._clock = clock

    async def export(self, session: AsyncSession, person: UUID) -> AsyncIterator[Record]:
        reader, now, before = AccessLogReader(session, self._subjects), self._clock.now(), None
        while page := await reader.page(person, size=PAGE, before=before, at=now):
            before = page[-1].id
            outcomes = await reader.outcomes(person, [entry.id for entry in page], at=now)
            for entry in page:
                yield "access_record", _told(entry, outcomes.get(entry.id, ()))
            if len(page) < PAGE:
                return


def _told(entry: AccessEntry | ErasedRecord, outcomes: Sequence[AccessOutcome]) -> dict[str, Any]:
    if isinstance(entry, ErasedRecord):
        return {"id": entry.id.hex, "at": entry.at.isoformat(), "unreadable": True}
    return {
        "id": entry.id.hex,
        "at": entry.at.isoformat(),
        "asker": dict(entry.asker_label),
        "agency": entry.asker_agency,
        "purpose": entry.purpose,
        "basis": entry.basis,
        "attributes": entry.attributes,
        "decision": entry.decision,
        "reason": entry.reason,
        "outcomes": [{"at": o.at.isoformat(), "states": dict(o.states), "errors": dict(o.errors)} for o in outcomes],
    }


def personal_data(keys: KeyRing, clock: Clock) -> list[PersonalData]:
    return [
        TableStore(CONSENTS, keys),
        TableStore(CORRECTIONS, keys),
        _AccessLog(keys, clock),
        TableStore(FACTS, keys),
        TableStore(AGREEMENTS, keys),
        TableStore(BULK_RUNS, keys),
    ]
