"""Queries of bills and of what came in for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import start_of_bangkok_day
from services.pay.fees.models import Bill, FeeRefund, IncomingPayment
from services.pay.fees.states import BillStatus, RefundStatus, Verdict

LISTED_MAX = 200


async def own(session: AsyncSession, person: UUID, key: UUID) -> Bill | None:
    found: Bill | None = await session.get(Bill, (person, key), populate_existing=True)
    return found


async def page(session: AsyncSession, person: UUID, size: int, after: UUID | None) -> Sequence[Bill]:
    """One more than `size`, the latest first."""
    query = select(Bill).where(col(Bill.person) == person)
    if after is not None:
        query = query.where(col(Bill.id) < after)
    return (await session.scalars(query.order_by(col(Bill.id).desc()).limit(size + 1))).all()


async def of_reference(session: AsyncSession, biller: str, reference: str) -> Bill | None:
    query = select(Bill).where(col(Bill.biller) == biller, col(Bill.reference) == reference)
    return (await session.scalars(query)).first()


async def of_charge(session: AsyncSession, charge: str) -> Sequence[Bill]:
    """All bills for it, locked, oldest first: whoever pays, issues or withdraws one of them waits for the others."""
    query = select(Bill).where(col(Bill.charge) == charge).order_by(col(Bill.id))
    return (await session.scalars(query.with_for_update().execution_options(populate_existing=True))).all()


async def incoming(session: AsyncSession, biller: str, transaction: str) -> IncomingPayment | None:
    query = select(IncomingPayment).where(
        col(IncomingPayment.biller) == biller, col(IncomingPayment.bank_transaction) == transaction
    )
    return (await session.scalars(query.execution_options(populate_existing=True))).first()


async def payment_of(session: AsyncSession, bill: Bill) -> IncomingPayment | None:
    """What paid it, locked."""
    query = select(IncomingPayment).where(
        col(IncomingPayment.bill) == bill.id, col(IncomingPayment.verdict) == Verdict.PAID.value
    )
    return (await session.scalars(query.with_for_update().execution_options(populate_existing=True))).first()


async def of_day(session: AsyncSession, agency: str, day: date) -> Sequence[IncomingPayment]:
    """What came in on a Bangkok day, by the bank's clock, oldest first."""
    start = start_of_bangkok_day(day)
    query = select(IncomingPayment).where(
        col(IncomingPayment.agency) == agency,
        col(IncomingPayment.paid_at) >= start,
        col(IncomingPayment.paid_at) < start + timedelta(days=1),
    )
    ordered = query.order_by(col(IncomingPayment.paid_at), col(IncomingPayment.bank_transaction))
    return (await session.scalars(ordered)).all()


async def to_go_back(session: AsyncSession, agency: str) -> Sequence[IncomingPayment]:
    query = select(IncomingPayment).where(
        col(IncomingPayment.agency) == agency,
        col(IncomingPayment.verdict) != Verdict.PAID.value,
        col(IncomingPayment.refunded_at).is_(None),
        col(IncomingPayment.kept_at).is_(None),
        ~_on_its_way().exists(),
    )
    return (await session.scalars(query.order_by(col(IncomingPayment.id)).limit(LISTED_MAX))).all()


async def kept(session: AsyncSession, agency: str) -> Sequence[IncomingPayment]:
    """What two officers found that nobody claims, and nobody has claimed since."""
    query = select(IncomingPayment).where(
        col(IncomingPayment.agency) == agency,
        col(IncomingPayment.kept_at).is_not(None),
        col(IncomingPayment.refunded_at).is_(None),
    )
    return (await session.scalars(query.order_by(col(IncomingPayment.id)).limit(LISTED_MAX))).all()


async def to_ask(session: AsyncSession, *, made_before: datetime, asked_before: datetime, limit: int) -> Sequence[Bill]:
    """Open bills that the bank was not asked about lately, longest ago first."""
    query = select(Bill).where(
        col(Bill.status) == BillStatus.OPEN.value,
        col(Bill.created_at) < made_before,
        col(Bill.asked_at).is_(None) | (col(Bill.asked_at) < asked_before),
    )
    ordered = query.order_by(col(Bill.asked_at).asc().nulls_first(), col(Bill.id))
    return (await session.scalars(ordered.limit(limit))).all()


async def note_asked(session: AsyncSession, bill: Bill, at: datetime) -> None:
    await session.execute(
        update(Bill).where(col(Bill.person) == bill.person, col(Bill.id) == bill.id).values(asked_at=at)
    )


async def refunds(session: AsyncSession, agency: str, since: datetime) -> Sequence[FeeRefund]:
    """Those that the bank has not decided, or has lately, oldest first."""
    open_ones = col(FeeRefund.status).in_([RefundStatus.APPROVED.value, RefundStatus.SUBMITTED.value])
    query = select(FeeRefund).where(col(FeeRefund.agency) == agency, open_ones | (col(FeeRefund.closed_at) >= since))
    return (await session.scalars(query.order_by(col(FeeRefund.id)))).all()


async def refund(session: AsyncSession, key: UUID) -> FeeRefund | None:
    """Held until the transaction ends."""
    found: FeeRefund | None = await session.get(FeeRefund, key, with_for_update=True, populate_existing=True)
    return found


def _on_its_way() -> Select[tuple[UUID]]:
    return select(col(FeeRefund.incoming)).where(
        col(FeeRefund.incoming) == col(IncomingPayment.id), col(FeeRefund.status) != RefundStatus.RETURNED.value
    )
