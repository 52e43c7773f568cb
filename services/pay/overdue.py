"""Payments that the bank accepted and ought to have booked by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, bangkok_day
from core.money import CURRENCY, Money
from core.working_days import WorkingDays, WorkingDaysUnknown
from services.pay.accounts import Method
from services.pay.breaks import open_breaks
from services.pay.destinations.models import PayoutDestination
from services.pay.models import BreakResolution, Instalment, PaymentRun, ReconciliationBreak
from services.pay.rails.contract import Entry, EntryKind
from services.pay.states import InstalmentStatus

BANK_DAYS_MAX: Final = 3
"""After the day that was asked for. A bulk file is booked on that day, or on the next (unverified)."""


def overdue(run: PaymentRun, instalments: Iterable[Instalment], days: WorkingDays, clock: Clock) -> list[Entry]:
    """What should have been booked, as an entry that bears the payment's own id in place of the bank's reference.

    What waits at a counter is not with the bank: see :func:`paid_in_cash`. Where nobody has entered the bank days of
    the year, nothing is late.
    """
    if run.submitted_at is None:
        return []
    sent, today = bangkok_day(run.submitted_at), clock.today()
    last_days: dict[date, date | None] = {}
    late: list[Entry] = []
    for one in instalments:
        if one.status != InstalmentStatus.SUBMITTED.value:
            continue
        if one.due_on not in last_days:
            last_days[one.due_on] = _last_day(max(one.due_on, sent), days)
        last = last_days[one.due_on]
        if last is not None and today > last:
            late.append(Entry(EntryKind.PAID, one.id.hex, one.id.hex, Money(one.net), CURRENCY, booked_at=clock.now()))
    return late


async def paid_in_cash(session: AsyncSession, run: UUID) -> frozenset[str]:
    """End-to-end ids of the run that wait at a counter: they come back by themselves when nobody collects them."""
    query = (
        select(col(Instalment.id))
        .join(
            PayoutDestination,
            (col(PayoutDestination.person) == col(Instalment.person))
            & (col(PayoutDestination.id) == col(Instalment.destination)),
        )
        .where(col(Instalment.run) == run, col(PayoutDestination.method) == Method.CASH.value)
    )
    return frozenset(key.hex for key in await session.scalars(query))


async def to_name(
    session: AsyncSession, run: UUID, late: Iterable[Entry], days: WorkingDays, today: date
) -> list[Entry]:
    """Of what is late, what waits at no counter and no break is open about. What officers said would come after all is
    named anew when as many bank days have passed since."""
    named = await paid_in_cash(session, run) | {one.end_to_end for one in await open_breaks(session, run)}
    closed = await _closed(session, run)
    found: list[Entry] = []
    for entry in late:
        before = closed.get(entry.end_to_end, [])
        last = _last_day(bangkok_day(max(before)), days) if before else None
        if entry.end_to_end in named or (before and (last is None or today <= last)):
            continue
        found.append(replace(entry, reference=f"{entry.reference}-{len(before) + 1}") if before else entry)
    return found


async def _closed(session: AsyncSession, run: UUID) -> dict[str, list[datetime]]:
    """When breaks of this kind were closed, by end-to-end id."""
    query = (
        select(col(ReconciliationBreak.end_to_end), col(BreakResolution.closed_at))
        .join(BreakResolution, col(BreakResolution.break_id) == col(ReconciliationBreak.id))
        .where(col(ReconciliationBreak.run) == run, col(ReconciliationBreak.kind) == "NOT_BOOKED")
        .where(col(BreakResolution.closed_at).is_not(None))
    )
    closed: dict[str, list[datetime]] = {}
    for end_to_end, at in (await session.execute(query)).tuples():
        if at is not None:
            closed.setdefault(end_to_end, []).append(at)
    return closed


def _last_day(due: date, days: WorkingDays) -> date | None:
    """The last day on which the booking of what was asked for on that day, or the next bank day, is in time."""
    try:
        day = days.next_bank_day(due)
        for _ in range(BANK_DAYS_MAX):
            day = days.next_bank_day(day + timedelta(days=1))
    except WorkingDaysUnknown:
        return None
    return day
