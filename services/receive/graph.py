"""Payments and receipts in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.clock import bangkok_day
from core.errors import BadInput, SitthiError
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
from core.ids import GlobalId, MalformedGlobalId
from core.money import Money
from core.text import Text
from services.exchange.graph import Person
from services.pay.holding import HoldReason
from services.pay.mending import what_to_mend
from services.pay.models import Award, HeldMonth, Instalment
from services.pay.repository import PaymentRepository
from services.pay.states import InstalmentStatus
from services.receive import models
from services.receive.disputes import graph as disputes
from services.receive.graph_slips import SlipMutation
from services.receive.repository import ReceiptRepository
from services.receive.satisfaction.graph import SatisfactionQuery
from services.receive.service import Receipts
from services.receive.slips import CashSlip, slip_of
from services.receive.statements.graph import StatementsOfCitizen
from services.receive.supplement_graph import SupplementOfPayment
from services.receive.withheld.graph import Deduction, WithheldOfReceipt, deductions_of

_RECEIPTS: Final = "receive.receipts"
_RATINGS: Final = "receive.ratings"
_AWARDS: Final = "receive.awards"
_REPEATS: Final = "receive.repeats"
_PROGRAMME: Final = "programme:"

strawberry.enum(InstalmentStatus, name="PaymentStatus", description="Where a payment stands.")
strawberry.enum(HoldReason, name="HoldReason", description="Why a month cannot be paid yet.")


@strawberry.type
class Rating:
    """How satisfied the citizen was."""

    score: int = strawberry.field(description="1 (poor) to 5 (good).")
    comment: str | None
    rated_at: datetime

    @classmethod
    def of(cls, info: Info, row: models.Rating) -> Rating:
        comment = info.context.room(Receipts).comment_of(row)
        return cls(score=row.score, comment=comment, rated_at=row.rated_at)


@strawberry.type
class Receipt(Node, WithheldOfReceipt):
    """Proof that a payment reached the bank."""

    number: str
    amount: MoneyAmount = strawberry.field(description="What reached the bank.")
    settled_at: datetime
    confirmed_at: datetime | None = strawberry.field(description="When the citizen confirmed that the money came.")

    @classmethod
    def of(cls, row: models.Receipt) -> Receipt:
        return cls(
            id=global_id("Receipt", row.id),
            row=row,
            number=row.number,
            amount=MoneyAmount.of(Money(row.satang)),
            settled_at=row.settled_at,
            confirmed_at=row.confirmed_at,
        )

    @strawberry.field
    def verify_url(self, info: Info) -> str:
        """Where anyone can check the receipt. The page names nobody."""
        return info.context.room(Receipts).verify_url(self.row)

    @strawberry.field
    async def proof(self, info: Info) -> str:
        """What it says under Sitthi's signature, a compact JWS by the keys of /.well-known/attestation-keys.json: to be
        verified by anybody, offline. It names nobody."""
        return await info.context.room(Receipts).proof(self.row)

    @strawberry.field
    async def qr_svg(self, info: Info) -> str:
        """That address with the proof as its fragment, as a QR code, an SVG element; 20 QR codes at most in a
        request."""
        receipts = info.context.room(Receipts)
        return await drawn(info.context.memo, ("receipt", self.row.id), lambda: receipts.qr_svg(self.row))

    @strawberry.field
    async def rating(self, info: Info) -> Rating | None:
        return await _rating(info, self.row.id)


@strawberry.type
class Payment(Node, SupplementOfPayment):
    """One instalment of a benefit."""

    row: strawberry.Private[Instalment]
    amount: MoneyAmount = strawberry.field(description="What is due, before anything is withheld.")
    withheld: MoneyAmount = strawberry.field(
        description="Of it, what pays back money that was paid too much, as agreed; known once it is approved."
    )
    net: MoneyAmount = strawberry.field(description="What goes to the bank.")
    status: InstalmentStatus
    due_on: date = strawberry.field(
        description="The programme's payday, or the last day before it on which banks open."
    )
    settled_on: date | None = strawberry.field(description="The day on which the bank booked it.")
    period: date = strawberry.field(description="The month it is for, by its first day.")
    programme: str | None = strawberry.field(description="Slug of the programme; null for another service.")

    @classmethod
    def of(cls, row: Instalment) -> Payment:
        subject = row.subject
        return cls(
            id=global_id("Payment", row.id),
            row=row,
            amount=MoneyAmount.of(Money(row.satang)),
            withheld=MoneyAmount.of(Money(row.withheld)),
            net=MoneyAmount.of(Money(row.net)),
            status=InstalmentStatus(row.status),
            due_on=row.due_on,
            settled_on=None if row.settled_at is None else bangkok_day(row.settled_at),
            period=row.period,
            programme=subject.removeprefix(_PROGRAMME) if subject.startswith(_PROGRAMME) else None,
        )

    @strawberry.field
    async def deductions(self, info: Info) -> list[Deduction]:
        """By which law and agreement something is withheld."""
        return await deductions_of(info, self.row)

    @strawberry.field
    async def slip(self, info: Info) -> CashSlip | None:
        return await slip_of(info, self.row)

    @strawberry.field
    def beneficiary(self) -> Person:
        """The person it is for."""
        return Person.of(self.row.beneficiary)

    @strawberry.field
    async def title(self, info: Info) -> str:
        """What it is, in the words of the decision."""

        async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Award]:
            async with info.context.db.read() as session:
                found = await PaymentRepository(session).awards(keys)
            return [found[key] for key in keys]

        award = await info.context.loader(_AWARDS, batch).load((self.row.person, self.row.award))
        return localized(info, Text(**award.title))

    @strawberry.field
    async def to_mend(self, info: Info) -> str | None:
        """What to mend so that money that came back is paid again; null once it is, or will be."""
        if self.status is not InstalmentStatus.RETURNED or await _paid_again_by(info, self.row) is not None:
            return None
        return localized(info, what_to_mend(self.row.reason))

    @strawberry.field
    async def paid_again_by(self, info: Info) -> Payment | None:
        """The payment that pays again what came back."""
        if self.status is not InstalmentStatus.RETURNED:
            return None
        row = await _paid_again_by(info, self.row)
        return None if row is None else Payment.of(row)

    @strawberry.field
    async def receipt(self, info: Info) -> Receipt | None:
        """There is one once the bank has booked the payment."""
        row = await _receipt(info, self.row.id)
        return None if row is None else Receipt.of(row)

    @strawberry.field
    async def disputes(self, info: Info) -> list[disputes.Dispute]:
        """What the citizen said was wrong with it, the newest first. At most one is not over."""
        return await disputes.disputes_of(info, self.row.person, self.row.id)

    @strawberry.field
    async def rating(self, info: Info) -> Rating | None:
        receipt = await _receipt(info, self.row.id)
        return None if receipt is None else await _rating(info, receipt.id)


@strawberry.type(description="A month of a benefit that runs, which cannot be paid yet. It is tried again.")
class HeldPayment:
    period: date = strawberry.field(description="The month it is for, by its first day.")
    programme: str | None = strawberry.field(description="Slug of the programme; null for another service.")
    reason: HoldReason
    since: datetime
    title: str
    needs: list[str] = strawberry.field(description="Ids of the facts that are to be read first.")

    @classmethod
    def of(cls, info: Info, month: HeldMonth, award: Award) -> HeldPayment:
        subject = award.subject
        return cls(
            period=month.period,
            programme=subject.removeprefix(_PROGRAMME) if subject.startswith(_PROGRAMME) else None,
            reason=HoldReason(month.reason),
            since=month.held_at,
            title=localized(info, Text(**award.title)),
            needs=list(month.needs),
        )


@strawberry.type
class ReceiveOfCitizen(StatementsOfCitizen):
    """What this room adds to `Citizen`."""

    @citizen_field(Delegate.VIEW)
    async def payments(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[Payment] | None:
        """The latest due first."""
        size, seen = page_size(first), _read(after)
        async with info.context.db.read() as session:
            rows = await PaymentRepository(session).payments(self.person, after=seen, limit=size + 1)
        return connection(Connection[Payment], rows, size, key=_key, node=Payment.of)

    @citizen_field(Delegate.VIEW)
    async def held_payments(self, info: Info) -> list[HeldPayment] | None:
        """Months of running benefits that cannot be paid yet, the latest first."""
        async with info.context.db.read() as session:
            rows = await PaymentRepository(session).held_of(self.person)
        return [HeldPayment.of(info, month, award) for month, award in rows]


@strawberry.type
class ReceiveQuery(SatisfactionQuery):
    """What this room adds to `Query`."""


@strawberry.input
class ConfirmReceiptInput:
    receipt: strawberry.ID
    idempotency_key: str


@strawberry.input
class RateInput:
    receipt: strawberry.ID
    score: int = strawberry.field(description="1 (poor) to 5 (good).")
    idempotency_key: str
    comment: str | None = strawberry.field(default=None, description="Up to 1,000 characters.")
    province: str | None = strawberry.field(
        default=None,
        description="Where the citizen lives, by DOPA's two digits, for the statistics alone: it is not kept with the "
        "rating.",
    )


@strawberry.type
class ConfirmReceiptPayload:
    receipt: Receipt | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(receipt=await receipt_node(info, UUID(hex=kept["receipt"])))


@strawberry.type
class RatePayload:
    rating: Rating | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(rating=await _rating(info, UUID(hex=kept["receipt"])))


@strawberry.type
class ReceiveMutation(disputes.DisputeMutation, SlipMutation):
    @mutation(ConfirmReceiptPayload, delegate=Delegate.RECEIVE, description="The citizen confirms that the money came.")
    async def confirm_receipt(self, info: Info, input: ConfirmReceiptInput) -> ConfirmReceiptPayload:
        receipt, work = _receipt_id(input.receipt), work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(Receipts).confirm(session, work.viewer.person, receipt)
            work.keep(receipt=row.id.hex)
        info.context.loaders.pop(_RECEIPTS, None)
        return ConfirmReceiptPayload(receipt=Receipt.of(row))

    @mutation(
        RatePayload,
        delegate=Delegate.RECEIVE,
        description="The citizen says how satisfied they are with a payment.",
    )
    async def rate(self, info: Info, input: RateInput) -> RatePayload:
        receipt, work = _receipt_id(input.receipt), work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(Receipts).rate(
                session, work.viewer.person, receipt, input.score, input.comment, input.province
            )
            work.keep(receipt=row.receipt.hex)
        info.context.loaders.pop(_RATINGS, None)
        return RatePayload(rating=Rating.of(info, row))


async def payment_node(info: Info, key: UUID) -> Payment | None:
    """The viewer's payment; foreign and unknown are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await PaymentRepository(session).payment(viewer.person, key)
    return None if row is None else Payment.of(row)


