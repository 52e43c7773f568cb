"""Payments of which something was missing, and what supplements them, in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlmodel import col

from core.clock import bangkok_day
from core.graph import Info
from services.exchange.graph.fields import described
from services.pay.models import Instalment
from services.pay.recovery.models import Underpayment

if TYPE_CHECKING:
    from services.receive.graph import Payment

_SUPPLEMENTED: Final = "receive.supplemented"


@strawberry.type(description="Why there is another payment of the same month: of an earlier one something was missing.")
class Supplement:
    row: strawberry.Private[Instalment]
    found_on: date = strawberry.field(description="The day on which it was found.")
    refunds: bool = strawberry.field(
        description="Whether it gives back what was withheld, or paid back, and was not owed: then it is no part of "
        "what is due of the month."
    )

    @described("The payment that was too small, or of which too much was withheld.")
    def payment(self) -> Annotated[Payment, strawberry.lazy("services.receive.graph")]:
        from services.receive.graph import Payment  # noqa: PLC0415 - it has one of these

        return Payment.of(self.row)


@strawberry.type
class SupplementOfPayment:
    """What a payment says of another that it completes."""

    row: strawberry.Private[Instalment]

    @described("Null of an ordinary payment of its month.")
    async def supplement(self, info: Info) -> Supplement | None:
        async def batch(
            keys: list[tuple[UUID, UUID]],
        ) -> Sequence[tuple[Underpayment, Instalment] | None]:
            people, ids = {person for person, _ in keys}, {key for _, key in keys}
            query = select(Underpayment, Instalment).join(
                Instalment,
                (col(Instalment.person) == col(Underpayment.person))
                & (col(Instalment.id) == col(Underpayment.instalment)),
            )
            query = query.where(col(Underpayment.person).in_(people), col(Underpayment.id).in_(ids))
            async with info.context.db.read() as session:
                found = {(one.person, one.id): (one, of) for one, of in (await session.execute(query)).tuples()}
            return [found.get(key) for key in keys]

        if self.row.supplements is None:
            return None
        found = await info.context.loader(_SUPPLEMENTED, batch).load((self.row.person, self.row.supplements))
        if found is None:
            return None
        noted, of = found
        return Supplement(row=of, found_on=bangkok_day(noted.found_at), refunds=self.row.refunds)
