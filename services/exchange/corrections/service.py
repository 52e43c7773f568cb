"""Corrections: facts are put right where they are true, never here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import BadInput
from core.ids import new_id
from core.text import Text
from services.exchange.catalogue import Catalogue
from services.exchange.corrections.errors import CorrectionOpen
from services.exchange.corrections.models import Correction

STATEMENT_LENGTH_MAX: Final = 2000
_BAD_STATEMENT: Final = Text(
    th="statement ต้องมีข้อความยาวไม่เกิน {most} ตัวอักษร", en="statement must be text of at most {most} characters"
)
_DERIVED: Final = Text(
    th="ข้อมูลนี้คำนวณจากข้อมูลอื่น กรุณาขอแก้ไขที่ข้อมูลต้นทาง",
    en="this is computed from other facts; ask for those to be corrected",
)


class CorrectionStatus(StrEnum):
    OPEN = "OPEN"


class CorrectionService:
    """Works in the session of the edge's transaction."""

    def __init__(self, catalogue: Catalogue, keys: KeyRing, clock: Clock) -> None:
        self._catalogue, self._keys, self._clock = catalogue, keys, clock

    async def request(self, session: AsyncSession, person: UUID, *, attribute: str, statement: str) -> Correction:
        """Opens a case with the attribute's steward. Raises UnknownAttribute, BadInput, CorrectionOpen."""
        entry = self._catalogue.attribute(attribute)
        if entry.derived is not None:
            raise BadInput(_DERIVED, path=("attribute",))
        said = statement.strip()
        if not said or len(said) > STATEMENT_LENGTH_MAX or "\x00" in said:
            raise BadInput(_BAD_STATEMENT.filled(most=STATEMENT_LENGTH_MAX), path=("statement",))
        key = new_id()
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(Correction).values(
            person=person,
            id=key,
            attribute=entry.id,
            steward=entry.steward,
            statement_sealed=self._keys.seal(said.encode(), bound_to=_binding(key)),
            status=CorrectionStatus.OPEN,
            created_at=self._clock.now(),
        )
        opened = await session.execute(insert.on_conflict_do_nothing().returning(col(Correction.id)))
        if opened.first() is None:
            raise CorrectionOpen(path=("attribute",))
        made = await self.get(session, person, key)
        assert made is not None
        return made

    async def get(self, session: AsyncSession, person: UUID, correction: UUID) -> Correction | None:
        """None for a foreign one too."""
        return await session.get(Correction, (person, correction))

    def statement(self, correction: Correction) -> str:
        return self._keys.open(correction.statement_sealed, bound_to=_binding(correction.id)).decode()


def _binding(key: UUID) -> str:
    return f"correction.statement:{key.hex}"
