"""Months of an agency's books that are closed, and corrections, which are counter-entries in the open one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, start_of_bangkok_day
from core.errors import BadInput
from core.money import Money
from core.text import Text
from services.pay.ledger.acts import ActKind, Confirmed
from services.pay.ledger.errors import EntryNotFound, NotReversible, PeriodClosed, PeriodStillOpen
from services.pay.ledger.models import AccountKind, LedgerAccount, LedgerPeriod, LedgerPosting
from services.pay.ledger.service import (
    KEY_LENGTH_MAX,
    Account,
    Line,
    book,
    bounded,
    refuse_closed,
    transaction_id,
    was_booked,
)
from services.pay.writing import insert_new

DAYS_AFTER: Final = timedelta(days=1)
"""A month is closed a day after its last one at the earliest: nothing that began in it is still being written then."""
REVERSED: Final = "reverse:"


def reversal_of(key: str) -> str:
    """The key of the entry that reverses that one."""
    return REVERSED + bounded(key, KEY_LENGTH_MAX - len(REVERSED))


async def is_reversed(session: AsyncSession, key: str) -> bool:
    """Whether it was, also under the key of any length that there was once (SQLite keeps those)."""
    keys = {reversal_of(key), REVERSED + key}
    return any([await was_booked(session, one) for one in sorted(keys)])


class ClosePeriod:
    """Payload `{"month": "2026-10"}`. What was booked up to its last day stands for good."""

    kind = ActKind.CLOSE_PERIOD

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def check(self, session: AsyncSession, agency: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Raises :class:`PeriodStillOpen` for a month that is not over, :class:`PeriodClosed`, `BadInput`."""
        month = month_of(payload.get("month"))
        if self._clock.today() < _month_after(month) + DAYS_AFTER:
            raise PeriodStillOpen(period=f"{month:%Y-%m}")
        await refuse_closed(session, agency, start_of_bangkok_day(month))
        return {"month": f"{month:%Y-%m}"}

    async def perform(self, session: AsyncSession, act: Confirmed) -> None:
        """Raises as :meth:`check` does."""
        await self.check(session, act.agency, act.payload)
        month = month_of(act.payload["month"])
        row = {"agency": act.agency, "month": month, "act": act.id, "closed_at": self._clock.now()}
        if not await insert_new(session, LedgerPeriod, [row]):
            raise PeriodClosed(period=f"{month:%Y-%m}")


class Reverse:
    """Payload `{"key": …}`: the entry's exact counter-entry, booked once, in the month that is open.

    It puts the books right and changes nothing else: no instalment and no run moves by it. Entries of budgets have
    acts of their own, and what reverses another is not reversed.
    """

    kind = ActKind.REVERSE

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def check(self, session: AsyncSession, agency: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Raises :class:`EntryNotFound`, :class:`NotReversible`."""
        key = str(payload.get("key", ""))
        await self._counter_lines(session, agency, key)
        if await is_reversed(session, key):
            raise NotReversible(key=key)
        return {"key": key}

    async def perform(self, session: AsyncSession, act: Confirmed) -> None:
        """Raises as :meth:`check` does."""
        key = str(act.payload["key"])
        lines = await self._counter_lines(session, act.agency, key)
        if await is_reversed(session, key):
            raise NotReversible(key=key)
        if not await book(session, key=reversal_of(key), agency=act.agency, lines=lines, at=self._clock.now()):
            raise NotReversible(key=key)

    async def _counter_lines(self, session: AsyncSession, agency: str, key: str) -> list[Line]:
        rows = await session.execute(
            select(LedgerAccount, col(LedgerPosting.satang))
            .join(LedgerAccount, col(LedgerAccount.id) == col(LedgerPosting.account))
            .where(col(LedgerPosting.transaction_id) == transaction_id(key), col(LedgerAccount.agency) == agency)
            .order_by(col(LedgerPosting.line))
        )
        found = rows.tuples().all()
        if not found:
            raise EntryNotFound
        if key.startswith(REVERSED) or any(account.kind == AccountKind.BUDGET.value for account, _ in found):
            raise NotReversible(key=key)
        accounts = {account.code: account for account in Account}
        return [Line(accounts[account.code], Money(-satang)) for account, satang in found]


async def closed_until(session: AsyncSession, agency: str) -> date | None:
    """The latest month that is closed, by its first day."""
    query = select(col(LedgerPeriod.month)).where(col(LedgerPeriod.agency) == agency)
    found: date | None = await session.scalar(query.order_by(col(LedgerPeriod.month).desc()).limit(1))
    return found


def month_of(given: object) -> date:
    """Of `2026-10`, the first day. Raises `BadInput`."""
    if not _FORM.fullmatch(str(given)):
        raise BadInput(_MONTH, path=("month",))
    return date.fromisoformat(f"{given}-01")


def _month_after(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


_FORM: Final = re.compile(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])", re.ASCII)
_MONTH: Final = Text(th="งวดบัญชีต้องเป็น ปี-เดือน (ค.ศ.) เช่น 2026-10", en="a period is a month, 2026-10 for instance")
