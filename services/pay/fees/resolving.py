"""How a break of money that comes in is closed: an officer says what becomes of it and why, and another agrees.

The payment is held first and the break after it, by whoever touches both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import BadInput
from core.ids import new_id
from core.money import Money
from core.sealed import bound_to
from core.text import Text
from services.pay.accounts import BankAccount, Mobile
from services.pay.errors import BreakClosed, BreakNotFound, NotResolvedSo, SameOfficer
from services.pay.fees.breaks import (
    OF_MONEY,
    OF_WORDS,
    IncomingOutcome,
    claim_key,
    claimed_of,
    difference,
    is_about_money,
    is_here,
    on_its_way,
)
from services.pay.fees.models import FeeRefund, IncomingBreak, IncomingPayment, IncomingResolution
from services.pay.fees.service import Bills
from services.pay.fees.states import RefundStatus
from services.pay.ledger.service import Account, book, transfer
from services.pay.needs import Officer
from services.pay.recovery.errors import OwnDebt
from services.pay.writing import insert_new

REASON_LENGTHS: Final = (5, 500)
_REASON: Final = Text(th="เหตุผลต้องยาว {least}–{most} ตัวอักษร", en="a reason has {least} to {most} printable characters")
_GIVEN: Final = Text(
    th="REFUND ต้องระบุบัญชี ASSIGN ต้องระบุเลขอ้างอิงใบแจ้ง ผลอื่นไม่ระบุทั้งสองอย่าง",
    en="REFUND names an account, ASSIGN the bill's first reference, every other outcome neither",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    outcome: IncomingOutcome
    reason: str
    account: Mobile | BankAccount | None = None
    """Of REFUND: as whoever paid has named it to the agency."""
    bill: str | None = None
    """Of ASSIGN: the first reference of the bill."""


class IncomingResolving:
    """Every method works in the caller's transaction."""

    def __init__(self, clock: Clock, keys: KeyRing, bills: Bills) -> None:
        self._clock, self._keys, self._bills = clock, keys, bills

    async def propose(
        self, session: AsyncSession, officer: Officer, key: UUID, proposal: Proposal
    ) -> IncomingResolution:
        """In place of what was proposed before, if anything was.

        Raises :class:`BreakNotFound`, :class:`BreakClosed`, :class:`NotResolvedSo`, `BillNotAssignable`, and `BadInput`
        for the reason, or for an account or a bill that does not go with the outcome; :class:`OwnDebt`.
        """
        reason, (least, most) = proposal.reason.strip(), REASON_LENGTHS
        if not (least <= len(reason) <= most and reason.isprintable()):
            raise BadInput(_REASON.filled(least=least, most=most), path=("reason",))
        outcome = proposal.outcome
        if (proposal.account is None) == (outcome is IncomingOutcome.REFUND) or (proposal.bill is None) == (
            outcome is IncomingOutcome.ASSIGN
        ):
            raise BadInput(_GIVEN, path=("outcome",))
        found, paid, row = await self._held(session, officer, key)
        await self._must_fit(session, found, paid, outcome)
        if proposal.bill is not None and paid is not None:
            await self._must_be_others(session, officer, paid, proposal.bill)
        account = None if proposal.account is None else self._sealed(found.id, proposal.account)
        if row is None:
            row = IncomingResolution(
                break_id=key,
                outcome=outcome.value,
                reason=reason,
                proposed_at=self._clock.now(),
                proposed_by=officer.person,
            )
            session.add(row)
        row.outcome, row.reason, row.bill, row.account_sealed = outcome.value, reason, proposal.bill, account
        row.proposed_by, row.proposed_at = officer.person, self._clock.now()
        await session.flush()
        return row

    async def proposed(self, session: AsyncSession, officer: Officer, key: UUID) -> IncomingResolution | None:
        """What is proposed for a break of the officer's agency."""
        query = select(IncomingResolution).join(
            IncomingBreak, col(IncomingBreak.id) == col(IncomingResolution.break_id)
        )
        query = query.where(col(IncomingBreak.id) == key, col(IncomingBreak.agency) == officer.agency)
        return (await session.scalars(query)).first()

    async def agree(
        self,
        session: AsyncSession,
        officer: Officer,
        key: UUID,
        outcome: IncomingOutcome,
        seen: tuple[str | None, bytes | None] | None = None,
    ) -> IncomingResolution:
        """Closes it as another officer proposed; `outcome` is what is agreed to, lest it was changed meanwhile, and so
        are the bill and the sealed account that were `seen`.

        Raises :class:`BreakNotFound`, :class:`BreakClosed`, :class:`SameOfficer`, `BillNotAssignable`,
        :class:`OwnDebt`, and :class:`NotResolvedSo` when that is not what is proposed, or not possible any more.
        """
        found, paid, row = await self._held(session, officer, key)
        if row is None or row.outcome != outcome.value:
            raise NotResolvedSo(kind=found.kind, outcome=outcome.value)
        if row.proposed_by == officer.person:
            raise SameOfficer
        if seen is not None and seen != (row.bill, row.account_sealed):
            raise NotResolvedSo(kind=found.kind, outcome=outcome.value)
        await self._must_fit(session, found, paid, outcome)
        if row.bill is not None and paid is not None:
            await self._must_be_others(session, officer, paid, row.bill)
        row.closed_by, row.closed_at = officer.person, self._clock.now()
        await session.flush()
        await self._carry_out(session, found, paid, row)
        return row

    async def _must_be_others(
        self, session: AsyncSession, officer: Officer, paid: IncomingPayment, reference: str
    ) -> None:
        """Nobody has what a stranger paid pay their own bill. Raises `BillNotAssignable`, :class:`OwnDebt`."""
        bill = await self._bills.assignable(session, paid, reference)
        if bill.person == officer.person:
            raise OwnDebt

    def account_of(self, row: IncomingResolution) -> Mobile | BankAccount | None:
        """Where a refund goes. Raises `SealBroken`."""
        if row.account_sealed is None:
            return None
        plain = self._keys.open(row.account_sealed, bound_to=bound_to(IncomingResolution.account_sealed, row.break_id))
        kept = orjson.loads(plain)
        return Mobile(kept["number"]) if kept["bank"] is None else BankAccount(kept["bank"], kept["number"])

    async def _carry_out(
        self, session: AsyncSession, found: IncomingBreak, paid: IncomingPayment | None, row: IncomingResolution
    ) -> None:
        now, outcome = self._clock.now(), IncomingOutcome(row.outcome)
        if outcome is IncomingOutcome.CLAIMED:
            await book(session, key=claim_key(found), agency=found.agency, lines=claimed_of(found), at=now)
        if paid is None:
            return
        if outcome is IncomingOutcome.ASSIGN:
            await self._bills.assign(session, paid, str(row.bill))
        elif outcome is IncomingOutcome.KEEP:
            paid.kept_at = now
            await session.flush()
            lines = transfer(Account.UNAPPLIED, Account.UNCLAIMED, Money(paid.satang))
            await book(session, key=f"fee-kept:{paid.id.hex}", agency=paid.agency, lines=lines, at=now)
        elif outcome is IncomingOutcome.REFUND:
            await self._refund(session, found, paid)

    async def _refund(self, session: AsyncSession, found: IncomingBreak, paid: IncomingPayment) -> None:
        """From here on it is on its way; :mod:`services.pay.fees.refunds` brings it to the bank."""
        refund = FeeRefund(
            id=new_id(),
            agency=paid.agency,
            incoming=paid.id,
            break_id=found.id,
            satang=paid.satang,
            status=RefundStatus.APPROVED.value,
            approved_at=self._clock.now(),
        )
        if not await insert_new(session, FeeRefund, [refund.model_dump()]):
            raise NotResolvedSo(kind=found.kind, outcome=IncomingOutcome.REFUND.value)
        lines = transfer(Account.UNAPPLIED, Account.IN_TRANSIT, Money(paid.satang))
        await book(session, key=f"refund:{refund.id.hex}", agency=paid.agency, lines=lines, at=self._clock.now())

    @staticmethod
    async def _must_fit(
        session: AsyncSession, found: IncomingBreak, paid: IncomingPayment | None, outcome: IncomingOutcome
    ) -> None:
        if is_about_money(found, paid):
            assert paid is not None, "or the break is about words"
            fits = outcome in OF_MONEY and is_here(paid) and await on_its_way(session, paid.id) is None
        else:
            fits = outcome in OF_WORDS and (outcome is not IncomingOutcome.CLAIMED or difference(found) != 0)
        if not fits:
            raise NotResolvedSo(kind=found.kind, outcome=outcome.value)

    @staticmethod
    async def _held(
        session: AsyncSession, officer: Officer, key: UUID
    ) -> tuple[IncomingBreak, IncomingPayment | None, IncomingResolution | None]:
        """The break, the payment that it is about, and what is proposed, held. Raises :class:`BreakNotFound`,
        :class:`BreakClosed`."""
        found = (await session.scalars(select(IncomingBreak).where(col(IncomingBreak.id) == key))).one_or_none()
        if found is None or found.agency != officer.agency:
            raise BreakNotFound
        of_it = select(IncomingPayment).where(
            col(IncomingPayment.agency) == found.agency, col(IncomingPayment.bank_transaction) == found.bank_reference
        )
        held = of_it.with_for_update().execution_options(populate_existing=True)
        paid = (await session.scalars(held)).first()
        again = select(IncomingBreak).where(col(IncomingBreak.id) == key).with_for_update()
        await session.scalars(again)
        row = await session.get(IncomingResolution, key, populate_existing=True)
        if row is not None and row.closed_at is not None:
            raise BreakClosed
        return found, paid, row

    def _sealed(self, found: UUID, account: Mobile | BankAccount) -> bytes:
        bank = account.bank if isinstance(account, BankAccount) else None
        plain = orjson.dumps({"bank": bank, "number": account.number})
        return self._keys.seal(plain, bound_to=bound_to(IncomingResolution.account_sealed, found))
