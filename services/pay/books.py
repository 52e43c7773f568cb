"""An agency's books as its officers handle them. Each method is a transaction of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from services.pay.service import must_be


@dataclass(frozen=True, slots=True)
class Books:
    """`subjects` are the programmes of which there may be budgets."""

    db: Database
    clock: Clock
    officers: TwoOfficers
    subjects: Sequence[str]

    async def propose(self, officer: Officer, kind: ActKind, payload: Mapping[str, Any], reason: str) -> LedgerAct:
        """See :meth:`TwoOfficers.propose`."""
        async with self.db.write() as session:
            return await self.officers.propose(session, officer, kind, payload, reason)

    async def confirm(self, officer: Officer, act: UUID) -> LedgerAct:
        """See :meth:`TwoOfficers.confirm`."""
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
