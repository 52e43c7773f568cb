"""Taking in what the bank says: its answer to a file, and what it booked. What does not fit is named, never guessed.

Everything here may be told twice, late and in any order, and comes out the same: an instalment is decided once, by the
entry whose reference it then bears; the ledger books each decision under the instalment's own key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.money import CURRENCY, Money
from core.text import Text
from core.working_days import WorkingDays, thai_working_days
from identity.inbox.models import ChangeKind
from identity.inbox.templates import MessageTemplate
from services.pay.awards import Awards
from services.pay.breaks import BreakKind as BreakKind  # noqa: PLC0414 - for other rooms, who know it from here
from services.pay.breaks import close_by_bank, is_borne, mends, named_before, open_breaks, take_claims_back
from services.pay.budget.service import take_anyway
from services.pay.claims import claim_anew, release
from services.pay.contents import find_repeat, move, settled_payment, withdraw_repeat
from services.pay.errors import BankFileRefused
from services.pay.held import Work, hold_payments, hold_told
from services.pay.ledger.service import Account, book, nth, times_booked, transfer
from services.pay.mending import is_known, what_to_mend
from services.pay.models import Award, Instalment, PaymentRun, ReconciliationBreak
from services.pay.needs import PAYMENT_RETURNED, PAYMENT_SETTLED, Notices, OnSettled
from services.pay.overdue import overdue, to_name
from services.pay.rails.contract import UNKNOWN_PAYMENT, Answer, Entry, EntryKind, PaidFrom, Verdict
from services.pay.recovery.underpaid import annul_given_back
from services.pay.recovery.withholding import give_back, owe_given_back
from services.pay.repository import PaymentRepository
from services.pay.states import RUN_TRANSITIONS, InstalmentEvent, InstalmentStatus, RunEvent, RunStatus, after
from services.pay.turns import take_turn_of_budgets
from services.pay.writing import insert_new

DUPLICATION: Final = "AM05"
"""ISO 20022's reason "duplication": the bank has had it before, which says nothing about whether it was paid."""


_ACCOUNTS: Final = {PaidFrom.BANK: Account.BANK, PaidFrom.CASH: Account.CASH}
_ENDS: Final = {
    RunEvent.ALL_PAID: RunStatus.SETTLED,
    RunEvent.SOME_PAID: RunStatus.PARTLY_SETTLED,
    RunEvent.NONE_PAID: RunStatus.RETURNED,
}
_MAY_HAPPEN_AGAIN: Final = frozenset({"taken-back", "paid", "kept"})
"""Of one payment: each time is a transaction of its own. The payment's state keeps each from being booked twice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call changed."""

    settled: int = 0
    returned: int = 0
    breaks: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.settled + other.settled, self.returned + other.returned, self.breaks + other.breaks)


