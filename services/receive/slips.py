"""The slip of a payment that is collected at a counter, in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlmodel import col

from core.graph import Info
from services.pay.models import Instalment
from services.pay.rails.cash.models import CashSlip as Row

SLIPS: Final = "receive.slips"


@strawberry.type(description="What a payment in cash is collected with, beside its code and the identity card.")
class CashSlip:
    number: str
    payable_from: date
    expires_on: date = strawberry.field(description="The last day on which it is paid out.")
    collected_at: datetime | None
    returned_at: datetime | None = strawberry.field(description="When nobody had come for it in time.")
    has_code: bool = strawberry.field(
        description="Whether there is a code for it: on paper, or told by `makeSlipCode`, which makes another."
    )

    @classmethod
    def of(cls, row: Row) -> CashSlip:
        return cls(
            number=row.number,
            payable_from=row.payable_from,
            expires_on=row.expires_on,
            collected_at=row.paid_at,
            returned_at=row.returned_at,
            has_code=row.code_hash is not None,
        )


async def slip_of(info: Info, payment: Instalment) -> CashSlip | None:
    """None of a payment that goes another way, or is not at the counter yet."""

    async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Row | None]:
        people, ids = {person for person, _ in keys}, {key for _, key in keys}
        query = select(Row).where(col(Row.person).in_(people), col(Row.id).in_(ids))
        async with info.context.db.read() as session:
            found = {(row.person, row.id): row for row in await session.scalars(query)}
        return [found.get(key) for key in keys]

    row = await info.context.loader(SLIPS, batch).load((payment.person, payment.id))
    return None if row is None else CashSlip.of(row)
