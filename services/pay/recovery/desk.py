"""Recovery as an agency's officers handle it. Each method is a transaction of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.database import Database
from core.money import Money
from services.pay.needs import Officer, Role
from services.pay.recovery.models import RecoveryPlan, Underpayment
from services.pay.recovery.service import Owed, Recoveries, Terms
from services.pay.service import must_be


@dataclass(frozen=True, slots=True)
class RecoveryDesk:
    db: Database
    recoveries: Recoveries

    async def owed(self, officer: Officer) -> Sequence[Owed]:
        """What is still to come back. Raises :class:`NotAPaymentOfficer`, as all here do."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await self.recoveries.owed(session, officer.agency)

    async def underpaid(self, officer: Officer) -> Sequence[Underpayment]:
        """What the agency owes beyond what it paid."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await self.recoveries.underpaid(session, officer.agency)

    async def plans(self, officer: Officer) -> Sequence[tuple[RecoveryPlan, Money]]:
        """The agency's, latest first, each with what is still to come back of it."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            rows = await self.recoveries.plans_of(session, officer.agency)
            return [(row, await self.recoveries.left(session, row)) for row in rows]

    async def propose(
        self, officer: Officer, overpayments: Collection[UUID], terms: Terms, reason: str
    ) -> RecoveryPlan:
        """See :meth:`Recoveries.propose`: the citizen is asked."""
        must_be(officer, Role.PLAN)
        async with self.db.write() as session:
            return await self.recoveries.propose(
                session,
                agency=officer.agency,
                officer=officer.person,
                overpayments=overpayments,
                terms=terms,
                reason=reason,
            )

    async def end(self, officer: Officer, plan: UUID) -> RecoveryPlan:
        """See :meth:`Recoveries.end`: one officer is enough, for it takes nothing from anybody."""
        must_be(officer, *Role)
        async with self.db.write() as session:
            return await self.recoveries.end(session, officer.agency, plan)
