"""Bills in the graph: what is to be paid, its QR code, and the receipt."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.errors import BadInput
from core.graph import (
    Connection,
    Delegate,
    Info,
    MoneyAmount,
    Node,
    Nodes,
    Problem,
    citizen_field,
    connection,
    global_id,
    localized,
    mutation,
    page_size,
    read_cursor,
    work_of,
)
from core.graph.drawing import drawn
from core.ids import GlobalId
from core.money import Money
from core.text import Text
from services.exchange.graph.fields import described
from services.pay.fees import models, qr, repository
from services.pay.fees.receipts import BillReceipts
from services.pay.fees.service import Bills, title_of
from services.pay.fees.states import BillKind, BillStatus

strawberry.enum(BillStatus, name="BillStatus", description="Where a bill stands.")
strawberry.enum(BillKind, name="BillKind", description="What a bill is for.")
_ONE: Final = Text(
    th="ระบุคำขอ คำสั่งขอเอกสาร หรือข้อเสนอคืนเงิน อย่างใดอย่างหนึ่ง",
    en="name one: an application, a document order or a recovery",
)


_NODES_OF: Final = {"application": "Application", "recovery": "Recovery", "order": "DocumentOrder"}
"""What each word of a charge is in the graph."""


@strawberry.type(description="Proof that a bill was paid. It names nobody.")
class BillReceipt:
    row: strawberry.Private[models.Bill]
    number: str

    @described("A compact JWS by the keys of /.well-known/attestation-keys.json: verified by anybody, offline as well.")
    async def proof(self, info: Info) -> str:
        return await info.context.room(BillReceipts).proof(self.row)

    @described("The address of the page that verifies it, with the proof as its fragment: a QR code, an SVG element.")
    async def qr_svg(self, info: Info) -> str:
        receipts = info.context.room(BillReceipts)
        return await drawn(info.context.memo, ("fee receipt", self.row.id), lambda: receipts.qr_svg(self.row))


@strawberry.type(description="What the citizen is asked to pay to an agency. Any Thai bank's app pays it by its code.")
class Bill(Node):
    row: strawberry.Private[models.Bill]
    kind: BillKind
    agency: str = strawberry.field(description="Slug of the agency.")
    amount: MoneyAmount
    biller: str = strawberry.field(description="The agency's biller id at the banks.")
    reference: str = strawberry.field(description="Reference number 1.")
    second_reference: str = strawberry.field(description="Reference number 2.")
    created_at: datetime
    due_at: datetime = strawberry.field(description="Good until then. What is paid later goes back.")
    paid_at: datetime | None = strawberry.field(description="By the bank's clock.")
    receipt: BillReceipt | None

    @classmethod
    def of(cls, row: models.Bill) -> Bill:
        return cls(
            id=global_id("Bill", row.id),
            row=row,
            kind=BillKind(row.kind),
            agency=row.agency,
            amount=MoneyAmount.of(Money(row.satang)),
            biller=row.biller,
            reference=row.reference,
            second_reference=row.second_reference,
            created_at=row.created_at,
            due_at=row.due_at,
            paid_at=row.paid_at,
            receipt=None if row.receipt_number is None else BillReceipt(row=row, number=row.receipt_number),
        )

    @described("For what, in the caller's language.")
    def title(self, info: Info) -> str:
        return localized(info, title_of(self.row))

    @described()
    def status(self, info: Info) -> BillStatus:
        return self._status(info)

    @described("What the code holds: EMVCo, PromptPay bill payment. Null for a bill that is not to be paid any more.")
    def qr_text(self, info: Info) -> str | None:
        return self._payload(info)

    @described("The same as a QR code, an SVG element.")
    async def qr_svg(self, info: Info) -> str | None:
        text = self._payload(info)
        if text is None:
            return None
        return await drawn(info.context.memo, ("bill", self.row.id), lambda: asyncio.to_thread(qr.svg, text))

    def _status(self, info: Info) -> BillStatus:
        late = self.row.status == BillStatus.OPEN.value and self.row.due_at <= info.context.clock.now()
        return BillStatus.EXPIRED if late else BillStatus(self.row.status)

    def _payload(self, info: Info) -> str | None:
        if self._status(info) is not BillStatus.OPEN:
            return None
        row = self.row
        return qr.payload(
            biller=row.biller, reference=row.reference, second=row.second_reference, money=Money(row.satang)
        )


@strawberry.type
class FeesOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @citizen_field(Delegate.NOTHING, description="What the citizen was asked to pay, the latest first.")
    async def bills(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[Bill] | None:
        size, cursor = page_size(first), read_cursor(after)
        async with info.context.db.read() as session:
            rows = await repository.page(session, self.person, size, _key(cursor))
        return connection(Connection[Bill], rows, size, key=lambda row: row.id.hex, node=Bill.of)


@strawberry.input(description="One of these: what a fee is to be paid for, or an agreed recovery.")
class PayFeeInput:
    idempotency_key: str
    application: strawberry.ID | None = None
    recovery: strawberry.ID | None = None
    order: strawberry.ID | None = strawberry.field(default=None, description="Id of a `DocumentOrder`.")


@strawberry.type
class PayFeePayload:
    bill: Bill | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        row = await _own(info, UUID(hex=kept["bill"]))
        return cls(bill=None if row is None else Bill.of(row))


@strawberry.type
class FeesMutation:
    @mutation(
        PayFeePayload,
        delegate=Delegate.NOTHING,
        description="The bill, with its QR code, for what is to be paid now; the one that is open, if there is one. "
        "That it was paid is told by `changes`.",
    )
    async def pay_fee(self, info: Info, input: PayFeeInput) -> PayFeePayload:
        work = work_of(info)
        word, about = _what(input)
        async with work.transaction() as session:
            row = await info.context.room(Bills).issue(session, work.viewer.person, word, about)
            work.keep(bill=row.id.hex)
        return PayFeePayload(bill=Bill.of(row))


def _what(input: PayFeeInput) -> tuple[str, UUID]:
    given = {"application": input.application, "recovery": input.recovery, "order": input.order}
    named = [(word, key) for word, key in given.items() if key is not None]
    if len(named) != 1:
        raise BadInput(_ONE, path=("application",))
    [(word, key)] = named
    return word, GlobalId.parse(str(key), _NODES_OF[word]).id


async def _own(info: Info, key: UUID) -> models.Bill | None:
    if info.context.viewer is None:
        return None
    async with info.context.db.read() as session:
        return await repository.own(session, info.context.viewer.person, key)


async def _node(info: Info, key: UUID) -> Bill | None:
    row = await _own(info, key)
    return None if row is None else Bill.of(row)


def _key(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(hex=cursor)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None


NODES: Final[Nodes] = {"Bill": _node}
