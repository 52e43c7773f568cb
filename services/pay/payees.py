"""Where the payees' national IDs come from: the register of people, through the gate that logs each look."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from core.ids import NationalId
from core.text import Text
from services.exchange.facts import PAYMENT, Asker, AskerKind, Gate
from services.pay.needs import Officer

_LABEL: Final = Text(th="เจ้าหน้าที่จ่ายเงินของ {agency}", en="Payment officer of {agency}")


class LoggedPayees:
    """Reveals through the gate: each citizen finds in their access log that their number went into a payment file."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def reveal(self, people: Collection[UUID], *, officer: Officer, run: UUID) -> Mapping[UUID, NationalId]:
        """Raises `NotFound` for someone the register does not know."""
        asker = Asker(
            kind=AskerKind.OFFICER,
            id=officer.person.hex,
            agency=officer.agency,
            label=_LABEL.filled(agency=officer.agency),
            request=run,
        )
        return {person: await self._one(person, asker, officer.agency) for person in sorted(people)}

    async def _one(self, payee: UUID, asker: Asker, agency: str) -> NationalId:
        found: list[NationalId] = []

        async def read(person: NationalId) -> None:
            found.append(person)  # kept here, so that the number is nowhere in what the gate logs or caches

        await self._gate.look(payee, f"{agency}:payment", agency, read, asker=asker, purpose=PAYMENT)
        return found[-1]
