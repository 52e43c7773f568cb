"""Setting and raising budgets: acts of two officers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import BadInput
from core.money import Money
from core.text import Text
from services.pay.budget.service import Budget, appropriate, raise_by
from services.pay.budget.years import YEAR_MAX, YEAR_MIN
from services.pay.errors import NotYourAgency
from services.pay.ledger.acts import ActKind, Confirmed

SATANG_MAX: Final = 10**16
"""A hundred trillion baht: thirty times the budget of the state, and sums of many still fit 64 bits."""

Payer = Callable[[str], str]
"""Slug of the agency that pays a subject. Raises `NotFound` for one that is unknown."""


class _BudgetAct:
    """Payload `{"subject": "programme:…", "year": 2027, "satang": 1}`; the year is CE."""

    def __init__(self, clock: Clock, payer: Payer) -> None:
        self._clock, self._payer = clock, payer

    async def check(self, _session: AsyncSession, agency: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Raises `BadInput`, `NotFound` for no programme, :class:`NotYourAgency` for another agency's."""
        subject, year, satang = str(payload.get("subject", "")), payload.get("year"), payload.get("satang")
        if not _is_whole(year) or not YEAR_MIN <= int(year) <= YEAR_MAX:  # type: ignore[arg-type] # it is whole
            raise BadInput(_YEAR, path=("year",))
        if not _is_whole(satang) or not 0 < int(satang) <= SATANG_MAX:  # type: ignore[arg-type] # it is whole
            raise BadInput(_AMOUNT, path=("satang",))
        if self._payer(subject) != agency:
            raise NotYourAgency
        return {"subject": subject, "year": year, "satang": satang}


class BudgetSet(_BudgetAct):
    kind = ActKind.BUDGET_SET

    async def perform(self, session: AsyncSession, act: Confirmed) -> None:
        """Raises :class:`BudgetSetAlready`, :class:`BudgetExceeded`."""
        await appropriate(session, *_of(act), act.id, self._clock.now())


class BudgetRaise(_BudgetAct):
    kind = ActKind.BUDGET_RAISE

    async def perform(self, session: AsyncSession, act: Confirmed) -> None:
        """Raises :class:`BudgetMissing`."""
        await raise_by(session, *_of(act), act.id, self._clock.now())


def _of(act: Confirmed) -> tuple[Budget, Money]:
    payload = act.payload
    return Budget(act.agency, str(payload["subject"]), int(payload["year"])), Money(int(payload["satang"]))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_YEAR: Final = Text(th="ปีงบประมาณต้องเป็นปี ค.ศ. เช่น 2027", en="the fiscal year is a year CE, 2027 for instance")
_AMOUNT: Final = Text(
    th="จำนวนเงินต้องมากกว่าศูนย์ และไม่เกินที่รองรับ", en="the amount is above zero, and within what is supported"
)
