"""Our list of a day against the bank's. What nobody told us of is taken in; what does not fit is named, never guessed.

The kinds are those of payments that go out (:class:`services.pay.reconciliation.BreakKind`), read the other way round:

| kind | of money that comes in |
|---|---|
| UNKNOWN_REFERENCE | for a bill that nobody made |
| WRONG_AMOUNT | the bank lists another amount than it told, or than the bill says |
| BOOKED_TWICE | a second payment of what is paid |
| PAID_AFTER_RETURN | for a bill that was withdrawn, or is not owed any more, or after its last minute |
| RETURN_NOT_EXPECTED | refunded here, and not to be found in the bank's list |
| REFUSED_AS_DUPLICATE | one transaction id twice in the list |
| NOT_BOOKED | the bank told of it, and does not list it |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput
from core.ids import new_id
from core.money import Money
from core.text import Text
from services.pay.fees import repository
from services.pay.fees.breaks import CONTRADICTS, LISTED, IncomingOutcome, open_again, open_breaks, told_rightly
from services.pay.fees.errors import NoticeConflict, NoticeMalformed
from services.pay.fees.models import IncomingBreak, IncomingPayment, IncomingResolution
from services.pay.fees.needs import Billers, BillingBank, Notice
from services.pay.fees.own import OthersMoney
from services.pay.fees.resolving import IncomingResolving, Proposal
from services.pay.fees.service import Bills
from services.pay.fees.states import Verdict
from services.pay.needs import Officer, Role
from services.pay.reconciliation import BreakKind
from services.pay.service import must_be
from services.pay.writing import insert_new

ASKED_FIRST_AFTER: Final = timedelta(minutes=5)
ASKED_AGAIN_AFTER: Final = timedelta(hours=1)
ASKED_AT_ONCE: Final = 50
_NOT_OVER: Final = Text(th="วันนี้ยังไม่สิ้นสุด", en="that day is not over")
_KINDS: Final = {
    Verdict.UNKNOWN_REFERENCE: BreakKind.UNKNOWN_REFERENCE,
    Verdict.WRONG_AMOUNT: BreakKind.WRONG_AMOUNT,
    Verdict.PAID_ALREADY: BreakKind.BOOKED_TWICE,
    Verdict.LATE: BreakKind.PAID_AFTER_RETURN,
    Verdict.NOT_DUE: BreakKind.PAID_AFTER_RETURN,
}


@dataclass(frozen=True, slots=True)
class DayReport:
    """What an agency took in on a Bangkok day, by the bank's clock, as we hold it."""

    day: date
    paid: int
    money: Money
    """Of what paid its bill."""
    set_apart: int
    to_go_back: Money
    """Of what did not, and has not gone back yet."""
    refunded: Money
    later: Money
    """Of all that came in, what is in a later month's books: it was told after its own had ended."""
    breaks: int = 0
    """That the reconciliation found for the first time."""


