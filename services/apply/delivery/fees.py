"""What a citizen owes an agency that has their application: whose turn that makes it, and what follows when it is paid,
or is not.

| the agency says | and the fee | the application | the turn |
|---|---|---|---|
| `RECEIVED`, `IN_PROGRESS` with a `payment` | is not paid | `NEEDS_INFORMATION` | citizen's |
| | is paid: the agency hears `fee.paid` and is asked | `SUBMITTED` | agency's |
| `APPROVED`, of a fee `afterwards` | is not paid | `NEEDS_INFORMATION` until `pay_by` | citizen's |
| | is paid: the agency hears `fee.paid` | `APPROVED` | – |
| | is not paid by then: the agency hears `fee.lapsed` | `LAPSED` | – |

As Biz Portal has it: APPROVED_WAITING_PAY_FEE, PAID_FEE_CREATING_LICENSE, COMPLETED.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import bangkok_day, start_of_bangkok_day
from core.money import Money
from core.text import Text
from services.apply.deciding import Holder, Missing
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import FEE_UNPAID, REMINDED_BEFORE
from services.plugins.contract import FeeWhen, Manifest, State

FEE: Final = "agency_fee"
"""Stands for a fee that an agency asks for, which is no attribute of the catalogue."""
NOT_PAID: Final = "FEE_NOT_PAID"
_FEE: Final = Text(th="ค่าธรรมเนียมที่ต้องชำระ ชำระได้ด้วย payFee", en="The fee that is to be paid, by `payFee`")
_AT_WORK: Final = frozenset({State.RECEIVED, State.IN_PROGRESS})


class FeeNotices(Protocol):
    """Called inside the transaction."""

    async def fee_due(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money, day: date
    ) -> None:
        """It is approved, and takes effect when that is paid; `day` is the last one."""
        ...

    async def fee_reminded(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money, day: date
    ) -> None: ...

    async def fee_lapsed(self, session: AsyncSession, *, person: UUID, application: UUID, title: Text) -> None: ...


@dataclass(frozen=True, slots=True)
class Due:
    """A fee that is not paid."""

    satang: int
    pay_by: datetime | None = None
    """Of one that is paid afterwards."""
    remind_at: datetime | None = None

    @property
    def last_day(self) -> date:
        assert self.pay_by is not None, "one that is paid afterwards"
        return bangkok_day(self.pay_by) - timedelta(days=1)


def due(manifest: Manifest, state: State, told: Mapping[str, Any], paid: Collection[int], now: datetime) -> Due | None:
    """What is to be paid before it goes on, after an agency has said this. None for nothing."""
    asked = told.get("payment")
    if state in _AT_WORK:
        is_due = asked is not None and list(paid).count(asked["satang"]) < time_of(asked)
        return Due(asked["satang"]) if asked is not None and is_due else None
    amount = afterwards(manifest, told)
    if state is not State.APPROVED or amount is None:
        return None
    assert manifest.fee is not None, "there is an amount of it"
    today = bangkok_day(now)
    pay_by = start_of_bangkok_day(today + timedelta(days=manifest.fee.days + 1))
    remind_at = max(pay_by - REMINDED_BEFORE, now + (pay_by - now) / 2)
    return Due(amount, pay_by, remind_at)


def time_of(asked: Mapping[str, Any]) -> int:
    """How often that amount was asked for by then, from 1: one that was paid before may be asked for anew."""
    return int(asked.get("time", 1))


def timed(told: dict[str, Any], before: Mapping[str, Any], state: State, paid: Collection[int]) -> dict[str, Any]:
    """What an agency says, its `payment` with its `time` from the second on. It is another time when it said something
    else `before`, or nothing, and that amount is paid."""
    asked, old = told.get("payment"), before.get("payment")
    if asked is None or state not in _AT_WORK:
        return told
    still = old is not None and old["satang"] == asked["satang"]
    time = time_of(old or {}) if still else list(paid).count(asked["satang"]) + 1
    return told if time == 1 else {**told, "payment": {**asked, "time": time}}


def afterwards(manifest: Manifest, told: Mapping[str, Any]) -> int | None:
    """Satang that are due once it is approved: as the agency says with its approval, or as the manifest has it."""
    if manifest.fee is None or manifest.fee.when is not FeeWhen.AFTERWARDS:
        return None
    asked = told.get("payment")
    return (asked["satang"] if asked is not None else manifest.fee.satang) or None


def waits_afterwards(case: ServiceCase) -> bool:
    """Whether it is approved and waits for its fee."""
    return case.trouble == FEE_UNPAID and case.pay_by is not None and case.state == State.APPROVED


def missing(agency: str) -> list[dict[str, Any]]:
    """What the application then waits for."""
    return [Missing(FEE, _FEE, Holder.CITIZEN, agency).written()]
