"""The code of a slip, told to the payee who asks for one: in place of one on paper."""

from __future__ import annotations

from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.assurance import Aal, Assurance, Demand, Ial
from core.errors import SitthiError
from core.graph import Delegate, Info, Problem, mutation, work_of
from core.ids import GlobalId, MalformedGlobalId
from services.pay.rails.cash.counter import OwnCodes
from services.pay.rails.cash.models import CashSlip as Row
from services.receive.slips import SLIPS, CashSlip

SURE: Final = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_2_1), age_seconds_max=900)
"""With the code, what keeps the money is the identity card alone."""


@strawberry.input
class MakeSlipCodeInput:
    payment: strawberry.ID
    idempotency_key: str


@strawberry.type
class MakeSlipCodePayload:
    slip: CashSlip | None = None
    code: str | None = strawberry.field(
        default=None,
        description="Ten characters, for the counter alone. The same idempotency key tells it again while it counts.",
    )
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        person = info.context.signed_in().person
        async with info.context.db.read() as session:
            row = await session.get(Row, (person, UUID(hex=kept["payment"])))
        if row is None:
            return cls()
        return cls(slip=CashSlip.of(row), code=info.context.room(OwnCodes).again(row, kept["number"]))


@strawberry.type
class SlipMutation:
    @mutation(
        MakeSlipCodePayload,
        delegate=Delegate.NOTHING,
        demand=SURE,
        description="A code by which the payee collects a payment in cash at a counter, with the slip's number and "
        "their identity card. The one before is void; five at most.",
    )
    async def make_slip_code(self, info: Info, input: MakeSlipCodeInput) -> MakeSlipCodePayload:
        payment, work = _payment_id(input.payment), work_of(info)
        async with work.transaction() as session:
            row, code = await info.context.room(OwnCodes).make(session, work.viewer.person, payment)
            work.keep(payment=row.id.hex, number=row.codes)
        info.context.loaders.pop(SLIPS, None)
        return MakeSlipCodePayload(slip=CashSlip.of(row), code=code)


def _payment_id(given: strawberry.ID) -> UUID:
    try:
        return GlobalId.parse(str(given), expected="Payment").id
    except SitthiError:
        raise MalformedGlobalId(path=("payment",)) from None
