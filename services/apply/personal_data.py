"""What the room of applications holds of people (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.crypto import KeyRing
from core.personal_data import Erasure, Fate, LegalBasis, PersonalData, Rows, Stay, Store
from core.personal_rows import TableStore
from core.text import Text
from services.apply.delivery.desk import DeliveryDesk
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import EVENTS_KEPT, Step
from services.apply.drafts.personal_data import DRAFTS
from services.apply.evidence.personal_data import EVIDENCE, EvidenceStore
from services.apply.models import Appeal, Application, Decision
from services.apply.service import ApplyService
from services.apply.states import ACTIVE, GRANTED, Status

APPEAL_TIME: Final = timedelta(days=15)
"""Administrative Procedure Act 2539 s.44: an administrative act is appealed within 15 days of its notice."""

APPLICATIONS: Final = Store(
    name="applications",
    title=Text(th="คำขอ คำวินิจฉัย และอุทธรณ์", en="Applications, decisions and appeals"),
    description=Text(
        th="คำขอที่ท่านยื่น คำตอบของท่าน ผลการพิจารณาพร้อมข้อเท็จจริงที่ใช้ อุทธรณ์ และสิ่งที่เจ้าหน้าที่ถาม บันทึก และเสนอ",
        en="What you applied for and answered, what was decided on which facts, your appeals, and what officers asked, "
        "noted and proposed.",
    ),
    purpose=Text(th="พิจารณาสิทธิและสวัสดิการ", en="To decide on benefits and services"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="applications",
    sensitive=True,
    recipients=(Text(th="หน่วยงานที่ให้บริการหรือจ่ายสวัสดิการ", en="The agency that offers the service or pays the benefit"),),
    rows=(
        Rows("service_case", ("person",), Fate.DELETED, hidden=frozenset({"lease", "leased_until", "rests_on"})),
        Rows("delivery_attempt", (), Fate.UNNAMED),
        Rows("appeal", ("person",), Fate.DELETED),
        Rows("reassessment", ("person",), Fate.DELETED, {"officer": "an officer"}),
        Rows("household_look", ("person",), Fate.DELETED),
        Rows("desk_case", ("person",), Fate.DELETED, {"handler": "the officer who has it"}),
        Rows("desk_question", ("person",), Fate.DELETED, {"officer": "an officer"}),
        Rows("desk_note", ("person",), Fate.UNREADABLE, {"officer": "an officer"}),
        Rows("desk_decision", ("person",), Fate.UNREADABLE, {"maker": "an officer", "checker": "another officer"}),
        Rows("decision", ("person",), Fate.UNREADABLE),
        Rows(
            "application_event",
            ("person",),
            Fate.UNNAMED,
            {"acted_by": "who acts for the person", "officer": "an officer"},
        ),
        Rows(
            "application",
            ("person",),
            Fate.BLANKED,
            {"beneficiary": "the person, or a child of theirs", "unit_key": "the same, or their household"},
            blank={"answers_sealed": b"{}", "missing": [], "unit_key": lambda row: f"erased:{row['id'].hex}"},
        ),
    ),
)


EVENTS: Final = Store(
    name="agency-events",
    title=Text(th="เรื่องที่ต้องแจ้งหน่วยงาน", en="What agencies are still to be told"),
    description=Text(
        th="การถอนคำขอ การถอนความยินยอม และการลบข้อมูล ที่ยังแจ้งหน่วยงานซึ่งมีข้อมูลของท่านไม่สำเร็จ",
        en="Withdrawn applications and consents, and erasures, that an agency with data of yours has not heard of yet.",
    ),
    purpose=Text(th="ให้หน่วยงานหยุดใช้หรือลบข้อมูลของท่าน", en="So that agencies stop using your data, or erase them"),
    basis=LegalBasis.LEGAL_OBLIGATION,
    retention="agency-events",
    recipients=(Text(th="หน่วยงานที่ให้บริการ", en="The agency that offers the service"),),
    rows=(Rows("agency_event", (), Fate.UNNAMED),),
)
OWED: Final = "OWED_TO_AGENCY"


class _Applications(TableStore):
    def __init__(self, keys: KeyRing, apply: ApplyService, desk: DeliveryDesk) -> None:
        super().__init__(APPLICATIONS, keys)
        self._apply, self._desk = apply, desk

    async def prepare(self, session: AsyncSession, erasure: Erasure) -> None:
        """Takes back what is not decided; and what is granted, if the person gives that up. Agencies that have
        something of the person are told."""
        query = select(col(Application.id), col(Application.status)).where(
            col(Application.person) == erasure.person, col(Application.status).in_([s.value for s in ACTIVE])
        )
        for key, status in (await session.execute(query)).tuples().all():
            if Status(status) not in GRANTED or erasure.end_benefits:
                await self._apply.withdraw(session, erasure.person, key, leaving=True)
        await self._desk.erased(session, erasure.person, erasure.at)

    async def stays(self, session: AsyncSession, erasure: Erasure) -> Sequence[Stay]:
        """A decision while it can still be appealed; and what an agency is still to take off its list."""
        return (*await self._appealable(session, erasure), *await self._owed(session, erasure))

    async def _owed(self, session: AsyncSession, erasure: Erasure) -> Sequence[Stay]:
        """Without the number of the person and of the application no agency finds it."""
        since = await session.scalar(
            select(func.max(col(ServiceCase.owed_since))).where(
                col(ServiceCase.person) == erasure.person,
                col(ServiceCase.due_at).is_not(None),
                or_(col(ServiceCase.step) == Step.CANCEL.value, col(ServiceCase.cancel_wanted)),
            )
        )
        if since is None or since + EVENTS_KEPT <= erasure.at:
            return ()
        return (
            Stay(
                store=APPLICATIONS.name,
                hold=OWED,
                law=Text(th="พ.ร.บ. คุ้มครองข้อมูลส่วนบุคคล พ.ศ. 2562 มาตรา 33", en="PDPA 2562 s.33"),
                reason=Text(
                    th="หน่วยงานยังไม่ได้รับแจ้งว่าท่านถอนคำขอ จึงเก็บเลขคำขอไว้จนกว่าจะแจ้งได้",
                    en="An agency has not heard that you withdrew an application; what finds it there stays till then.",
                ),
                until=since + EVENTS_KEPT,
                tables=frozenset({Application.__tablename__, ServiceCase.__tablename__}),
                identity=True,
            ),
        )

    async def _appealable(self, session: AsyncSession, erasure: Erasure) -> Sequence[Stay]:
        latest = await session.scalar(select(func.max(col(Decision.at))).where(col(Decision.person) == erasure.person))
        if latest is None or latest + APPEAL_TIME <= erasure.at:
            return ()
        return (
            Stay(
                store=APPLICATIONS.name,
                hold="APPEAL_TIME",
                law=Text(
                    th="พ.ร.บ. วิธีปฏิบัติราชการทางปกครอง พ.ศ. 2539 มาตรา 44", en="Administrative Procedure Act 2539 s.44"
                ),
                reason=Text(
                    th="คำวินิจฉัยยังอุทธรณ์ได้ จึงเก็บคำขอและคำวินิจฉัยไว้จนพ้นกำหนด",
                    en="The decision can still be appealed; it is kept with its application until that time is over.",
                ),
                until=latest + APPEAL_TIME,
                tables=frozenset({Application.__tablename__, Decision.__tablename__, Appeal.__tablename__}),
            ),
        )


def personal_data(keys: KeyRing, apply: ApplyService, desk: DeliveryDesk) -> list[PersonalData]:
    drafts, events = TableStore(DRAFTS, keys), TableStore(EVENTS, keys)
    return [drafts, EvidenceStore(EVIDENCE, keys), _Applications(keys, apply, desk), events]
