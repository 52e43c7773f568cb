"""Taking in what the bank says: its answer to a file, and what it booked. What does not fit is named, never guessed.

Everything here may be told twice, late and in any order, and comes out the same: an instalment is decided once, by the
entry whose reference it then bears; the ledger books each decision under the instalment's own key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.money import CURRENCY, Money
from core.text import Text
from identity.inbox.models import ChangeKind
from identity.inbox.service import MessageTemplate
from services.pay.claims import release
from services.pay.contents import move, withdraw_repeat
from services.pay.errors import BankFileRefused, BankSaysDuplicate
from services.pay.ledger.service import Account, book, transfer
from services.pay.mending import what_to_mend
from services.pay.models import Award, Instalment, PaymentRun, ReconciliationBreak
from services.pay.needs import PAYMENT_RETURNED, PAYMENT_SETTLED, Notices, OnSettled, SettledPayment
from services.pay.rails.contract import Answer, Entry, EntryKind, Verdict
from services.pay.repository import PaymentRepository
from services.pay.states import RUN_TRANSITIONS, InstalmentEvent, InstalmentStatus, RunEvent, RunStatus, after
from services.pay.writing import insert_new

DUPLICATION: Final = "AM05"
"""ISO 20022's reason "duplication": the bank has had it before, which says nothing about whether it was paid."""


class BreakKind(StrEnum):
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    """Booked under an end-to-end id that is not in the run."""
    WRONG_AMOUNT = "WRONG_AMOUNT"
    FOREIGN_CURRENCY = "FOREIGN_CURRENCY"
    BOOKED_TWICE = "BOOKED_TWICE"
    """A second entry, with a reference of its own, for what is settled."""
    PAID_AFTER_RETURN = "PAID_AFTER_RETURN"
    """Booked although it had been rejected or returned."""
    RETURN_NOT_EXPECTED = "RETURN_NOT_EXPECTED"
    """Returned although it was settled, or returned before."""
    REFUSED_AS_DUPLICATE = "REFUSED_AS_DUPLICATE"
    """The bank refused one payment of a file as known to it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call changed."""

    settled: int = 0
    returned: int = 0
    breaks: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.settled + other.settled, self.returned + other.returned, self.breaks + other.breaks)


