"""Money that goes back by a file: each refund is an order of one payment, over the rail of the account that it names.

As with runs, it can be killed at any moment and done again: the file is stored before the bank hears of it, what is
sent are those bytes, and the bank's word is taken in once, under the lock of the payment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.errors import SitthiError
from core.ids import new_id
from core.money import CURRENCY, Money
from core.sealed import bound_to
from core.working_days import WorkingDays, thai_working_days
from services.pay.fees import repository
from services.pay.fees.breaks import OF_REFUNDS, open_again, told_rightly
from services.pay.fees.models import FeeRefund, IncomingBreak, IncomingPayment, IncomingResolution
from services.pay.fees.resolving import IncomingResolving
from services.pay.fees.service import Bills
from services.pay.fees.states import RefundStatus
from services.pay.ledger.service import Account, book, transfer
from services.pay.needs import Officer, Payers, Role
from services.pay.rails.contract import Answer, Entry, EntryKind, Order, Rail, Transfer, Verdict
from services.pay.reconciliation import DUPLICATION, BreakKind
from services.pay.service import must_be
from services.pay.tasks import TAKEN_BACK_WITHIN
from services.pay.writing import insert_new

REMITTANCE: Final = "refund"


@dataclass(frozen=True, slots=True)
class Sent:
    """What one call found."""

    settled: int = 0
    returned: int = 0
    open: int = 0
    """Of which the bank has not said yet what became of it."""


class FeeRefunds:
    """Owns its transactions, and speaks with the bank in none."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        bills: Bills,
        resolving: IncomingResolving,
        rail: Rail,
        payers: Payers,
        days: WorkingDays | None = None,
    ) -> None:
        self._db, self._clock, self._keys, self._bills, self._resolving = db, clock, keys, bills, resolving
        self._rail, self._payers, self._days = rail, payers, days or thai_working_days()

    async def send(self, officer: Officer) -> Sent:
        """Brings what is approved to the bank, and takes in what it booked. One refund that the bank cannot answer does
        not stop the others; the first such error is raised at the end.

        Raises `NotAPaymentOfficer`, `ServiceUnavailable`, `BankFileRefused`, `WorkingDaysUnknown`.
        """
        must_be(officer, *Role)
        async with self._db.read() as session:
            due = await repository.refunds(session, officer.agency, self._clock.now() - TAKEN_BACK_WITHIN)
        refused: SitthiError | None = None
        statuses: list[str] = []
        for one in due:
            try:
                after = await self._see_to(one.id)
            except SitthiError as error:
                refused = refused or error
                continue
            if after != one.status or after == RefundStatus.SUBMITTED.value:
                statuses.append(after)
        if refused is not None:
            raise refused
        settled, returned = statuses.count(RefundStatus.SETTLED.value), statuses.count(RefundStatus.RETURNED.value)
        return Sent(settled, returned, len(statuses) - settled - returned)

    async def waiting(self, officer: Officer) -> Sequence[FeeRefund]:
        """Those that the bank has not decided. Raises `NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self._db.read() as session:
            return await repository.refunds(session, officer.agency, self._clock.now() + timedelta(days=1))

    async def _see_to(self, key: UUID) -> str:
        file, answered = await self._file(key)
        if file is not None and not answered:
            answer = await self._rail.submit(key, file)
            async with self._db.write() as session:
                await self._take_answer(session, key, answer)
        entries = await self._rail.booked(key)
        async with self._db.write() as session:
            return await self._take_entries(session, key, entries)

    async def _file(self, key: UUID) -> tuple[bytes | None, bool]:
        """What is sent, stored before the bank hears of it; and whether the bank has answered it."""
        async with self._db.write() as session:
            refund = await repository.refund(session, key)
            assert refund is not None, "refunds are not deleted"
            bound = bound_to(FeeRefund.file_sealed, key)
            if refund.status == RefundStatus.APPROVED.value:
                file = self._rail.write(await self._order(session, refund))
                refund.file_sealed = self._keys.seal(file, bound_to=bound)
                refund.status, refund.submitted_at = RefundStatus.SUBMITTED.value, self._clock.now()
                await session.flush()
                return file, False
            kept = None if refund.file_sealed is None else self._keys.open(refund.file_sealed, bound_to=bound)
            return kept, refund.answered_at is not None

    async def _order(self, session: AsyncSession, refund: FeeRefund) -> Order:
        row = await session.get(IncomingResolution, refund.break_id, populate_existing=True)
        account = None if row is None else self._resolving.account_of(row)
        assert account is not None, "two officers agreed to an account"
        pay_on = self._days.next_bank_day(bangkok_day(self._clock.now()))
        there = Transfer(refund.id, account, Money(refund.satang), pay_on, REMITTANCE)
        return Order(refund.id, refund.approved_at, self._payers(refund.agency), (there,))

    async def _take_answer(self, session: AsyncSession, key: UUID, answer: Answer) -> None:
        refund, _ = await self._held(session, key)
        if refund.status != RefundStatus.SUBMITTED.value or refund.answered_at is not None:
            return
        refund.answered_at = self._clock.now()
        await session.flush()
        reason = answer.rejected.get(key, answer.reason if answer.verdict is Verdict.REJECTED else "")
        if reason and reason != DUPLICATION:  # of what the bank has had before, its books say what became of it
            await self._came_back(session, key, reason, key.hex)

    async def _take_entries(self, session: AsyncSession, key: UUID, entries: Sequence[Entry]) -> str:
        """What does not fit is named, and nothing else follows from it."""
        refund, _ = await self._held(session, key)
        wrong = {entry.reference for entry in entries if not _fits(refund, entry)}
        for entry in sorted(entries, key=lambda one: (one.kind, one.reference)):
            paid = entry.kind is EntryKind.PAID
            if not _fits(refund, entry):
                kind = BreakKind.WRONG_AMOUNT if entry.end_to_end == key.hex else BreakKind.UNKNOWN_REFERENCE
                await self._name(session, refund, kind, entry)
            elif not paid and refund.status != RefundStatus.RETURNED.value:
                await self._came_back(session, key, entry.reason, entry.reference)
            elif paid and any(o.kind is EntryKind.RETURNED and o.end_to_end == entry.end_to_end for o in entries):
                continue  # and told with it: nobody had it
            elif paid and refund.status == RefundStatus.SUBMITTED.value:
                await self._settled(session, key, entry.reference)
            elif paid and refund.status == RefundStatus.SETTLED.value and refund.bank_reference != entry.reference:
                await self._name(session, refund, BreakKind.BOOKED_TWICE, entry)
            elif paid and refund.status == RefundStatus.RETURNED.value:
                await self._name(session, refund, BreakKind.PAID_AFTER_RETURN, entry)
            if refund.bank_reference == entry.reference not in wrong:
                await told_rightly(session, refund.agency, entry.reference, OF_REFUNDS, self._clock.now())
        return refund.status

    async def _settled(self, session: AsyncSession, key: UUID, reference: str) -> None:
        refund, paid = await self._held(session, key)
        now = self._clock.now()
        refund.status, refund.closed_at, refund.bank_reference = RefundStatus.SETTLED.value, now, reference
        refund.file_sealed = None
        row = await session.get(IncomingResolution, refund.break_id, populate_existing=True)
        if row is not None:
            row.account_sealed = None
        await session.flush()
        await self._book(session, refund, "refund-settled", Account.IN_TRANSIT, Account.BANK, now)
        await self._bills.gone_back(session, paid, reference)

    async def _came_back(self, session: AsyncSession, key: UUID, reason: str, reference: str) -> None:
        """It is here again, and its break is open again."""
        refund, paid = await self._held(session, key)
        was_settled, now = refund.status == RefundStatus.SETTLED.value, self._clock.now()
        refund.status, refund.closed_at, refund.reason = RefundStatus.RETURNED.value, now, reason
        refund.file_sealed = None
        if not was_settled:
            refund.bank_reference = reference
        paid.refunded_at = paid.refund_reference = None
        decided = await session.get(IncomingResolution, refund.break_id, populate_existing=True)
        if decided is not None:
            refund.why, refund.proposed_by = decided.reason, decided.proposed_by
            refund.proposed_at = decided.proposed_at
            refund.agreed_by, refund.agreed_at = decided.closed_by, decided.closed_at
        await session.flush()
        await session.execute(delete(IncomingResolution).where(col(IncomingResolution.break_id) == refund.break_id))
        debit = Account.BANK if was_settled else Account.IN_TRANSIT
        what = "refund-taken-back" if was_settled else "refund-returned"
        await self._book(session, refund, what, debit, Account.UNAPPLIED, now)

    async def _held(self, session: AsyncSession, key: UUID) -> tuple[FeeRefund, IncomingPayment]:
        """The refund and what it pays back, the payment held first."""
        found = await session.get(FeeRefund, key)
        assert found is not None, "refunds are not deleted"
        paid = await session.get(IncomingPayment, found.incoming, with_for_update=True, populate_existing=True)
        refund = await repository.refund(session, key)
        assert paid is not None, "what is paid back came in"
        assert refund is not None, "it was there just now"
        return refund, paid

    async def _book(
        self, session: AsyncSession, refund: FeeRefund, what: str, debit: Account, credit: Account, at: datetime
    ) -> None:
        lines, key = transfer(debit, credit, Money(refund.satang)), f"{what}:{refund.id.hex}"
        await book(session, key=key, agency=refund.agency, lines=lines, at=at)

    async def _name(self, session: AsyncSession, refund: FeeRefund, kind: BreakKind, entry: Entry) -> None:
        """With what left as negative amounts; without them in another currency, of which nothing is claimed as baht."""
        sign, is_baht = -1 if entry.kind is EntryKind.PAID else 1, entry.currency == CURRENCY
        nothing_expected = kind is BreakKind.UNKNOWN_REFERENCE or kind is BreakKind.BOOKED_TWICE
        row = {
            "id": new_id(),
            "agency": refund.agency,
            "day": bangkok_day(entry.booked_at),
            "kind": kind.value,
            "bank_reference": entry.reference,
            "reference": "",
            "expected": None if nothing_expected or not is_baht else sign * refund.satang,
            "found": sign * entry.money.satang if is_baht else None,
            "found_at": self._clock.now(),
        }
        if not await insert_new(session, IncomingBreak, [row]):
            await open_again(session, row, OF_REFUNDS)


def _fits(refund: FeeRefund, entry: Entry) -> bool:
    return (entry.end_to_end, entry.currency, entry.money.satang) == (refund.id.hex, CURRENCY, refund.satang)
