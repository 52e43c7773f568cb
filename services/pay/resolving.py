"""How a break is closed: an officer says what became of it and why, and another officer agrees.

Where money moved, the ledger follows by a transaction of its own (`break:<break>`), or by the payment's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from core.errors import BadInput
from core.money import CURRENCY, Money
from core.text import Text
from services.pay.breaks import BreakOutcome, claimed_of, open_breaks_of
from services.pay.errors import BreakClosed, BreakNotFound, NotResolvedSo, SameOfficer
from services.pay.ledger.service import book
from services.pay.models import BreakResolution, PaymentRun, ReconciliationBreak
from services.pay.needs import Officer, Role
from services.pay.reconciliation import BreakKind, Reconciliation
from services.pay.repository import PaymentRepository
from services.pay.service import must_be

REASON_LENGTHS: Final = (5, 500)
_K, _O = BreakKind, BreakOutcome
OUTCOMES: Final[Mapping[BreakKind, frozenset[BreakOutcome]]] = MappingProxyType(
    {
        _K.UNKNOWN_REFERENCE: frozenset({_O.NO_MONEY_MOVED, _O.CLAIMED}),
        _K.WRONG_AMOUNT: frozenset({_O.NO_MONEY_MOVED, _O.CLAIMED}),
        _K.BOOKED_TWICE: frozenset({_O.NO_MONEY_MOVED, _O.CLAIMED}),
        _K.PAID_AFTER_RETURN: frozenset({_O.NO_MONEY_MOVED, _O.CLAIMED, _O.PAID}),
        _K.RETURN_NOT_EXPECTED: frozenset({_O.NO_MONEY_MOVED, _O.CLAIMED, _O.OWED_AGAIN}),
        _K.REFUSED_AS_DUPLICATE: frozenset({_O.NO_MONEY_MOVED, _O.OWED_AGAIN}),
        _K.NOT_BOOKED: frozenset({_O.NO_MONEY_MOVED, _O.OWED_AGAIN}),
    }
)
"""What officers can decide of each kind."""


class Resolving:
    def __init__(self, clock: Clock, reconciliation: Reconciliation) -> None:
        self._clock, self._reconciliation = clock, reconciliation

    async def propose(
        self, session: AsyncSession, officer: Officer, key: UUID, outcome: BreakOutcome, reason: str
    ) -> BreakResolution:
        """In place of what was proposed before, if anything was.

        Raises :class:`BreakNotFound`, :class:`BreakClosed`, :class:`NotResolvedSo`, and `BadInput` for the reason.
        """
        reason, (least, most) = reason.strip(), REASON_LENGTHS
        if not (least <= len(reason) <= most and reason.isprintable()):
            raise BadInput(_REASON.filled(least=least, most=most), path=("reason",))
        found, _ = await self._locked(session, officer, key)
        if outcome not in OUTCOMES[BreakKind(found.kind)] or (
            outcome is BreakOutcome.CLAIMED and found.currency != CURRENCY
        ):
            raise NotResolvedSo(kind=found.kind, outcome=outcome.value)
        row = await session.get(BreakResolution, key, populate_existing=True)
        if row is not None and row.closed_at is not None:
            raise BreakClosed
        if row is None:
            row = BreakResolution(
                break_id=key,
                outcome=outcome.value,
                reason=reason,
                proposed_by=officer.person,
                proposed_at=self._clock.now(),
            )
            session.add(row)
        else:
            row.outcome, row.reason = outcome.value, reason
            row.proposed_by, row.proposed_at = officer.person, self._clock.now()
        await session.flush()
        return row

    async def agree(self, session: AsyncSession, officer: Officer, key: UUID, outcome: BreakOutcome) -> BreakResolution:
        """Closes it as another officer proposed; `outcome` is what is agreed to, lest it was changed meanwhile.

        Raises :class:`BreakNotFound`, :class:`BreakClosed`, :class:`SameOfficer`, and :class:`NotResolvedSo` when that
        is not what is proposed, or what the payment's state no longer allows.
        """
        found, run = await self._locked(session, officer, key)
        row = await session.get(BreakResolution, key, populate_existing=True)
        if row is not None and row.closed_at is not None:
            raise BreakClosed
        if row is None or row.outcome != outcome.value:
            raise NotResolvedSo(kind=found.kind, outcome=outcome.value)
        if row.proposed_by == officer.person:
            raise SameOfficer
        row.closed_by, row.closed_at = officer.person, self._clock.now()
        await session.flush()
        await self._carry_out(session, found, run, outcome)
        return row

    async def _carry_out(
        self, session: AsyncSession, found: ReconciliationBreak, run: PaymentRun, outcome: BreakOutcome
    ) -> None:
        done = True
        if outcome is BreakOutcome.CLAIMED:
            key, lines = f"break:{found.id.hex}", claimed_of(found)
            await book(session, key=key, agency=run.agency, lines=lines, at=self._clock.now())
        elif outcome is BreakOutcome.OWED_AGAIN and found.kind == BreakKind.RETURN_NOT_EXPECTED.value:
            done = found.currency == CURRENCY and await self._reconciliation.came_back_after_all(
                session, run, UUID(hex=found.end_to_end), found.bank_reference, Money(found.found)
            )
        elif outcome is BreakOutcome.OWED_AGAIN:
            done = await self._reconciliation.never_booked(session, run, UUID(hex=found.end_to_end))
        elif outcome is BreakOutcome.PAID:
            done = await self._reconciliation.paid_after_all(
                session, run, UUID(hex=found.end_to_end), found.bank_reference, found.found_at, Money(found.found)
            )
        if not done:
            raise NotResolvedSo(kind=found.kind, outcome=outcome.value)

    @staticmethod
    async def _locked(session: AsyncSession, officer: Officer, key: UUID) -> tuple[ReconciliationBreak, PaymentRun]:
        """The break, with its run held. Raises :class:`BreakNotFound`."""
        found = (
            await session.scalars(select(ReconciliationBreak).where(col(ReconciliationBreak.id) == key))
        ).one_or_none()
        run = None if found is None else await PaymentRepository(session).run(officer.agency, found.run, lock=True)
        if found is None or run is None:
            raise BreakNotFound
        return found, run


_REASON: Final = Text(th="เหตุผลต้องยาว {least}–{most} ตัวอักษร", en="a reason has {least} to {most} printable characters")


class BreakJobs:
    """The same for the commands of officers: a transaction each. Whoever plans or approves may do either half."""

    def __init__(self, db: Database, clock: Clock, reconciliation: Reconciliation) -> None:
        self._db, self._resolving = db, Resolving(clock, reconciliation)

    async def listed(self, officer: Officer) -> Sequence[tuple[ReconciliationBreak, BreakResolution | None]]:
        """The agency's breaks that are open, oldest first, with what is proposed. Raises `NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self._db.read() as session:
            return await open_breaks_of(session, officer.agency)

    async def propose(self, officer: Officer, key: UUID, outcome: BreakOutcome, reason: str) -> BreakResolution:
        """See :meth:`Resolving.propose`; raises `NotAPaymentOfficer` too."""
        must_be(officer, *Role)
        async with self._db.write() as session:
            return await self._resolving.propose(session, officer, key, outcome, reason)

    async def agree(self, officer: Officer, key: UUID, outcome: BreakOutcome) -> BreakResolution:
        """See :meth:`Resolving.agree`; raises `NotAPaymentOfficer` too."""
        must_be(officer, *Role)
        async with self._db.write() as session:
            return await self._resolving.agree(session, officer, key, outcome)
