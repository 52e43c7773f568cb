"""Months of a running award that cannot be paid yet: seen, told to the citizen once, and tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.text import Text
from identity.inbox.service import MessageTemplate
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


PAYMENT_HELD: Final = MessageTemplate(
    id="pay.held",
    title=Text(th="ยังจ่ายเงินงวดหนึ่งไม่ได้: {title}", en="One month is not paid yet: {title}"),
    body=Text(
        th="สิทธิของคุณยังอยู่ แต่งวดวันที่ {period} ยังจ่ายไม่ได้ เพราะกฎหมายของงวดนั้นต้องใช้ข้อมูลเพิ่ม "
        "เรากำลังตรวจสอบ และจะจ่ายย้อนให้เมื่อทราบ",
        en="Your right stands, but the month of {period} cannot be paid yet: its law asks for something that is not "
        "known. We are looking into it, and pay it when it is.",
    ),
)
PAYMENT_EXCLUDED: Final = MessageTemplate(
    id="pay.excluded",
    title=Text(th="งวดหนึ่งได้รับจากอีกโครงการแล้ว: {title}", en="One month was paid by another programme: {title}"),
    body=Text(
        th="งวดวันที่ {period} ท่านได้รับเงินจากอีกโครงการที่กฎหมายไม่ให้รับพร้อมกันแล้ว {title} จึงเริ่มจ่ายตั้งแต่งวดถัดไป",
        en="The month of {period} was paid by another programme, which the law lets nobody have beside this one. "
        "{title} begins with the next month.",
    ),
)
LAW_RAN_OUT: Final = MessageTemplate(
    id="pay.law-ran-out",
    title=Text(th="ยังไม่มีกฎหมายของงวดใหม่: {title}", en="The law of a new month is not known yet: {title}"),
    body=Text(
        th="กฎหมายที่ใช้จ่ายเงินนี้สิ้นสุดแล้ว และยังไม่มีฉบับใหม่ งวดวันที่ {period} จึงยังจ่ายไม่ได้ สิทธิของคุณยังไม่สิ้นสุด "
        "เราจะจ่ายย้อนให้หรือแจ้งผลพร้อมเหตุผลเมื่อทราบ",
        en="The law by which this is paid is over, and no new one is known yet, so the month of {period} cannot be "
        "paid. Your right has not ended: we pay it later, or tell you the outcome with its reasons, once we know.",
    ),
)
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