class Reconciliation:
    def __init__(
        self,
        clock: Clock,
        on_settled: OnSettled,
        notices: Notices,
        days: WorkingDays | None = None,
        *,
        awards: Awards | None = None,
    ) -> None:
        """`days` are those that come with the program, unless a test brings others; `awards` know what is due."""
        self._awards = awards
        self._clock, self._on_settled, self._notices = clock, on_settled, notices
        self._days = days or thai_working_days()

    async def take_answer(self, session: AsyncSession, run: PaymentRun, answer: Answer) -> Outcome:
        """Takes in the bank's answer once; `run` is locked. What it rejected goes back to what is owed. That it has had
        a file before is an answer, too: it is not sent again, and its payments wait for the bank's books.

        Raises :class:`BankFileRefused` when it rejects what was not in the file.
        """
        if run.answered_at is not None:
            return Outcome()
        await hold_payments(session, answer.rejected)
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
                money=Money(work.instalments[key.hex].net),
                currency=CURRENCY,
                booked_at=self._clock.now(),
                reason=rejected[key],
            )
            if work.instalments[key.hex].status != InstalmentStatus.SUBMITTED.value:  # an answer takes nothing back
                changed["break"] += await self._break(work, BreakKind.RETURN_NOT_EXPECTED, entry)
            elif entry.reason == DUPLICATION:
                changed["break"] += await self._break(work, BreakKind.REFUSED_AS_DUPLICATE, entry)
            else:
                changed[await self._returned(work, work.instalments[key.hex], entry)] += 1
        run.answered_at = self._clock.now()
        await self._close(work)
        return _outcome(changed)

    async def take_entries(self, session: AsyncSession, run: PaymentRun, entries: Iterable[Entry]) -> Outcome:
        """Takes in what the bank booked; `run` is locked. What it ought to have booked by now and did not is named."""
        told = sorted(entries, key=lambda e: (e.kind, e.reference, e.end_to_end))
        await hold_told(session, run, told)
        work = await self._work(session, run)
        work.told = {(e.reference, e.end_to_end) for e in told}
        work.came_back = {(e.end_to_end, e.money, e.currency) for e in told if e.kind is EntryKind.RETURNED}
        changed: Counter[str] = Counter()
        for entry in told:
            changed[await self._entry(work, entry)] += 1
        changed["break"] += await self._overdue(work)
        await self._close(work)
        return _outcome(changed)

    async def _work(self, session: AsyncSession, run: PaymentRun) -> Work:
        repository = PaymentRepository(session)
        instalments = await repository.instalments_of(run.id)
        return Work(session, run, {i.id.hex: i for i in instalments}, repository)

    async def _entry(self, work: Work, entry: Entry) -> str:
        instalment = work.instalments.get(entry.end_to_end)
        if instalment is None:
            return await self._named(work, BreakKind.UNKNOWN_REFERENCE, entry)
        if work.named is None:
            work.named = await named_before(work.session, work.run.id)
        if is_borne(instalment, entry) or (entry.kind, entry.reference, entry.end_to_end) in work.named:
            return "told before"
        if entry.currency != CURRENCY:
            return await self._named(work, BreakKind.WRONG_AMOUNT, entry)
        if entry.kind is EntryKind.PAID:
            return await self._paid(work, instalment, entry)
        return await self._returned(work, instalment, entry)

    async def _paid(self, work: Work, instalment: Instalment, entry: Entry) -> str:
        if instalment.status == InstalmentStatus.SETTLED.value:
            return await self._named(work, BreakKind.BOOKED_TWICE, entry)
        if instalment.status == InstalmentStatus.RETURNED.value:
            await withdraw_repeat(work.session, instalment)
            return await self._named(work, BreakKind.PAID_AFTER_RETURN, entry)
        if instalment.net != entry.money.satang:
            return await self._named(work, BreakKind.WRONG_AMOUNT, entry)
        instalment.bank_reference = entry.reference
        if (entry.end_to_end, entry.money, entry.currency) in work.came_back:
            return "came back"  # and told with it: the payee never had it
        await self._settle(work, instalment, entry.booked_at, "settle", Account.IN_TRANSIT, entry.paid_from)
        await self._mended(work, entry)
        return "settled"

    async def _settle(
        self, work: Work, instalment: Instalment, at: datetime, what: str, debit: Account, paid_from: PaidFrom
    ) -> None:
        move(instalment, InstalmentEvent.SETTLE)
        instalment.settled_at = at
        await self._book(work, instalment, what, debit, _ACCOUNTS[paid_from])
        award = await work.award_of(instalment)
        await self._on_settled.settled(work.session, settled_payment(instalment, award, at))
        await self._tell(work, instalment, award, PAYMENT_SETTLED)

    async def _returned(self, work: Work, instalment: Instalment, entry: Entry) -> str:
        """It never reached the payee, or the bank took it back after it had booked it, and says why."""
        reversal = instalment.status == InstalmentStatus.SETTLED.value and is_known(entry.reason)
        if not reversal and instalment.status != InstalmentStatus.SUBMITTED.value:
            return await self._named(work, BreakKind.RETURN_NOT_EXPECTED, entry)
        if instalment.net != entry.money.satang:
            return await self._named(work, BreakKind.WRONG_AMOUNT, entry)
        if instalment.bank_reference is None:
            instalment.bank_reference = entry.reference
        elif instalment.reversal_reference is None:
            instalment.reversal_reference = entry.reference
        else:
            await self._remember(work, entry)
        if reversal:
            await self._owed(work, instalment, entry.reason, "taken-back", _ACCOUNTS[entry.paid_from])
        else:
            await self._owed(work, instalment, entry.reason, "return", Account.IN_TRANSIT)
        await self._mended(work, entry)
        return "returned"

    async def _remember(self, work: Work, entry: Entry) -> None:
        """A payment bears two references; of what the bank does to it after that, a closed break keeps them."""
        await self._break(work, BreakKind.RETURN_NOT_EXPECTED, entry)
        for one in await open_breaks(work.session, work.run.id):
            said = one.kind, one.bank_reference, one.end_to_end
            if said == (BreakKind.RETURN_NOT_EXPECTED.value, entry.reference, entry.end_to_end):
                await close_by_bank(work.session, one, self._clock.now())

    async def _owed(self, work: Work, instalment: Instalment, reason: str, what: str, debit: Account) -> None:
        """It is owed again, and the payee is told what to mend."""
        move(instalment, InstalmentEvent.RETURN)
        instalment.reason = reason
        await self._book(work, instalment, what, debit, Account.PAYABLE)
        await give_back(work.session, instalment, self._clock.now())
        await annul_given_back(work.session, instalment.id, self._clock.now())
        if (over := await work.repository.overpayment_of(instalment)) is not None:
            await release(work.session, over, self._clock.now())
        mend = what_to_mend(instalment.reason)
        await self._tell(work, instalment, await work.award_of(instalment), PAYMENT_RETURNED, mend=mend)

    # What two officers decided of a break (`services.pay.resolving`); `run` is locked.

    async def never_booked(self, session: AsyncSession, run: PaymentRun, instalment: UUID) -> bool:
        """It will not be paid any more, and is owed again. False where the bank has decided it meanwhile, or has not
        answered the file: that is sent again, and would be paid then."""
        if run.answered_at is None:
            return False
        work, one = await self._one(session, run, instalment)
        if one is None or one.status != InstalmentStatus.SUBMITTED.value:
            return False
        one.bank_reference = one.id.hex  # as a rejection has: there is no booking
        await self._owed(work, one, "", "return", Account.IN_TRANSIT)
        await self._close(work)
        return True

    async def _one(self, session: AsyncSession, run: PaymentRun, key: UUID) -> tuple[Work, Instalment | None]:
        await hold_payments(session, [key])
        work = await self._work(session, run)
        return work, work.instalments.get(key.hex)

    async def came_back_after_all(
        self, session: AsyncSession, run: PaymentRun, instalment: UUID, reference: str, money: Money
    ) -> bool:
        """The bank took it back by that entry, for a reason that we do not know, and for good: it is owed again. False
        where it is not settled by now, with that amount, or where the bank booked nothing back: an answer does not."""
        work, one = await self._one(session, run, instalment)
        if one is None or one.status != InstalmentStatus.SETTLED.value or one.net != money.satang:
            return False
        if reference == one.id.hex:
            return False
        if one.reversal_reference is None:  # else the break is what remembers this one
            one.reversal_reference = reference
        await self._owed(work, one, "", "taken-back", Account.BANK)
        await self._close(work)
        return True

    async def paid_after_all(
        self, session: AsyncSession, run: PaymentRun, instalment: UUID, reference: str, at: datetime, money: Money
    ) -> bool:
        """What had come back was paid by that entry. False where it did not come back, or another pays it again, or
        it was paid with another amount."""
        award = None if self._awards is None else await self._awards.hold_of(session, instalment)
        await take_turn_of_budgets(session, run.agency)
        work, one = await self._one(session, run, instalment)
        again = await find_repeat(session, instalment)
        if one is None or one.status != InstalmentStatus.RETURNED.value or one.net != money.satang:
            return False
        if again is not None and again.status != InstalmentStatus.CANCELLED.value:
            return False
        if await work.repository.pays_the_month(one):
            return False
        kept = await times_booked(session, f"kept:{one.id.hex}")
        if await times_booked(session, f"again:{one.id.hex}") > kept:  # owed no more, and what was to pay it withdrawn
            await self._book(work, one, "kept", Account.BENEFITS, Account.PAYABLE, satang=one.satang)
            await take_anyway(session, one, nth(f"kept:{one.id.hex}", kept + 1), self._clock.now())
        if one.reversal_reference is None:  # else the break is what remembers this one
            one.reversal_reference, one.bank_reference = one.bank_reference, reference
        await owe_given_back(work.session, one, self._clock.now())
        await self._settle(work, one, at, "paid", Account.PAYABLE, PaidFrom.BANK)
        if (over := await work.repository.overpayment_of(one)) is not None:
            await claim_anew(session, over, self._clock.now())
        if self._awards is not None and award is not None:
            await self._awards.found_paid(session, award, one.period)
        await self._close(work)
        return True

    async def _book(
        self,
        work: Work,
        instalment: Instalment,
        what: str,
        debit: Account,
        credit: Account,
        *,
        satang: int | None = None,
    ) -> None:
        """Of what went to the bank, unless another amount is named."""
        await work.session.flush()
        stem = f"{what}:{instalment.id.hex}"
        number = 1 + await times_booked(work.session, stem) if what in _MAY_HAPPEN_AGAIN else 1
        await book(
            work.session,
            key=nth(stem, number),
            agency=work.run.agency,
            lines=transfer(debit, credit, Money(instalment.net if satang is None else satang)),
            at=self._clock.now(),
        )

    async def _tell(
        self, work: Work, instalment: Instalment, award: Award, template: MessageTemplate, **more: Text
    ) -> None:
        await self._notices.send(
            work.session,
            instalment.person,
            template,
            title=Text(**award.title),
            amount=Money(instalment.net),
            **more,
        )
        await self._notices.announce(work.session, instalment.person, ChangeKind.PAYMENT, instalment.id)

    async def _named(self, work: Work, kind: BreakKind, entry: Entry) -> str:
        return "break" if await self._break(work, kind, entry) else "told before"

    async def _break(self, work: Work, kind: BreakKind, entry: Entry) -> int:
        """1 when it is new, 0 when this entry was named so before."""
        instalment = work.instalments.get(entry.end_to_end)
        row = {
            "id": new_id(),
            "run": work.run.id,
            "kind": kind.value,
            "entry_kind": entry.kind.value,
            "bank_reference": entry.reference,
            "end_to_end": entry.end_to_end,
            "expected": None if instalment is None else instalment.net,
            "found": entry.money.satang,
            "currency": entry.currency,
            "found_at": self._clock.now(),
        }
        return await insert_new(work.session, ReconciliationBreak, [row])

    async def _mended(self, work: Work, entry: Entry) -> None:
        """The bank has told it rightly by now: what was open about it is closed by that."""
        if work.open is None:
            work.open = await open_breaks(work.session, work.run.id)
        others = work.told - {(entry.reference, entry.end_to_end)}  # told beside it: no earlier word on it
        for one in [b for b in work.open if mends(entry, b) and (b.bank_reference, b.end_to_end) not in others]:
            await close_by_bank(work.session, one, self._clock.now())
            work.open.remove(one)
        await take_claims_back(work.session, work.run, entry, self._clock.now(), still_told=others)

    async def _overdue(self, work: Work) -> int:
        """Names what the bank accepted and ought to have booked by now, unless a break about it is open already."""
        late = overdue(work.run, work.instalments.values(), self._days, self._clock)
        unnamed = await to_name(work.session, work.run.id, late, self._days, self._clock.today()) if late else []
        return sum([await self._break(work, BreakKind.NOT_BOOKED, entry) for entry in unnamed])

    async def _close(self, work: Work) -> None:
        """Closes the run when every instalment is decided, or says what became of it if the bank decided anew."""
        await work.session.flush()
        if work.run.submitted_at is None:
            return
        statuses = await work.repository.statuses_of(work.run.id)
        settled = statuses.pop(InstalmentStatus.SETTLED, 0)
        returned = statuses.pop(InstalmentStatus.RETURNED, 0)
        if statuses:
            return
        event = RunEvent.SOME_PAID if settled and returned else RunEvent.ALL_PAID if settled else RunEvent.NONE_PAID
        if work.run.status == _ENDS[event].value:
            return
        work.run.status = after(RUN_TRANSITIONS, RunStatus(work.run.status), event).value
        work.run.closed_at = work.run.closed_at or self._clock.now()
        await work.session.flush()


def _outcome(changed: Counter[str]) -> Outcome:
    return Outcome(settled=changed["settled"], returned=changed["returned"], breaks=changed["break"])
