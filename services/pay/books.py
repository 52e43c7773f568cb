"""An agency's books as its officers handle them. Each method is a transaction of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from core.clock import Clock
from core.database import Database
from services.pay.budget.service import Standing, standings
from services.pay.budget.years import fiscal_year
from services.pay.ledger.acts import ActKind, TwoOfficers
from services.pay.ledger.models import LedgerAct
from services.pay.ledger.periods import closed_until
from services.pay.needs import Officer, Role
from services.pay.recovery.desk import OthersDebts
from services.pay.service import must_be


@dataclass(frozen=True, slots=True)
class Books:
    """`subjects` are the programmes of which there may be budgets; `debts`: whose debts an officer leaves alone."""

    db: Database
    clock: Clock
    officers: TwoOfficers
    subjects: Collection[str]
    debts: OthersDebts | None = None

    async def propose(self, officer: Officer, kind: ActKind, payload: Mapping[str, Any], reason: str) -> LedgerAct:
        """See :meth:`TwoOfficers.propose`. Raises what :meth:`OthersDebts.refuse_own` does."""
        await self._refuse_own(officer, kind.value, payload)
        async with self.db.write() as session:
            return await self.officers.propose(session, officer, kind, payload, reason)

    async def confirm(self, officer: Officer, act: UUID) -> LedgerAct:
        """See :meth:`TwoOfficers.confirm`. Raises what :meth:`OthersDebts.refuse_own` does."""
        async with self.db.read() as session:
            found = await session.get(LedgerAct, act)
        if found is not None:
            await self._refuse_own(officer, found.kind, found.payload)
        async with self.db.write() as session:
            return await self.officers.confirm(session, officer, act)

    async def refuse(self, officer: Officer, act: UUID) -> LedgerAct:
        """See :meth:`TwoOfficers.refuse`."""
        async with self.db.write() as session:
            return await self.officers.refuse(session, officer, act)

    async def waiting(self, officer: Officer) -> Sequence[LedgerAct]:
        """See :meth:`TwoOfficers.waiting`."""
        async with self.db.read() as session:
            return await self.officers.waiting(session, officer)

    async def budgets(self, officer: Officer, year: int | None = None) -> Sequence[Standing]:
        """The agency's, of a fiscal year (CE), or of this one. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await standings(session, officer.agency, self.subjects, year or fiscal_year(self.clock.today()))

    async def closed_until(self, officer: Officer) -> date | None:
        """The latest month that is closed. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await closed_until(session, officer.agency)

    async def _refuse_own(self, officer: Officer, kind: str, payload: Mapping[str, Any]) -> None:
        """Of acts on a claim; what does not name one is refused by the act itself."""
        must_be(officer, *Role)
        if self.debts is None or kind not in (ActKind.WAIVE, ActKind.PAID_BACK):
            return
        with suppress(ValueError):
            await self.debts.refuse_own(officer, [UUID(hex=str(payload.get("overpayment", "")))])
