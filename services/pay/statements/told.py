"""What the bank has told of an agency's account, whoever heard it: by camt.054, notices, lists, to officers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import start_of_bangkok_day
from services.pay.fees.models import FeeRefund, IncomingBreak, IncomingPayment
from services.pay.fees.states import RefundStatus
from services.pay.ledger.models import LedgerPosting, LedgerTransaction
from services.pay.ledger.service import Account, account_id, bounded
from services.pay.models import Instalment, PaymentRun, ReconciliationBreak
from services.pay.rails.cash.models import CashSlip
from services.pay.rails.contract import EntryKind
from services.pay.recovery.service import AGENCY_IN_KEY_MAX
from services.pay.states import InstalmentStatus

Amounts = dict[str, set[int]]
"""By the bank's reference, satang, negative of what left. A payment that came back under one reference has both."""
_AT_ONCE = 500


async def told_of(session: AsyncSession, agency: str, references: Collection[str]) -> Amounts:
    """What was told under these references."""
    found: Amounts = {}
    ordered = sorted(set(references))
    for start in range(0, len(ordered), _AT_ONCE):
        for reference, satang in await _some(session, agency, ordered[start : start + _AT_ONCE]):
            found.setdefault(reference, set()).add(satang)
    return found


async def booked_on(session: AsyncSession, agency: str, day: date) -> list[tuple[str, str, int]]:
    """What the bank told as booked on that Bangkok day, as far as we keep when it was: what reached its payees, and
    what came in. The bank's reference, end-to-end id (empty of what came in), satang."""
    start = start_of_bangkok_day(day)
    end = start + timedelta(days=1)
    paid = (
        select(col(Instalment.bank_reference), col(Instalment.id), col(Instalment.satang) - col(Instalment.withheld))
        .join(PaymentRun, col(PaymentRun.id) == col(Instalment.run))
        .where(
            col(PaymentRun.agency) == agency,
            col(Instalment.status) == InstalmentStatus.SETTLED.value,
            col(Instalment.settled_at) >= start,
            col(Instalment.settled_at) < end,
            ~select(CashSlip).where(col(CashSlip.id) == col(Instalment.id)).exists(),
        )
    )
    found = [(str(reference), key.hex, -satang) for reference, key, satang in (await session.execute(paid)).tuples()]
    came = select(col(IncomingPayment.bank_transaction), col(IncomingPayment.satang)).where(
        col(IncomingPayment.agency) == agency, col(IncomingPayment.paid_at) >= start, col(IncomingPayment.paid_at) < end
    )
    return [*found, *((reference, "", satang) for reference, satang in (await session.execute(came)).tuples())]


async def _some(session: AsyncSession, agency: str, references: list[str]) -> Iterable[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    of_payments = (
        select(Instalment)
        .join(PaymentRun, col(PaymentRun.id) == col(Instalment.run))
        .where(
            col(PaymentRun.agency) == agency,
            or_(col(Instalment.bank_reference).in_(references), col(Instalment.reversal_reference).in_(references)),
        )
    )
    for one in await session.scalars(of_payments):
        found += [(str(one.bank_reference), -one.net), (str(one.reversal_reference), one.net)]
        if one.reversal_reference is None:  # it left and came back, under one reference
            found.append((str(one.bank_reference), one.net))
    breaks = (
        select(ReconciliationBreak)
        .join(PaymentRun, col(PaymentRun.id) == col(ReconciliationBreak.run))
        .where(col(PaymentRun.agency) == agency, col(ReconciliationBreak.bank_reference).in_(references))
    )
    for named in await session.scalars(breaks):
        came = named.entry_kind == EntryKind.RETURNED.value
        found.append((named.bank_reference, named.found if came else -named.found))
    found += await _incoming(session, agency, references)
    return found


async def _incoming(session: AsyncSession, agency: str, references: list[str]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    payments = select(IncomingPayment).where(
        col(IncomingPayment.agency) == agency,
        or_(
            col(IncomingPayment.bank_transaction).in_(references), col(IncomingPayment.refund_reference).in_(references)
        ),
    )
    for paid in await session.scalars(payments):
        found += [(paid.bank_transaction, paid.satang), (str(paid.refund_reference), -paid.satang)]
    refunds = select(FeeRefund).where(col(FeeRefund.agency) == agency, col(FeeRefund.bank_reference).in_(references))
    for refund in await session.scalars(refunds):
        found.append((str(refund.bank_reference), -refund.satang))
        if refund.status == RefundStatus.RETURNED.value:
            found.append((str(refund.bank_reference), refund.satang))
    breaks = select(IncomingBreak).where(
        col(IncomingBreak.agency) == agency, col(IncomingBreak.bank_reference).in_(references)
    )
    found += [(one.bank_reference, one.found) for one in await session.scalars(breaks) if one.found is not None]
    stems = {f"paid-back:{name}:" for name in (bounded(agency, AGENCY_IN_KEY_MAX), agency[:AGENCY_IN_KEY_MAX])}
    keys = {stem + one: one for stem in sorted(stems) for one in references}  # long names were cut once
    repaid = (
        select(col(LedgerTransaction.key), col(LedgerPosting.satang))
        .join(LedgerPosting, col(LedgerPosting.transaction_id) == col(LedgerTransaction.id))
        .where(
            col(LedgerTransaction.key).in_(sorted(keys)),
            col(LedgerPosting.account) == account_id(agency, Account.BANK),
        )
    )
    found += [(keys[key], satang) for key, satang in (await session.execute(repaid)).tuples()]
    return found
