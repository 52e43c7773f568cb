"""What was paid too little is paid by an instalment of its own: of the month that it is missing from, with an
end-to-end id of its own, by a plan and two officers as any other. It takes from the budget of that month's fiscal year.

A month then has several payments. That each underpayment is paid once is for unique indexes to see to (migration 0048):
one instalment supplements it, or another that repeats that one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from core.clock import Clock
from core.ids import new_id
from core.money import Money
from core.text import Text
from identity.inbox.models import ChangeKind
from services.pay.contents import move
from services.pay.messages import MESSAGES
from services.pay.models import Award, Instalment
from services.pay.needs import Notices
from services.pay.recovery.models import Underpayment
from services.pay.recovery.underpaid import PAID_AFTER_RETURN
from services.pay.shares import GOES_OUT
from services.pay.states import InstalmentEvent, InstalmentStatus
from services.pay.writing import insert_new

SUPPLEMENT = MESSAGES["pay.supplement"]


class Supplements:
    def __init__(self, clock: Clock, notices: Notices) -> None:
        self._clock, self._notices = clock, notices

    async def make(self, session: AsyncSession, agency: str, until: date, *, award: UUID | None = None) -> int:
        """For each month up to `until` that something is missing of, and nothing pays yet: an instalment of so much,
        and the payee is told. Of one award, or of all of the agency. Answers how many those are.

        Called while the agency's turn to plan is held.
        """
        rows: list[dict[str, object]] = []
        told: list[tuple[Award, int, UUID]] = []
        for noted, base, of in await self._unpaid(session, agency, until, award):
            rows.append(
                {
                    "person": base.person,
                    "id": new_id(),
                    "award": base.award,
                    "beneficiary": base.beneficiary,
                    "subject": base.subject,
                    "agency": base.agency,
                    "period": base.period,
                    "satang": noted.satang,
                    "due_on": base.due_on,
                    "status": InstalmentStatus.SCHEDULED.value,
                    "run": None,
                    "created_at": self._clock.now(),
                    "supplements": noted.id,
                    "refunds": noted.entry is not None,
                }
            )
            told.append((of, noted.satang, base.id))
        made = await insert_new(session, Instalment, rows)
        for of, satang, key in told:
            await self._notices.send(session, of.person, SUPPLEMENT, title=Text(**of.title), amount=Money(satang))
            await self._notices.announce(session, of.person, ChangeKind.PAYMENT, key)
        return made

    @staticmethod
    async def _unpaid(
        session: AsyncSession, agency: str, until: date, award: UUID | None
    ) -> Sequence[tuple[Underpayment, Instalment, Award]]:
        """With the awards held, so that none ends meanwhile."""
        of_award = (col(Award.person) == col(Instalment.person)) & (col(Award.id) == col(Instalment.award))
        of_payment = (col(Instalment.person) == col(Underpayment.person)) & (
            col(Instalment.id) == col(Underpayment.instalment)
        )
        later = aliased(Instalment)
        query = (
            select(Underpayment, Instalment, Award)
            .join(Instalment, of_payment)
            .join(Award, of_award)
            .where(
                col(Underpayment.agency) == agency,
                col(Underpayment.period) <= until,
                col(Underpayment.annulled_at).is_(None),
                col(Underpayment.cause) != PAID_AFTER_RETURN,
                ~exists(select(1).where(col(later.supplements) == col(Underpayment.id))),
            )
            .order_by(col(Underpayment.id))
            .with_for_update(read=True, of=Award)
        )
        if award is not None:
            query = query.where(col(Award.id) == award)
        return (await session.execute(query.execution_options(populate_existing=True))).tuples().all()


async def open_of(
    session: AsyncSession, there: Iterable[Instalment], planned: Collection[UUID]
) -> Sequence[Underpayment]:
    """What a decision found missing of these payments, all of an award's since some month, and what did not go out
    yet; `planned` are in runs that are only planned."""
    payments = {one.id: one for one in there}
    out = {
        one.supplements
        for one in payments.values()
        if one.supplements is not None and one.status in GOES_OUT and one.id not in planned
    }
    query = select(Underpayment).where(
        col(Underpayment.instalment).in_(sorted(payments)),
        col(Underpayment.entry).is_(None),
        col(Underpayment.annulled_at).is_(None),
        col(Underpayment.cause) != PAID_AFTER_RETURN,
    )
    return [one for one in await session.scalars(query.order_by(col(Underpayment.id))) if one.id not in out]


async def annul(
    session: AsyncSession, noted: Iterable[Underpayment], there: Iterable[Instalment], at: datetime
) -> None:
    """It is not missing, or not so: what was to pay it is not paid. `there` has it, and is in no planned run."""
    gone = {one.id for one in noted}
    for one in noted:
        one.annulled_at = at
    for payment in there:
        if payment.supplements in gone and payment.status == InstalmentStatus.SCHEDULED.value:
            move(payment, InstalmentEvent.CANCEL)
    await session.flush()


async def is_annulled(session: AsyncSession, one: Instalment) -> bool:
    """Whether what the payment supplements turned out not to be missing."""
    query = select(col(Underpayment.annulled_at)).where(
        col(Underpayment.person) == one.person, col(Underpayment.id) == one.supplements
    )
    return await session.scalar(query) is not None


async def fell(session: AsyncSession, entry: UUID, at: datetime) -> Instalment | None:
    """What was owed for that recovery is not: it was given back. Answers what pays it all the same, being in a run."""
    query = select(Underpayment).where(col(Underpayment.entry) == entry, col(Underpayment.annulled_at).is_(None))
    for noted in (await session.scalars(query)).all():
        there = (await session.scalars(select(Instalment).where(col(Instalment.supplements) == noted.id))).all()
        if (out := next((one for one in there if one.status in GOES_OUT), None)) is not None:
            return out
        await annul(session, [noted], there, at)
    return None
