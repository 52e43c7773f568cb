"""What the room of applications holds of people (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.crypto import KeyRing
from core.personal_data import Erasure, Fate, LegalBasis, PersonalData, Rows, Stay, Store
from core.personal_rows import TableStore
from core.text import Text
from services.apply.models import Appeal, Application, Decision
from services.apply.service import ApplyService
from services.apply.states import ACTIVE, Status

APPEAL_TIME: Final = timedelta(days=15)
"""Administrative Procedure Act 2539 s.44: an administrative act is appealed within 15 days of its notice."""

APPLICATIONS: Final = Store(
    name="applications",
    title=Text(th="คำขอ คำวินิจฉัย และอุทธรณ์", en="Applications, decisions and appeals"),
    description=Text(
        th="คำขอที่ท่านยื่น คำตอบของท่าน ผลการพิจารณาพร้อมข้อเท็จจริงที่ใช้ และอุทธรณ์",
        en="What you applied for and answered, what was decided on which facts, and your appeals.",
    ),
    purpose=Text(th="พิจารณาสิทธิและสวัสดิการ", en="To decide on benefits and services"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="applications",
    sensitive=True,
    recipients=(Text(th="หน่วยงานที่ให้บริการหรือจ่ายสวัสดิการ", en="The agency that offers the service or pays the benefit"),),
    rows=(
        Rows("appeal", ("person",), Fate.DELETED),
        Rows("decision", ("person",), Fate.UNREADABLE),
        Rows("application_event", ("person",), Fate.UNNAMED, {"acted_by": "who acts for the person"}),
        Rows(
            "application",
            ("person",),
            Fate.BLANKED,
            {"beneficiary": "the person, or a child of theirs", "unit_key": "the same, or their household"},
            blank={"answers_sealed": b"{}", "missing": [], "unit_key": lambda row: f"erased:{row['id'].hex}"},
        ),
    ),
)


class _Applications(TableStore):
    def __init__(self, keys: KeyRing, apply: ApplyService) -> None:
        super().__init__(APPLICATIONS, keys)
        self._apply = apply

    async def prepare(self, session: AsyncSession, erasure: Erasure) -> None:
        """Takes back what is not decided; and what is granted, if the person gives that up."""
        query = select(col(Application.id), col(Application.status)).where(
            col(Application.person) == erasure.person, col(Application.status).in_([s.value for s in ACTIVE])
        )
        for key, status in (await session.execute(query)).tuples().all():
            if status != Status.APPROVED or erasure.end_benefits:
                await self._apply.withdraw(session, erasure.person, key)

    async def stays(self, session: AsyncSession, erasure: Erasure) -> Sequence[Stay]:
        """A decision while it can still be appealed."""
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


def personal_data(keys: KeyRing, apply: ApplyService) -> list[PersonalData]:
    return [_Applications(keys, apply)]
