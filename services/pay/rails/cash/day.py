"""The day of an agency's counters, reconciled as a bank's: what the desk says it paid out against what the books say.

A day that balances fills the till up again from the bank (`till:<agency>:<day>`: Dr CASH, Cr BANK). One that does not
is kept with what differs, each by one of the kinds of a break, and can be reported again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, start_of_bangkok_day
from core.money import Money
from services.pay.destinations.service import COUNTER
from services.pay.ledger.service import Account, book, bounded, transfer
from services.pay.needs import Officer, Role
from services.pay.rails.cash.errors import DayBalanced, DayNotOver, NotACounterOfficer
from services.pay.rails.cash.models import CashDay, CashSlip
from services.pay.reconciliation import BreakKind
from services.pay.writing import insert_new

AGENCY_IN_KEY_MAX: Final = 84
"""Characters of an agency's name in the key of a day's till: of a longer one the whole day had no room. A day that
balances stays so, and is booked once under whatever key."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the desk's report."""

    number: str
    money: Money


async def report_day(
    session: AsyncSession, clock: Clock, officer: Officer, day: date, report: Sequence[Told]
) -> CashDay:
    """Keeps the report, whole, with what differs. By an officer of the counter, or one who plans or approves.

    Raises :class:`NotACounterOfficer`, :class:`DayNotOver`, :class:`DayBalanced`.
    """
    if not {COUNTER, *Role} & set(officer.roles):
        raise NotACounterOfficer
    if day >= clock.today():
        raise DayNotOver
    await take_counters(session, officer.agency, alone=True)
    paid = await _paid_on(session, officer.agency, day)
    row: dict[str, Any] = {
        "agency": officer.agency,
        "day": day,
        "slips": len(paid),
        "satang": sum(paid.values()),
        "told": sum(line.money.satang for line in report),
        "differences": [],
        "reported_by": officer.person,
        "reported_at": clock.now(),
        "balanced_at": None,
    }
    await insert_new(session, CashDay, [row])
    query = select(CashDay).where(col(CashDay.agency) == officer.agency, col(CashDay.day) == day).with_for_update()
    kept = (await session.scalars(query.execution_options(populate_existing=True))).one()
    if kept.balanced_at is not None:
        raise DayBalanced
    kept.slips, kept.satang, kept.told = row["slips"], row["satang"], row["told"]
    kept.reported_by, kept.reported_at = officer.person, clock.now()
    kept.differences = _differences(paid, report)
    if not kept.differences:
        await _balance(session, kept, clock.now())
    await session.flush()
    return kept


async def take_counters(session: AsyncSession, agency: str, *, alone: bool = False) -> None:
    """Whoever pays out at the agency's counters holds them with others until the transaction ends; whoever counts a day
    that is over waits for those who were still paying out in it, and for nobody after them. SQLite has one writer."""
    if session.get_bind().dialect.name != "sqlite":
        lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        await session.execute(text(f"SELECT {lock}(hashtextextended(:key, 5))"), {"key": f"cash:{agency}"})


async def _balance(session: AsyncSession, day: CashDay, at: datetime) -> None:
    day.balanced_at = at
    if day.satang:
        await book(
            session,
            key=f"till:{bounded(day.agency, AGENCY_IN_KEY_MAX)}:{day.day.isoformat()}",
            agency=day.agency,
            lines=transfer(Account.CASH, Account.BANK, Money(day.satang)),
            at=at,
        )


async def _paid_on(session: AsyncSession, agency: str, day: date) -> dict[str, int]:
    """Satang by the slip's number."""
    since, until = start_of_bangkok_day(day), start_of_bangkok_day(day + timedelta(days=1))
    query = select(col(CashSlip.number), col(CashSlip.satang)).where(
        col(CashSlip.agency) == agency, col(CashSlip.paid_at) >= since, col(CashSlip.paid_at) < until
    )
    return dict((await session.execute(query)).tuples().all())


def _differences(paid: dict[str, int], report: Sequence[Told]) -> list[dict[str, Any]]:
    """Each slip once, by the first kind that fits."""
    times = Counter(line.number for line in report)
    told = {line.number: line.money.satang for line in report}
    found: list[dict[str, Any]] = []
    for number in sorted({*paid, *told}):
        expected, said = paid.get(number), told.get(number)
        if expected is None:
            kind = BreakKind.UNKNOWN_REFERENCE
        elif said is None:
            kind = BreakKind.NOT_BOOKED
        elif times[number] > 1:
            kind = BreakKind.BOOKED_TWICE
        elif expected != said:
            kind = BreakKind.WRONG_AMOUNT
        else:
            continue
        found.append({"kind": kind.value, "number": number, "expected": expected, "found": said})
    return found
