"""What was withheld of a payment, in the graph: beside the payment, and on its receipt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlmodel import col

from core.graph import Info, MoneyAmount, localized
from core.money import Money
from services.exchange.graph.fields import described
from services.pay.models import Instalment
from services.receive.models import Receipt
from services.receive.withheld import reading

_PAID: Final = "receive.withheld.paid"
_OF: Final = "receive.withheld.of"


@strawberry.type(description="So much of a payment pays back money that was paid too much.")
class Deduction:
    amount: MoneyAmount
    law: str
    agreed_on: date | None = strawberry.field(description="The day on which the citizen agreed to it.")
    reason: str | None = strawberry.field(
        description="The agency's, in its words. Null for who acts for the citizen: the two agreed between themselves."
    )

    @classmethod
    def of(cls, info: Info, one: reading.Deduction) -> Deduction:
        viewer = info.context.signed_in()
        return cls(
            amount=MoneyAmount.of(Money(one.satang)),
            law=localized(info, reading.LAW),
            agreed_on=one.agreed_on,
            reason=one.reason if viewer.acting is None else None,
        )


async def deductions_of(info: Info, payment: Instalment) -> list[Deduction]:
    """Of a payment of which nothing was withheld: none."""

    async def batch(keys: list[reading.Reduced]) -> Sequence[Sequence[reading.Deduction]]:
        async with info.context.db.read() as session:
            found = await reading.deductions(session, keys)
        return [found.get(key.id, ()) for key in keys]

    if not payment.withheld:
        return []
    found = await info.context.loader(_OF, batch).load(reading.Reduced.of(payment))
    return [Deduction.of(info, one) for one in found]


@strawberry.type
class WithheldOfReceipt:
    """What a receipt says beside the amount that reached the bank."""

    row: strawberry.Private[Receipt]

    @described("What was due: the amount, and what was withheld of it. Null where the payment is not kept any more.")
    async def gross(self, info: Info) -> MoneyAmount | None:
        payment = await _paid(info, self.row)
        return None if payment is None else MoneyAmount.of(Money(self.row.satang + payment.withheld))

    @described("What did not go to the bank, but pays back money that was paid too much.")
    async def withheld(self, info: Info) -> MoneyAmount | None:
        payment = await _paid(info, self.row)
        return None if payment is None else MoneyAmount.of(Money(payment.withheld))

    @described("By which law and agreement something was withheld.")
    async def deductions(self, info: Info) -> list[Deduction]:
        payment = await _paid(info, self.row)
        return [] if payment is None else await deductions_of(info, payment)


async def _paid(info: Info, receipt: Receipt) -> Instalment | None:
    async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Instalment | None]:
        query = select(Instalment).where(
            col(Instalment.person).in_({person for person, _ in keys}), col(Instalment.id).in_({key for _, key in keys})
        )
        async with info.context.db.read() as session:
            found = {(row.person, row.id): row for row in await session.scalars(query)}
        return [found.get(key) for key in keys]

    return await info.context.loader(_PAID, batch).load((receipt.person, receipt.instalment))
