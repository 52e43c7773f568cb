"""What is held of people as evidence (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.personal_data import Fate, LegalBasis, Record, Rows, Store
from core.personal_rows import TableStore, pages
from core.text import Text

_PIECES: Final = "evidence_piece"

EVIDENCE: Final = Store(
    name="evidence",
    title=Text(th="ไฟล์หลักฐานที่ท่านส่ง", en="Files that you sent as evidence"),
    description=Text(
        th="รูปและเอกสารที่ท่านส่งประกอบคำขอ ไฟล์ที่ไม่ได้ใช้ในคำขอใดลบเองใน 7 วัน ตัวไฟล์ดาวน์โหลดแยกทีละไฟล์",
        en="Pictures and papers for your applications. What no application names goes after 7 days. Each is downloaded "
        "by itself.",
    ),
    purpose=Text(th="พิจารณาสิทธิและสวัสดิการ", en="To decide on benefits and services"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="applications",
    sensitive=True,
    rows=(
        Rows(_PIECES, ("person",), Fate.DELETED, hidden=frozenset({"content_sealed"})),
        Rows("evidence", ("person",), Fate.DELETED, hidden=frozenset({"claim", "digest"})),
    ),
)


class EvidenceStore(TableStore):
    async def export(self, session: AsyncSession, person: UUID) -> AsyncIterator[Record]:
        """Which there are. What they hold is not read: it would fill the memory, and each can be had."""
        for rows in self._about.rows:
            if rows.table != _PIECES:
                async for row in pages(session, rows, person):
                    yield rows.table, await self._told(session, rows, row)
