"""Bills, and the bank's word that they were paid. Every method works in the caller's transaction.

A payment is taken in whole or not at all: one row by the bank's transaction id, one entry in the ledger, and the bill
paid, or the whole amount set apart to go back.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.ids import new_id
from core.money import Money
from core.text import Text
from core.thai_dates import be_year
from identity.inbox.models import ChangeKind
from services.pay.fees import messages, repository
from services.pay.fees.breaks import ABOUT_MONEY, IncomingOutcome, close_without_officers, on_its_way
from services.pay.fees.errors import (
    BillNotAssignable,
    BillPaid,
    IncomingNotFound,
    NothingToPay,
    NoticeConflict,
    NoticeMalformed,
    UnknownBiller,
)
from services.pay.fees.models import Bill, IncomingPayment
from services.pay.fees.needs import Billers, Charges, Notice
from services.pay.fees.references import new_reference, second_reference
from services.pay.fees.states import BillKind, BillStatus, Verdict
from services.pay.ledger.service import Account, book, transfer
from services.pay.needs import Notices
from services.pay.writing import insert_new

GOOD_FOR: Final = timedelta(days=3)
AHEAD_MAX: Final = timedelta(minutes=5)
"""How far the bank's clock may be before ours."""
_PAYABLE: Final = frozenset({BillStatus.OPEN.value, BillStatus.EXPIRED.value})
_NUMBER_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Bills:
    def __init__(self, clock: Clock, billers: Billers, charges: Mapping[str, Charges], notices: Notices) -> None:
        """`charges` by the first word of their keys."""
        self._clock, self._billers, self._charges, self._notices = clock, billers, charges, notices

    async def ready(self) -> None:
        """Comes before each transaction that takes in or assigns a payment: what follows from it may be signed."""
        for charges in self._charges.values():
            await charges.ready()

    async def issue(self, session: AsyncSession, person: UUID, word: str, about: UUID) -> Bill:
        """The bill for what the person owes for it; the one that is open, where it says the same.

        Raises :class:`NothingToPay`, :class:`BillPaid`.
        """
        charge = await self._charges[word].charge(session, person, about)
        if charge is None:
            raise NothingToPay
        now = self._clock.now()
        for bill in await repository.of_charge(session, charge.key):
            if bill.status == BillStatus.PAID.value and bill.kind == BillKind.FEE.value:
                raise BillPaid
            if bill.status != BillStatus.OPEN.value:
                continue
            if bill.due_at > now and bill.satang == charge.money.satang:
                return bill
            expired = bill.due_at <= now
            bill.status = (BillStatus.EXPIRED if expired else BillStatus.CANCELLED).value
            await session.flush()
        biller, reference = self._billers.biller(charge.agency), new_reference()
        due = now + GOOD_FOR if charge.until is None else min(now + GOOD_FOR, charge.until)
        if due <= now + timedelta(minutes=1):  # a bill is good to the minute
            raise NothingToPay
        key = new_id()
        row = Bill(
            person=person,
            id=key,
            agency=charge.agency,
            kind=charge.kind.value,
            charge=charge.key,
            title={"th": charge.title.th, "en": charge.title.en},
            biller=biller,
            reference=reference,
            second_reference=second_reference(biller, reference, charge.money.satang, due),
            satang=charge.money.satang,
            status=BillStatus.OPEN.value,
            created_at=now,
            due_at=due.replace(second=0, microsecond=0),
        )
        if not await insert_new(session, Bill, [row.model_dump()]):  # a twin was faster
            for one in await repository.of_charge(session, charge.key):
                if one.status == BillStatus.OPEN.value:
                    return one
            raise BillPaid
        await self._notices.announce(session, person, ChangeKind.BILL, key)
        found = await repository.own(session, person, key)
        assert found is not None, "it was inserted just now"
        return found

    async def cancel(self, session: AsyncSession, charge: str) -> None:
        """There is nothing to pay for it any more. What comes all the same goes back."""
        for bill in await repository.of_charge(session, charge):
            if bill.status == BillStatus.OPEN.value:
                bill.status = BillStatus.CANCELLED.value
                await self._notices.announce(session, bill.person, ChangeKind.BILL, bill.id)
        await session.flush()

    async def take(self, session: AsyncSession, notice: Notice) -> Verdict:
        """Takes in one payment, once, whoever tells of it and however often. The same again is answered the same.

        Raises :class:`UnknownBiller`, :class:`NoticeMalformed`, :class:`NoticeConflict`; then nothing is changed.
        """
        agency = self._billers.agency(notice.biller)
        if agency is None:
            raise UnknownBiller
        if notice.paid_at > self._clock.now() + AHEAD_MAX:
            raise NoticeMalformed(where="paidAt")
        row = IncomingPayment(
            id=new_id(),
            biller=notice.biller,
            bank_transaction=notice.transaction,
            agency=agency,
            reference=notice.reference,
            second_reference=notice.second,
            satang=notice.money.satang,
            paid_at=notice.paid_at,
            received_at=self._clock.now(),
            verdict=Verdict.UNKNOWN_REFERENCE.value,
        )
        inserted = await insert_new(session, IncomingPayment, [row.model_dump()])
        kept = await repository.incoming(session, notice.biller, notice.transaction)
        assert kept is not None, "it is there, by us or by a twin"
        if not inserted:
            if not _is_same(kept, notice):
                raise NoticeConflict
            return Verdict(kept.verdict)
        verdict, bill = await self._decide(session, notice)
        kept.verdict = verdict.value
        if bill is not None:
            kept.person, kept.bill = bill.person, bill.id
        await session.flush()
        await self._book(session, kept, bill)
        if bill is not None:
            await self._tell(session, bill, notice.money, verdict)
        return verdict

    async def refund(self, session: AsyncSession, agency: str, incoming: UUID, reference: str) -> IncomingPayment:
        """It went back by that entry of the bank; what was open about it is closed by that. What was kept as nobody's
        goes back, too. Raises :class:`IncomingNotFound`, also for what went back before, or is on its way."""
        kept = await session.get(IncomingPayment, incoming, with_for_update=True, populate_existing=True)
        if kept is None or kept.agency != agency or kept.verdict == Verdict.PAID.value or kept.refunded_at is not None:
            raise IncomingNotFound
        if await on_its_way(session, kept.id) is not None:
            raise IncomingNotFound
        now = self._clock.now()
        debit = Account.UNAPPLIED if kept.kept_at is None else Account.UNCLAIMED
        lines = transfer(debit, Account.BANK, Money(kept.satang))
        await self.gone_back(session, kept, reference)
        key = f"fee-refund:{kept.id.hex}"
        await book(session, key=key, agency=agency, lines=lines, at=now)
        gone, about = IncomingOutcome.GONE_BACK, kept.bank_transaction
        await close_without_officers(session, agency, about, ABOUT_MONEY, gone, now)
        return kept

    async def gone_back(self, session: AsyncSession, kept: IncomingPayment, reference: str) -> None:
        """By that entry of the bank; whose bill it was for is told. The caller has booked it."""
        kept.refunded_at, kept.refund_reference = self._clock.now(), reference
        await session.flush()
        if kept.person is not None and kept.bill is not None:
            bill = await repository.own(session, kept.person, kept.bill)
            if bill is not None:
                await self._notices.send(
                    session, bill.person, messages.REFUNDED, title=title_of(bill), amount=Money(kept.satang)
                )

    async def give_back(self, session: AsyncSession, charge: str, *, tell: bool = True) -> bool:
        """What a fee was paid for is not to be had: the whole of it is set apart to go back, as what paid no bill is.
        Its receipt is one no more. False where nothing was paid. Without `tell` nobody is told: there is nobody."""
        paid = next((o for o in await repository.of_charge(session, charge) if o.status == BillStatus.PAID.value), None)
        kept = None if paid is None else await repository.payment_of(session, paid)
        if paid is None or kept is None:
            return False
        paid.status, paid.paid_at, paid.receipt_number = BillStatus.CANCELLED.value, None, None
        kept.verdict = Verdict.NOT_DUE.value
        await session.flush()
        money, key = Money(kept.satang), f"fee-given-back:{kept.id.hex}"
        lines = transfer(Account.FEES, Account.UNAPPLIED, money)
        await book(session, key=key, agency=kept.agency, lines=lines, at=self._clock.now())
        if tell:
            await self._tell(session, paid, money, Verdict.NOT_DUE)
        return True

    async def assignable(self, session: AsyncSession, kept: IncomingPayment, reference: str) -> Bill:
        """The bill of a fee that this payment could pay, whole. Raises :class:`BillNotAssignable`."""
        bill = await repository.of_reference(session, kept.biller, reference)
        if bill is None or bill.kind != BillKind.FEE.value or bill.satang != kept.satang:
            raise BillNotAssignable
        if bill.status not in _PAYABLE:
            raise BillNotAssignable
        return bill

    async def assign(self, session: AsyncSession, kept: IncomingPayment, reference: str) -> Bill:
        """What had come for no bill, or too late, pays that one after all. `kept` is held.

        Raises :class:`BillNotAssignable`, also where it is paid or not owed any more by now.
        """
        found = await self.assignable(session, kept, reference)
        charges = self._charges[found.charge.partition(":")[0]]
        await charges.hold(session, found)
        all_of_it = await repository.of_charge(session, found.charge)
        bill = next(one for one in all_of_it if one.id == found.id)
        if any(one.status == BillStatus.PAID.value for one in all_of_it) or bill.status not in _PAYABLE:
            raise BillNotAssignable
        if not await charges.settle(session, bill, kept.bank_transaction):
            raise BillNotAssignable
        await self._pay(session, bill, all_of_it, kept.paid_at)
        kept.verdict, kept.person, kept.bill = Verdict.PAID.value, bill.person, bill.id
        await session.flush()
        money, key = Money(kept.satang), f"fee-assigned:{kept.id.hex}"
        lines = transfer(Account.UNAPPLIED, Account.FEES, money)
        await book(session, key=key, agency=kept.agency, lines=lines, at=self._clock.now())
        await self._tell(session, bill, money, Verdict.PAID)
        return bill

    async def _decide(self, session: AsyncSession, notice: Notice) -> tuple[Verdict, Bill | None]:
        """What becomes of the payment; the bill is paid here, and everything that is checked is checked before."""
        found = await repository.of_reference(session, notice.biller, notice.reference)
        if found is None:
            return Verdict.UNKNOWN_REFERENCE, None
        charges = self._charges[found.charge.partition(":")[0]]
        await charges.hold(session, found)
        all_of_it = await repository.of_charge(session, found.charge)
        bill = next(one for one in all_of_it if one.id == found.id)
        fee = bill.kind == BillKind.FEE.value
        if bill.status == BillStatus.PAID.value or (fee and any(o.status == BillStatus.PAID.value for o in all_of_it)):
            return Verdict.PAID_ALREADY, bill
        if bill.status == BillStatus.CANCELLED.value:
            return Verdict.NOT_DUE, bill
        if notice.money.satang != bill.satang or notice.second != bill.second_reference:
            return Verdict.WRONG_AMOUNT, bill
        if notice.paid_at >= bill.due_at:
            return Verdict.LATE, bill
        if not await charges.settle(session, bill, notice.transaction):
            return Verdict.NOT_DUE, bill
        await self._pay(session, bill, all_of_it, notice.paid_at)
        return Verdict.PAID, bill

    @staticmethod
    async def _pay(session: AsyncSession, bill: Bill, all_of_it: Sequence[Bill], paid_at: datetime) -> None:
        for other in all_of_it:  # made after this one had expired, whose payment was on its way
            if other.id != bill.id and other.status == BillStatus.OPEN.value:
                other.status = BillStatus.CANCELLED.value
        await session.flush()
        bill.status, bill.paid_at = BillStatus.PAID.value, paid_at
        bill.receipt_number = _receipt_number(be_year(bangkok_day(paid_at)))
        await session.flush()

    async def _book(self, session: AsyncSession, kept: IncomingPayment, bill: Bill | None) -> None:
        paid = kept.verdict == Verdict.PAID.value
        if paid and bill is not None and bill.kind == BillKind.REPAYMENT.value:
            return  # booked by whoever claims it
        await book(
            session,
            key=f"fee-in:{kept.id.hex}",
            agency=kept.agency,
            lines=transfer(Account.BANK, Account.FEES if paid else Account.UNAPPLIED, Money(kept.satang)),
            at=self._clock.now(),
        )

    async def _tell(self, session: AsyncSession, bill: Bill, money: Money, verdict: Verdict) -> None:
        if verdict is Verdict.PAID:
            await self._notices.send(session, bill.person, messages.PAID, title=title_of(bill), amount=money)
        else:
            why = messages.WHY[verdict]
            await self._notices.send(
                session, bill.person, messages.GOES_BACK, title=title_of(bill), amount=money, why=why
            )
        await self._notices.announce(session, bill.person, ChangeKind.BILL, bill.id)


def title_of(bill: Bill) -> Text:
    return Text(th=bill.title["th"], en=bill.title["en"])


def _is_same(kept: IncomingPayment, notice: Notice) -> bool:
    before = (kept.reference, kept.second_reference, kept.satang, kept.paid_at)
    return before == (notice.reference, notice.second, notice.money.satang, notice.paid_at)


def _receipt_number(year: int) -> str:
    return f"R{year}-{''.join(secrets.choice(_NUMBER_ALPHABET) for _ in range(10))}"
