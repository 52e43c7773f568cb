"""Where the payees' accounts come from: their own word or the register of people, by the gate that logs each look."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from core.database import Database
from core.ids import NationalId
from core.text import Text
from services.exchange.facts import PAYMENT, Asker, AskerKind, Gate
from services.pay.accounts import Cash, CreditorAccount, Method, Said
from services.pay.destinations.service import Destinations
from services.pay.needs import Due, Officer

_LABEL: Final = Text(th="เจ้าหน้าที่จ่ายเงินของ {agency}", en="Payment officer of {agency}")


class LoggedPayees:
    """Reveals through the gate: each citizen finds in their access log that their number went into a payment file."""

    def __init__(self, gate: Gate, db: Database, destinations: Destinations) -> None:
        self._gate, self._db, self._destinations = gate, db, destinations

    async def reveal(self, due: Collection[Due], *, officer: Officer, run: UUID) -> Mapping[Due, CreditorAccount]:
        """Raises `NotFound` for someone the register does not know, or who never named that destination."""
        asker = Asker(
            kind=AskerKind.OFFICER,
            id=officer.person.hex,
            agency=officer.agency,
            label=_LABEL.filled(agency=officer.agency),
            request=run,
        )
        ordered = sorted(due, key=lambda one: (one[0], one[1] or UUID(int=0)))
        return {one: await self._one(one, asker, officer.agency) for one in ordered}

    async def _one(self, due: Due, asker: Asker, agency: str) -> CreditorAccount:
        payee, destination = due
        if await self._is_cash(payee, destination):
            return Cash()  # no number is looked at; the counter's look at the card is in the payee's log
        found: list[CreditorAccount] = []

        async def read(person: NationalId) -> None:
            # Kept here, so that the number is nowhere in what the gate logs or caches.
            found.append(await self._said(payee, destination) or person)

        await self._gate.look(payee, f"{agency}:payment", agency, read, asker=asker, purpose=PAYMENT)
        return found[-1]

    async def _is_cash(self, payee: UUID, destination: UUID | None) -> bool:
        if destination is None:
            return False
        async with self._db.read() as session:
            return (await self._destinations.get(session, payee, destination)).method == Method.CASH.value

    async def _said(self, payee: UUID, destination: UUID | None) -> Said:
        if destination is None:
            return None
        async with self._db.read() as session:
            row = await self._destinations.get(session, payee, destination)
            return await self._destinations.account(session, row)