async def receipt_node(info: Info, key: UUID) -> Receipt | None:
    """The viewer's receipt; foreign and unknown are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await ReceiptRepository(session).own(viewer.person, key)
    return None if row is None else Receipt.of(row)


async def _receipt(info: Info, instalment: UUID) -> models.Receipt | None:
    person = info.context.signed_in().person

    async def batch(keys: list[UUID]) -> Sequence[models.Receipt | None]:
        async with info.context.db.read() as session:
            found = await ReceiptRepository(session).of_instalments(person, keys)
        return [found.get(key) for key in keys]

    return await info.context.loader(_RECEIPTS, batch).load(instalment)


async def _paid_again_by(info: Info, payment: Instalment) -> Instalment | None:
    async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Instalment | None]:
        async with info.context.db.read() as session:
            found = await PaymentRepository(session).repeated(keys)
        return [found.get(key) for _, key in keys]

    return await info.context.loader(_REPEATS, batch).load((payment.person, payment.id))


async def _rating(info: Info, receipt: UUID) -> Rating | None:
    person = info.context.signed_in().person

    async def batch(keys: list[UUID]) -> Sequence[models.Rating | None]:
        async with info.context.db.read() as session:
            found = await ReceiptRepository(session).ratings(person, keys)
        return [found.get(key) for key in keys]

    row = await info.context.loader(_RATINGS, batch).load(receipt)
    return None if row is None else Rating.of(info, row)


def _receipt_id(given: strawberry.ID) -> UUID:
    try:
        return GlobalId.parse(str(given), expected="Receipt").id
    except SitthiError:
        raise MalformedGlobalId(path=("receipt",)) from None


def _key(row: Instalment) -> str:
    return f"{row.due_on.isoformat()} {row.id.hex}"


def _read(after: str | None) -> tuple[date, UUID] | None:
    key = read_cursor(after)
    if key is None:
        return None
    day, _, instalment = key.partition(" ")
    try:
        return date.fromisoformat(day), UUID(hex=instalment)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None


NODES: Nodes = {"Payment": payment_node, "Receipt": receipt_node, **disputes.NODES}
