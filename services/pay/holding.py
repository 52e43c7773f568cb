"""Months of a running award that cannot be paid yet: seen, told to the citizen once, and tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.text import Text
from services.pay.messages import MESSAGES
from services.pay.models import Award, HeldMonth
from services.pay.needs import Notices
from services.pay.repository import PaymentRepository
from services.pay.writing import insert_new


class HoldReason(StrEnum):
    FACT_NEEDED = "FACT_NEEDED"
    """The law of that month asks for a fact that the decision did not read."""
    CALENDAR_UNKNOWN = "CALENDAR_UNKNOWN"
    """Nobody has entered the bank holidays of that year."""
    EXCLUDED = "EXCLUDED"
    """A programme that nobody may have beside this one paid that month."""
    DESTINATION_CHANGED = "DESTINATION_CHANGED"
    """The payee said another place to be paid after its run was planned: it goes there with the next."""
    LAW_RAN_OUT = "LAW_RAN_OUT"
    """The law by which it was granted is over, and none after it is known here yet."""


PAYMENT_HELD: Final = MESSAGES["pay.held"]
PAYMENT_EXCLUDED: Final = MESSAGES["pay.excluded"]
LAW_RAN_OUT: Final = MESSAGES["pay.law-ran-out"]
_TOLD: Final = {
    HoldReason.FACT_NEEDED: PAYMENT_HELD,
    HoldReason.EXCLUDED: PAYMENT_EXCLUDED,
    HoldReason.LAW_RAN_OUT: LAW_RAN_OUT,
}


class Holding:
    def __init__(self, clock: Clock, notices: Notices) -> None:
        self._clock, self._notices = clock, notices

    async def hold(
        self, session: AsyncSession, award: Award, period: date, reason: HoldReason, needs: Sequence[str] = ()
    ) -> None:
        """Notes the month, once, and tells the payee, once. What is held already stays as it is; what had been
        released, because its award had ended for instance, is held again."""
        row = {
            "person": award.person,
            "award": award.id,
            "period": period,
            "agency": award.agency,
            "reason": reason.value,
            "needs": list(needs),
            "held_at": self._clock.now(),
            "released_at": None,
        }
        held = await insert_new(session, HeldMonth, [row]) or await PaymentRepository(session).hold_again(
            award, period, reason=reason.value, needs=list(needs), held_at=self._clock.now()
        )
        template = _TOLD.get(reason)
        if held and template is not None:
            await self._notices.send(session, award.person, template, title=Text(**award.title), period=period)