class FeeDesk:
    """What officers and jobs do. Each method opens transactions of its own, and asks the bank in none."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        bills: Bills,
        bank: BillingBank,
        billers: Billers,
        others: OthersMoney | None = None,
    ) -> None:
        """`others` keeps officers from what is their own beyond what :mod:`services.pay.fees.resolving` knows."""
        self._others = others
        self._db, self._clock, self._bills, self._bank, self._billers = db, clock, bills, bank, billers
        self.resolving = IncomingResolving(clock, keys, bills)

    async def ask(self) -> int:
        """Asks the bank about open bills of which it told nothing; how many were paid after all."""
        now, paid = self._clock.now(), 0
        async with self._db.read() as session:
            due = await repository.to_ask(
                session,
                made_before=now - ASKED_FIRST_AFTER,
                asked_before=now - ASKED_AGAIN_AFTER,
                limit=ASKED_AT_ONCE,
            )
        for bill in due:
            found = await self._bank.paid(bill.biller, bill.reference)
            await self._bills.ready()
            for one in found:
                async with self._db.write() as session:
                    paid += await self._bills.take(session, one) is Verdict.PAID
            async with self._db.write() as session:
                await repository.note_asked(session, bill, now)
        return paid

    async def reconcile(self, officer: Officer, day: date) -> DayReport:
        """Raises :class:`NotAPaymentOfficer`, `BadInput` for a day that is not over, and what the bank raises."""
        must_be(officer, *Role)
        if day >= bangkok_day(self._clock.now()):
            raise BadInput(_NOT_OVER, path=("day",))
        told = await self._bank.of_day(self._billers.biller(officer.agency), day)
        if any(bangkok_day(one.paid_at) != day for one in told):
            raise NoticeMalformed(where="paidAt")
        found, times = 0, Counter(one.transaction for one in told)
        await self._bills.ready()
        for one in _each_once(told):
            async with self._db.write() as session:
                found += await self._compare(session, officer.agency, day, one, twice=times[one.transaction] > 1)
        async with self._db.write() as session:
            found += await self._missing(session, officer.agency, day, {one.transaction for one in told})
            return await self._report(session, officer.agency, day, found)

    async def report(self, officer: Officer, day: date) -> DayReport:
        """Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self._db.read() as session:
            return await self._report(session, officer.agency, day, 0)

    async def to_go_back(self, officer: Officer) -> Sequence[IncomingPayment]:
        """Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self._db.read() as session:
            return await repository.to_go_back(session, officer.agency)

    async def kept(self, officer: Officer) -> Sequence[IncomingPayment]:
        """What nobody claims. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self._db.read() as session:
            return await repository.kept(session, officer.agency)

    async def breaks(self, officer: Officer) -> Sequence[tuple[IncomingBreak, IncomingResolution | None]]:
        """Those that are open, each with what is proposed for it. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self._db.read() as session:
            return await open_breaks(session, officer.agency, repository.LISTED_MAX)

    async def propose(self, officer: Officer, key: UUID, proposal: Proposal) -> IncomingResolution:
        """See :meth:`IncomingResolving.propose`; raises :class:`NotAPaymentOfficer`, `OwnMoney` and
        `ServiceUnavailable` too."""
        must_be(officer, *Role)
        if self._others is not None:
            await self._others.refuse_own(officer, key, account=proposal.account, bill=proposal.bill)
        async with self._db.write() as session:
            return await self.resolving.propose(session, officer, key, proposal)

    async def agree(self, officer: Officer, key: UUID, outcome: IncomingOutcome) -> IncomingResolution:
        """See :meth:`IncomingResolving.agree`; raises :class:`NotAPaymentOfficer`, `OwnMoney` and
        `ServiceUnavailable` too."""
        must_be(officer, *Role)
        await self._bills.ready()
        async with self._db.read() as session:
            row = await self.resolving.proposed(session, officer, key)
        seen = (None, None) if row is None else (row.bill, row.account_sealed)
        if self._others is not None and row is not None and row.closed_at is None:
            account = self.resolving.account_of(row)
            await self._others.refuse_own(officer, key, account=account, bill=row.bill)
        async with self._db.write() as session:
            return await self.resolving.agree(session, officer, key, outcome, seen)

    async def _compare(self, session: AsyncSession, agency: str, day: date, one: Notice, *, twice: bool) -> int:
        found = 0
        if twice:
            found += await _name(session, self._clock, agency, day, BreakKind.REFUSED_AS_DUPLICATE, one, None)
        now = self._clock.now()
        try:
            verdict = await self._bills.take(session, one)
        except NoticeConflict:
            kept = await repository.incoming(session, one.biller, one.transaction)
            expected = None if kept is None else kept.satang
            await told_rightly(session, agency, one.transaction, LISTED, now)
            kind = BreakKind.WRONG_AMOUNT if expected != one.money.satang else BreakKind.UNKNOWN_REFERENCE
            row = _row(self._clock, agency, day, kind, one.transaction, one.reference)
            row |= {"expected": expected, "found": one.money.satang}
            new = await insert_new(session, IncomingBreak, [row])
            return found + (new or await open_again(session, row, CONTRADICTS))
        kept = await repository.incoming(session, one.biller, one.transaction)
        assert kept is not None, "it was taken in"
        mended = LISTED if twice else or_(LISTED, CONTRADICTS)  # of a list that says both, nobody knows which counts
        await told_rightly(session, agency, one.transaction, mended, now)
        if verdict is not Verdict.PAID and kept.refunded_at is None:
            found += await _name(session, self._clock, agency, day, _KINDS[verdict], one, None)
        return found

    async def _missing(self, session: AsyncSession, agency: str, day: date, listed: set[str]) -> int:
        found = 0
        for kept in await repository.of_day(session, agency, day):
            if kept.bank_transaction in listed:
                continue
            kind = BreakKind.NOT_BOOKED if kept.refunded_at is None else BreakKind.RETURN_NOT_EXPECTED
            row = _row(self._clock, agency, day, kind, kept.bank_transaction, kept.reference)
            row |= {"expected": kept.satang, "found": None}
            found += await insert_new(session, IncomingBreak, [row]) or await open_again(session, row, LISTED)
        return found

    async def _report(self, session: AsyncSession, agency: str, day: date, found: int) -> DayReport:
        rows = await repository.of_day(session, agency, day)
        paid = [row.satang for row in rows if row.verdict == Verdict.PAID.value]
        apart = [row for row in rows if row.verdict != Verdict.PAID.value]
        return DayReport(
            day=day,
            paid=len(paid),
            money=Money(sum(paid)),
            set_apart=len(apart),
            to_go_back=Money(sum(row.satang for row in apart if row.refunded_at is None)),
            refunded=Money(sum(row.satang for row in apart if row.refunded_at is not None)),
            later=Money(sum(row.satang for row in rows if _month(row.received_at) != _month(row.paid_at))),
            breaks=found,
        )


def _month(at: datetime) -> date:
    return bangkok_day(at).replace(day=1)


def _each_once(told: Sequence[Notice]) -> Sequence[Notice]:
    """By transaction id, the first of each."""
    return list({one.transaction: one for one in reversed(told)}.values())[::-1]


async def _name(
    session: AsyncSession, clock: Clock, agency: str, day: date, kind: BreakKind, one: Notice, expected: int | None
) -> int:
    row = _row(clock, agency, day, kind, one.transaction, one.reference)
    return await insert_new(session, IncomingBreak, [{**row, "expected": expected, "found": one.money.satang}])


def _row(clock: Clock, agency: str, day: date, kind: BreakKind, transaction: str, reference: str) -> dict[str, object]:
    return {
        "id": new_id(),
        "agency": agency,
        "day": day,
        "kind": kind.value,
        "bank_reference": transaction,
        "reference": reference,
        "found_at": clock.now(),
    }
