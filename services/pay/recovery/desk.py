"""Recovery as an agency's officers handle it. Each method is a transaction of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from core.database import Database
from core.money import Money
from services.pay.models import Instalment, Overpayment
from services.pay.needs import Officer, Role
from services.pay.recovery.errors import OwnDebt
from services.pay.recovery.models import RecoveryPlan, Underpayment
from services.pay.recovery.service import Owed, Recoveries, Terms
from services.pay.service import must_be


class Ties(Protocol):
    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        """Whether the officer lives with one of them, is their parent, or acts for them, or they for the officer.

        Raises `ServiceUnavailable` while nobody can say.
        """
        ...


@dataclass(frozen=True, slots=True)
class OthersDebts:
    """Keeps officers from what they, their household or those for whom they act owe.

    A register is asked: it is called outside any transaction.
    """

    db: Database
    ties: Ties

    async def refuse_own(self, officer: Officer, overpayments: Collection[UUID]) -> None:
        """Raises :class:`OwnDebt`, and `ServiceUnavailable`. Of claims that the agency does not have, nothing."""
        query = select(col(Overpayment.person), col(Instalment.beneficiary)).join(
            Instalment,
            (col(Instalment.person) == col(Overpayment.person)) & (col(Instalment.id) == col(Overpayment.instalment)),
        )
        query = query.where(col(Overpayment.agency) == officer.agency, col(Overpayment.id).in_(sorted(overpayments)))
        async with self.db.read() as session:
            people = {one for row in (await session.execute(query)).tuples() for one in row}
        if people and (officer.person in people or await self.ties.between(officer.person, people)):
            raise OwnDebt


@dataclass(frozen=True, slots=True)
class RecoveryDesk:
    db: Database
    recoveries: Recoveries
    debts: OthersDebts

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
        """See :meth:`Recoveries.propose`: the citizen is asked. Raises :class:`OwnDebt` for what the officer's
        household, or somebody for whom they act, owes too; and `ServiceUnavailable` while nobody can say."""
        must_be(officer, Role.PLAN)
        await self.debts.refuse_own(officer, overpayments)
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