class Reconciliation:
    def __init__(self, clock: Clock, on_settled: OnSettled, notices: Notices) -> None:
        self._clock, self._on_settled, self._notices = clock, on_settled, notices

    async def take_answer(self, session: AsyncSession, run: PaymentRun, answer: Answer) -> Outcome:
        """Takes in the bank's answer once; `run` is locked. What it rejected goes back to what is owed.

        Raises :class:`BankSaysDuplicate`, and :class:`BankFileRefused` when it rejects what was not in the file.
        """
        if run.answered_at is not None:
            return Outcome()
        if answer.verdict is Verdict.DUPLICATE:
            raise BankSaysDuplicate
        work = await self._work(session, run)
        if answer.verdict is Verdict.REJECTED:
            whole = dict.fromkeys((i.id for i in work.instalments.values()), answer.reason)
            rejected = {**whole, **answer.rejected}
        else:
            rejected = dict(answer.rejected)
        if not {key.hex for key in rejected} <= work.instalments.keys():
            raise BankFileRefused(UNKNOWN_PAYMENT, "OrgnlEndToEndId")
        changed: Counter[str] = Counter()
        for key in sorted(rejected):
            entry = Entry(
                EntryKind.RETURNED,
                reference=key.hex,  # a rejection has no booking; the id stands in, and is unique
                end_to_end=key.hex,
                money=Money(work.instalments[key.hex].satang),
                currency=CURRENCY,
                booked_at=self._clock.now(),
                reason=rejected[key],
            )
            if entry.reason == DUPLICATION:
                changed["break"] += await self._break(work, BreakKind.REFUSED_AS_DUPLICATE, entry)
            else:
                changed[await self._returned(work, work.instalments[key.hex], entry)] += 1
        run.answered_at = self._clock.now()
        await self._close(work)
        return _outcome(changed)

    async def take_entries(self, session: AsyncSession, run: PaymentRun, entries: Iterable[Entry]) -> Outcome:
        """Takes in what the bank booked; `run` is locked."""
        work = await self._work(session, run)
        changed: Counter[str] = Counter()
        for entry in sorted(entries, key=lambda e: (e.kind, e.reference, e.end_to_end)):
            changed[await self._entry(work, entry)] += 1
        await self._close(work)
        return _outcome(changed)

    async def _work(self, session: AsyncSession, run: PaymentRun) -> _Work:
        repository = PaymentRepository(session)
        instalments = await repository.instalments_of(run.id)
        return _Work(session, run, {i.id.hex: i for i in instalments}, repository)

    async def _entry(self, work: _Work, entry: Entry) -> str:
        instalment = work.instalments.get(entry.end_to_end)
        if entry.currency != CURRENCY:
            return await self._named(work, BreakKind.FOREIGN_CURRENCY, entry)
        if instalment is None:
            return await self._named(work, BreakKind.UNKNOWN_REFERENCE, entry)
        if instalment.bank_reference == entry.reference:
            return "told before"
        if entry.kind is EntryKind.PAID:
            return await self._paid(work, instalment, entry)
        return await self._returned(work, instalment, entry)

    async def _paid(self, work: _Work, instalment: Instalment, entry: Entry) -> str:
        if instalment.status == InstalmentStatus.SETTLED.value:
            return await self._named(work, BreakKind.BOOKED_TWICE, entry)
        if instalment.status == InstalmentStatus.RETURNED.value:
            await withdraw_repeat(work.session, instalment)
            return await self._named(work, BreakKind.PAID_AFTER_RETURN, entry)
        if instalment.satang != entry.money.satang:
            return await self._named(work, BreakKind.WRONG_AMOUNT, entry)
        move(instalment, InstalmentEvent.SETTLE)
        instalment.settled_at, instalment.bank_reference = entry.booked_at, entry.reference
        await self._book(work, instalment, "settle", Account.BANK)
        award = await work.award_of(instalment)
        await self._on_settled.settled(work.session, _settled(instalment, award, entry.booked_at))
        await self._tell(work, instalment, award, PAYMENT_SETTLED)
        return "settled"

    async def _returned(self, work: _Work, instalment: Instalment, entry: Entry) -> str:
        if instalment.status != InstalmentStatus.SUBMITTED.value:
            return await self._named(work, BreakKind.RETURN_NOT_EXPECTED, entry)
        if instalment.satang != entry.money.satang:
            return await self._named(work, BreakKind.WRONG_AMOUNT, entry)
        move(instalment, InstalmentEvent.RETURN)
        instalment.bank_reference, instalment.reason = entry.reference, entry.reason
        await self._book(work, instalment, "return", Account.PAYABLE)
        if (over := await work.repository.overpayment_of(instalment)) is not None:
            await release(work.session, over, self._clock.now())
        mend = what_to_mend(instalment.reason)
        await self._tell(work, instalment, await work.award_of(instalment), PAYMENT_RETURNED, mend=mend)
        return "returned"

    async def _book(self, work: _Work, instalment: Instalment, what: str, credit: Account) -> None:
        await work.session.flush()
        await book(
            work.session,
            key=f"{what}:{instalment.id.hex}",
            agency=work.run.agency,
            lines=transfer(Account.IN_TRANSIT, credit, Money(instalment.satang)),
            at=self._clock.now(),
        )

    async def _tell(
        self, work: _Work, instalment: Instalment, award: Award, template: MessageTemplate, **more: Text
    ) -> None:
        await self._notices.send(
            work.session,
            instalment.person,
            template,
            title=Text(**award.title),
            amount=Money(instalment.satang),
            **more,
        )
        await self._notices.announce(work.session, instalment.person, ChangeKind.PAYMENT, instalment.id)

    async def _named(self, work: _Work, kind: BreakKind, entry: Entry) -> str:
        return "break" if await self._break(work, kind, entry) else "told before"

    async def _break(self, work: _Work, kind: BreakKind, entry: Entry) -> int:
        """1 when it is new, 0 when this entry was named so before."""
        instalment = work.instalments.get(entry.end_to_end)
        row = {
            "id": new_id(),
            "run": work.run.id,
            "kind": kind.value,
            "bank_reference": entry.reference,
            "end_to_end": entry.end_to_end,
            "expected": None if instalment is None else instalment.satang,
            "found": entry.money.satang,
            "currency": entry.currency,
            "found_at": self._clock.now(),
        }
        return await insert_new(work.session, ReconciliationBreak, [row])

    async def _close(self, work: _Work) -> None:
        """Closes the run when every instalment is decided."""
        await work.session.flush()
        if work.run.status != RunStatus.SUBMITTED.value:
            return
        statuses = await work.repository.statuses_of(work.run.id)
        settled = statuses.pop(InstalmentStatus.SETTLED, 0)
        returned = statuses.pop(InstalmentStatus.RETURNED, 0)
        if statuses:
            return
        event = RunEvent.SOME_PAID if settled and returned else RunEvent.ALL_PAID if settled else RunEvent.NONE_PAID
        work.run.status = after(RUN_TRANSITIONS, RunStatus(work.run.status), event).value
        work.run.closed_at = self._clock.now()
        await work.session.flush()


@dataclass(slots=True)
class _Work:
    session: AsyncSession
    run: PaymentRun
    instalments: dict[str, Instalment]
    repository: PaymentRepository
    awards: dict[tuple[UUID, UUID], Award] | None = None

    async def award_of(self, instalment: Instalment) -> Award:
        if self.awards is None:
            self.awards = await self.repository.awards({(i.person, i.award) for i in self.instalments.values()})
        return self.awards[instalment.person, instalment.award]


UNKNOWN_PAYMENT: Final = Text(th="ปฏิเสธรายการที่ไม่ได้อยู่ในไฟล์", en="it rejects a payment that was not in the file")


def _settled(instalment: Instalment, award: Award, at: datetime) -> SettledPayment:
    return SettledPayment(
        person=instalment.person,
        instalment=instalment.id,
        subject=instalment.subject,
        title=Text(**award.title),
        agency=instalment.agency,
        period=instalment.period,
        money=Money(instalment.satang),
        settled_at=at,
    )


def _outcome(changed: Counter[str]) -> Outcome:
    return Outcome(settled=changed["settled"], returned=changed["returned"], breaks=changed["break"])
