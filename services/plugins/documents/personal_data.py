"""What is held of people in documents that agencies issued (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.crypto import KeyRing
from core.personal_data import Erased, Erasure, Fate, LegalBasis, PersonalData, Record, Rows, Store
from core.personal_rows import TableStore, pages
from core.text import Text
from services.plugins.documents.orders import Orders

_CONTENT: Final = "issued_content"
_ORDER: Final = "document_order"
_UNTOLD: Final = frozenset({_CONTENT, "issue_wish"})
"""What they say is downloaded by itself; of a wish there are only hashes."""
DOCUMENTS: Final = Store(
    name="documents",
    title=Text(th="เอกสารที่หน่วยงานออกให้", en="Documents that agencies issued to you"),
    description=Text(
        th="เอกสารที่ท่านขอจากหน่วยงาน และคำสั่งขอที่มีค่าธรรมเนียม เก็บไว้ให้ท่านดาวน์โหลดได้จนหมดอายุ ตัวเอกสารดาวน์โหลดแยกทีละฉบับ",
        en="Documents that you asked agencies for, until they expire, and orders of those that cost something. Each is "
        "downloaded by itself.",
    ),
    purpose=Text(th="ส่งมอบเอกสารที่ท่านขอ", en="To hand you the documents that you asked for"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="documents",
    sensitive=True,
    rows=(
        Rows(_CONTENT, ("person",), Fate.DELETED, hidden=frozenset({"content_sealed"}), alone=True),
        Rows("issued_document", ("person",), Fate.DELETED, alone=True),
        Rows("issue_wish", ("person",), Fate.DELETED, hidden=frozenset({"key", "digest"}), alone=True),
        Rows(_ORDER, ("person",), Fate.DELETED, {"document": "the document"}, alone=True),
    ),
)


class _Documents(TableStore):
    def __init__(self, about: Store, keys: KeyRing, orders: Callable[[], Orders] | None) -> None:
        super().__init__(about, keys)
        self._orders = orders

    async def erase(self, session: AsyncSession, erasure: Erasure) -> Erased:
        """Nobody pays for what is not made because they left."""
        if self._orders is not None and _ORDER not in erasure.spared:
            await self._orders().let_go(session, erasure.person, tell=not erasure.whole)
        return await super().erase(session, erasure)

    async def export(self, session: AsyncSession, person: UUID) -> AsyncIterator[Record]:
        """Which there are. What they say is not read: many a document would fill the memory, and each can be had."""
        for rows in self._about.rows:
            if rows.table not in _UNTOLD:
                async for row in pages(session, rows, person):
                    yield rows.table, await self._told(session, rows, row)


def personal_data(keys: KeyRing, orders: Callable[[], Orders] | None = None) -> list[PersonalData]:
    return [_Documents(DOCUMENTS, keys, orders)]
