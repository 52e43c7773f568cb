"""Reads what was withheld of payments, as the room that pays has booked it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import bangkok_day
from core.text import Text
from services.pay.models import Instalment
from services.pay.recovery.models import EntryKind, RecoveryEntry, RecoveryPlan

LAW: Final = Text(
    th="พ.ร.บ. วิธีปฏิบัติราชการทางปกครอง พ.ศ. 2539 มาตรา 51 และตามที่ท่านตกลงไว้",
    en="Administrative Procedure Act 2539 s.51, and as you agreed",
)
"""Of the money that a decision gave and another took back (unverified: which section an agency's claim rests on)."""


@dataclass(frozen=True, slots=True)
class Deduction:
    """So much of one payment pays back what was paid too much, under one agreement."""

    satang: int
    agreed_on: date | None
    """The Bangkok day on which the citizen agreed; None where the agreement is not kept any more."""
    reason: str | None
    """The agency's, in its words, for the citizen alone."""


class Reduced(NamedTuple):
    """A payment, so far as is needed to find what was withheld of it."""

    person: UUID
    id: UUID
    run: UUID | None
    withheld: int

    @classmethod
    def of(cls, row: Instalment) -> Reduced:
        return cls(row.person, row.id, row.run, row.withheld)


async def deductions(session: AsyncSession, payments: Collection[Reduced]) -> Mapping[UUID, Sequence[Deduction]]:
    """By payment, for those of which something was withheld. What was given back with a run that was not made does not
    count: the run that it went out with does."""
    reduced = {one.id: one for one in payments if one.withheld}
    if not reduced:
        return {}
    query = (
        select(RecoveryEntry, RecoveryPlan)
        .outerjoin(
            RecoveryPlan,
            (col(RecoveryPlan.person) == col(RecoveryEntry.person)) & (col(RecoveryPlan.id) == col(RecoveryEntry.plan)),
        )
        .where(
            col(RecoveryEntry.person).in_({one.person for one in reduced.values()}),
            col(RecoveryEntry.instalment).in_(reduced),
            col(RecoveryEntry.kind) == EntryKind.WITHHELD.value,
        )
        .order_by(col(RecoveryEntry.id))
    )
    sums: dict[UUID, dict[UUID | None, int]] = defaultdict(lambda: defaultdict(int))
    plans: dict[UUID | None, RecoveryPlan | None] = {}
    for entry, plan in (await session.execute(query)).tuples():
        payment = reduced.get(entry.instalment) if entry.instalment is not None else None
        if payment is not None and (entry.person, entry.run) == (payment.person, payment.run):
            sums[payment.id][entry.plan] += entry.satang
            plans[entry.plan] = plan
    return {key: [_deduction(satang, plans[plan]) for plan, satang in found.items()] for key, found in sums.items()}


def _deduction(satang: int, plan: RecoveryPlan | None) -> Deduction:
    if plan is None:
        return Deduction(satang, None, None)
    return Deduction(satang, None if plan.answered_at is None else bangkok_day(plan.answered_at), plan.reason)
