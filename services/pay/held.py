"""What the bank's word on a run is about to change, held before any of it is changed (:mod:`services.pay.turns`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.money import Money
from services.pay.breaks import Told, is_borne
from services.pay.models import Award, Instalment, Overpayment, PaymentRun, ReconciliationBreak
from services.pay.rails.contract import Entry, EntryKind
from services.pay.recovery.models import RecoveryEntry, Underpayment
from services.pay.repository import PaymentRepository
from services.pay.states import InstalmentStatus, RunStatus
from services.pay.turns import take_turn_to_plan


async def hold_told(session: AsyncSession, run: PaymentRun, told: Iterable[Entry]) -> None:
    """For entries of a run that the caller holds. What came back and is told as paid is paid again by nothing: what
    was to, in a run that is only planned, is held as well, with that run, and nobody plans meanwhile."""
    if session.get_bind().dialect.name == "sqlite":
        return
    there = {one.id.hex: one for one in await session.scalars(select(Instalment).where(col(Instalment.run) == run.id))}
    news = [e for e in told if e.end_to_end in there and not is_borne(there[e.end_to_end], e)]
    returned = {
        there[e.end_to_end].id
        for e in news
        if e.kind is EntryKind.PAID and there[e.end_to_end].status == InstalmentStatus.RETURNED.value
    }
    if returned:
        await take_turn_to_plan(session, run.agency)
        again = select(col(Instalment.run)).where(col(Instalment.repeats).in_(sorted(returned)))
        planned = select(col(PaymentRun.id)).where(
            col(PaymentRun.id).in_(again), col(PaymentRun.status) == RunStatus.PLANNED.value
        )
        await session.execute(planned.order_by(col(PaymentRun.id)).with_for_update())
    await hold_payments(session, {there[e.end_to_end].id for e in news})


async def hold_payments(session: AsyncSession, payments: Collection[UUID]) -> None:
    """The payments, with what pays back recoveries from them that were not owed, and the claims on them and on what was
    withheld from them."""
    if session.get_bind().dialect.name == "sqlite" or not payments:
        return
    ids = sorted(payments)
    refunded = (
        select(col(Underpayment.id))
        .join(
            RecoveryEntry,
            (col(RecoveryEntry.person) == col(Underpayment.person))
            & (col(RecoveryEntry.id) == col(Underpayment.entry)),
        )
        .where(col(RecoveryEntry.instalment).in_(ids))
    )
    query = select(col(Instalment.id)).where(
        or_(col(Instalment.id).in_(ids), col(Instalment.supplements).in_(refunded))
    )
    await session.execute(query.order_by(col(Instalment.id)).with_for_update())
    withheld = select(col(RecoveryEntry.overpayment)).where(col(RecoveryEntry.instalment).in_(ids))
    claims = select(col(Overpayment.id)).where(
        or_(col(Overpayment.instalment).in_(ids), col(Overpayment.id).in_(withheld))
    )
    await session.execute(claims.order_by(col(Overpayment.id)).with_for_update())


@dataclass(slots=True)
class Work:
    """One run, and the bank's word on it that is being taken in."""

    session: AsyncSession
    run: PaymentRun
    instalments: dict[str, Instalment]
    repository: PaymentRepository
    awards: dict[tuple[UUID, UUID], Award] | None = None
    came_back: set[tuple[str, Money, str]] = field(default_factory=set)
    """What the notification in hand says was returned: end-to-end id, amount, currency."""
    told: set[Told] = field(default_factory=set)
    """All that is in it."""
    open: list[ReconciliationBreak] | None = None
    named: set[tuple[EntryKind, str, str]] | None = None
    """See :func:`services.pay.breaks.named_before`."""

    async def award_of(self, instalment: Instalment) -> Award:
        if self.awards is None:
            self.awards = await self.repository.awards({(i.person, i.award) for i in self.instalments.values()})
        return self.awards[instalment.person, instalment.award]
