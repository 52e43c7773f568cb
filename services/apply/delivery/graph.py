"""In the graph: an application as it stands with the agency, and which services one can apply to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import strawberry

from core.graph import Info, MoneyAmount, localized
from core.graph.rights import require
from core.ids import GlobalId, MalformedGlobalId
from core.money import Money
from core.text import Text
from core.viewer import NotDelegated
from services.apply import models
from services.apply.delivery import repository
from services.apply.delivery.courier import Courier
from services.apply.delivery.decider import Services
from services.apply.delivery.hearing import Hearing
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import FEE_UNPAID, STOPPED
from services.apply.errors import NotOfferedHere
from services.apply.states import is_service
from services.exchange.graph.fields import described
from services.plugins.contract import State

CASES: Final = "application.case"
_GIVEN_UP: Final = Text(
    th="เราหยุดติดต่อหน่วยงานเรื่องนี้แล้ว โปรดติดต่อหน่วยงาน หรือถอนคำขอแล้วยื่นใหม่",
    en="We have stopped trying to reach the agency about it. Ask the agency, or withdraw and apply again.",
)
_FEE: Final = Text(
    th="กรุณาชำระค่าธรรมเนียมก่อน แล้วจะส่งให้หน่วยงานทันที",
    en="Please pay the fee. It is sent to the agency as soon as that is done.",
)
_FEE_AFTERWARDS: Final = Text(
    th="หน่วยงานอนุมัติแล้ว กรุณาชำระค่าธรรมเนียมภายในวันที่กำหนด จึงจะมีผล",
    en="The agency has approved it. It takes effect when the fee is paid, by the day that was told.",
)
_STOPPED: Final = Text(
    th="ไม่ส่งให้หน่วยงาน เพราะคุณขอระงับหรือคัดค้านการใช้ข้อมูลของคุณ",
    en="It is not sent to the agency, because you have had the use of your data stopped.",
)

strawberry.enum(
    State,
    name="AgencyState",
    description="How far an application is at the agency, in the agency's own word. NEEDS_SUPPLEMENT: it waits for the "
    "citizen.",
)


@strawberry.type(description="What the agency asks the citizen to pay for the application: `payFee` gives the bill.")
class RequestedPayment:
    amount: MoneyAmount
    text: str


@strawberry.type(description="An application to a service, as the agency that decides it says it stands.")
class ApplicationAtAgency:
    reference: str | None = strawberry.field(
        description="The agency's own number; null until the agency has the application."
    )
    state: State | None
    since: datetime | None = strawberry.field(description="Since when it is in that state, as the agency says.")
    checked_at: datetime | None = strawberry.field(
        description="When the agency last answered: of then is all that stands here."
    )
    tried_at: datetime | None = strawberry.field(description="When we last tried to reach the agency, also in vain.")
    note: str | None = strawberry.field(description="What the agency says to the citizen.")
    payment: RequestedPayment | None
    pay_by: datetime | None = strawberry.field(
        description="Of what is approved and whose fee is not paid yet: it lapses unless that is paid before then."
    )
    waiting: bool = strawberry.field(
        description="Whether the agency could not be told or asked when that was last tried; it is tried again."
    )
    hindrance: str | None = strawberry.field(
        description="What keeps the application from the agency, in words; null where we only wait for the agency."
    )


@strawberry.type
class OfService:
    """What an application to an agency's service has more than others."""

    row: strawberry.Private[models.Application]

    @described("As it stands with the agency; null for a programme. Asks the agency if what it said is old.")
    async def at_agency(self, info: Info) -> ApplicationAtAgency | None:
        if not is_service(self.row.subject):
            return None

        async def batch(keys: list[UUID]) -> Sequence[ServiceCase | None]:
            async with info.context.db.read() as session:
                found = await repository.cases(session, self.row.person, keys)
            return [found.get(key) for key in keys]

        await info.context.room(Courier).look(self.row.person, self.row.id)
        case = await info.context.loader(CASES, batch).load(self.row.id)
        return None if case is None else _shown(info, case)


def hindrance_of(case: ServiceCase) -> Text | None:
    """In words for the citizen."""
    if case.failed_at is not None:
        return _GIVEN_UP
    if case.trouble == FEE_UNPAID:
        return _FEE if case.pay_by is None else _FEE_AFTERWARDS
    return _STOPPED if case.trouble in STOPPED else None


def _shown(info: Info, case: ServiceCase) -> ApplicationAtAgency:
    told = info.context.room(Hearing).told(case)
    note, payment = told.get("note"), told.get("payment")
    return ApplicationAtAgency(
        reference=case.reference,
        state=State(case.state) if case.state is not None else None,
        since=case.state_at,
        checked_at=case.checked_at,
        note=localized(info, Text(**note)) if note is not None else None,
        payment=RequestedPayment(
            amount=MoneyAmount.of(Money(payment["satang"])), text=localized(info, Text(**payment["text"]))
        )
        if payment is not None
        else None,
        pay_by=case.pay_by,
        tried_at=case.tried_at,
        waiting=case.trouble not in (None, FEE_UNPAID) and case.failed_at is None,
        hindrance=localized(info, words) if (words := hindrance_of(case)) is not None else None,
    )


def subject_of(info: Info, service: strawberry.ID) -> str:
    """What one applies for by the id of a service, if the viewer may.

    Raises MalformedGlobalId, NotOfferedHere, StepUpRequired and NotDelegated, as the manifest has it.
    """
    try:
        key = GlobalId.parse(str(service), expected="Service").id
    except MalformedGlobalId:
        raise MalformedGlobalId(path=("service",)) from None
    offer = info.context.room(Services).offer(key)
    if offer is None:
        raise NotOfferedHere(path=("service",))
    require(info.context, offer.demand)
    if info.context.signed_in().acting is not None and not offer.delegates:
        raise NotDelegated
    return offer.subject
