"""Orders of documents that cost something, in the graph."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from core.errors import BadInput
from core.graph import (
    Connection,
    Delegate,
    Info,
    MoneyAmount,
    Node,
    citizen_field,
    connection,
    global_id,
    localized,
    page_size,
    read_cursor,
)
from core.money import Money
from core.text import Text
from services.exchange.graph.fields import described
from services.plugins.documents import models, order_rows
from services.plugins.documents.orders import Orders
from services.plugins.documents.states import OrderStatus

if TYPE_CHECKING:
    from services.plugins.documents.graph import IssuedDocument

strawberry.enum(OrderStatus, name="DocumentOrderStatus", description="How far the order of a document is.")


@strawberry.type(description="A document that costs something, as it was ordered. It is made once it is paid for.")
class DocumentOrder(Node):
    row: strawberry.Private[models.DocumentOrder]
    operation: str = strawberry.field(description="As the service names it.")
    amount: MoneyAmount = strawberry.field(description="Nothing, where it costs the citizen nothing.")
    ordered_at: datetime
    pay_by: datetime | None = strawberry.field(description="Of one that is owed: until then it may be paid.")

    @classmethod
    def of(cls, row: models.DocumentOrder) -> DocumentOrder:
        owed = row.status == OrderStatus.OWED.value
        return cls(
            id=global_id("DocumentOrder", row.id),
            row=row,
            operation=row.operation,
            amount=MoneyAmount.of(Money(row.satang)),
            ordered_at=row.ordered_at,
            pay_by=row.due_at if owed else None,
        )

    @described("What it is of, in the caller's language; null of what is offered no more.")
    def title(self, info: Info) -> str | None:
        plugin = info.context.room(Orders).plugin(self.row)
        return None if plugin is None else localized(info, plugin.manifest.title_of(self.row.operation).text)

    @described("What the fee is for, in the agency's words.")
    def fee(self, info: Info) -> str | None:
        plugin = info.context.room(Orders).plugin(self.row)
        fee = None if plugin is None else plugin.manifest.operations[self.row.operation].fee
        return None if fee is None else localized(info, fee.text.text)

    @described()
    def status(self, info: Info) -> OrderStatus:
        late = self.row.status == OrderStatus.OWED.value and self.row.due_at <= info.context.clock.now()
        return OrderStatus.EXPIRED if late else OrderStatus(self.row.status)

    @described("Why it was refused, in the caller's language. What was paid goes back.")
    def refusal(self, info: Info) -> str | None:
        if self.row.refusal is None:
            return None
        return localized(info, info.context.room(Orders).why(self.row))

    @described("Of one that is made, while it is kept.")
    async def document(
        self, info: Info
    ) -> Annotated[IssuedDocument, strawberry.lazy("services.plugins.documents.graph")] | None:
        from services.plugins.documents.graph import document_node  # noqa: PLC0415 - that module shows orders

        return None if self.row.document is None else await document_node(info, self.row.document)


@strawberry.type
class OrdersOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @citizen_field(Delegate.NOTHING, description="Documents that were ordered for a fee, the newest first.")
    async def document_orders(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[DocumentOrder] | None:
        size, before = page_size(first), _cursor(after)
        async with info.context.db.read() as session:
            rows = await order_rows.page(session, self.person, size + 1, before)
        return connection(Connection[DocumentOrder], rows, size, key=lambda row: row.id.hex, node=DocumentOrder.of)


async def order_node(info: Info, key: UUID) -> DocumentOrder | None:
    """The viewer's; foreign and unknown are alike."""
    if info.context.viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await order_rows.own(session, info.context.viewer.person, key)
    return None if row is None else DocumentOrder.of(row)


def _cursor(after: str | None) -> UUID | None:
    key = read_cursor(after)
    try:
        return None if key is None else UUID(hex=key)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None
