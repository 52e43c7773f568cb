"""With whom somebody lives: asked of the gate after a fact of theirs that goes into a total was corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from core.text import Text
from services.exchange.catalogue import Catalogue
from services.exchange.catalogue.model import HOUSEHOLD_MEMBERS
from services.exchange.facts import Asker, AskerKind, Purpose

RECOUNT: Final = "household-recount"
LABEL: Final = Text(
    th="ระบบทบทวนสิทธิของครัวเรือนในทะเบียนบ้านของท่าน หลังข้อมูลของท่านถูกแก้ไข",
    en="Grants of your household are looked at again, after a fact of yours was corrected",
)


class Ties(Protocol):
    """The gate, for ties between people alone."""

    async def children(
        self, subject: UUID, *, asker: Asker, purpose: Purpose, of: str = ...
    ) -> tuple[UUID, ...] | None: ...


class HouseholdRegister:
    """Nothing but the keys of those in the house is read. It asks in its own name, and so needs no agreement."""

    def __init__(self, catalogue: Catalogue, gate: Ties) -> None:
        self._catalogue, self._gate = catalogue, gate

    async def with_whom(self, person: UUID) -> Sequence[UUID] | None:
        """Everybody on the house register; None while nobody can say."""
        steward = self._catalogue.attribute(HOUSEHOLD_MEMBERS).steward
        asker = Asker(AskerKind.SYSTEM, "exchange.household", steward, LABEL)
        purpose = self._catalogue.purposes[RECOUNT].purpose
        return await self._gate.children(person, asker=asker, purpose=purpose, of=HOUSEHOLD_MEMBERS)
