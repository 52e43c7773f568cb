"""What two officers do to an agency's books: one proposes with a reason, another confirms, once (docs/adr/0016, 0033).

As with payment runs, the roles are `pay.plan` and `pay.approve`, and neither the code nor the table lets one person do
both. Confirming performs the act in the transaction that decides it: what cannot be performed is not decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.ids import new_id
from identity.officers.reasons import checked_reason
from identity.officers.trail import ActKind as Noted
from identity.officers.trail import Trail
from services.pay.errors import NotAPaymentOfficer, SameOfficer
from services.pay.ledger.errors import ActDecided, ActNotFound
from services.pay.ledger.models import LedgerAct
from services.pay.needs import Officer, Role

LISTED_MAX: Final = 200


class ActKind(StrEnum):
    BUDGET_SET = "BUDGET_SET"
    BUDGET_RAISE = "BUDGET_RAISE"
    CLOSE_PERIOD = "CLOSE_PERIOD"
    REVERSE = "REVERSE"
    WAIVE = "WAIVE"
    PAID_BACK = "PAID_BACK"
    FEE_REFUND = "FEE_REFUND"


class Outcome(StrEnum):
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    """By whoever proposed it."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An act that is being performed."""

    id: UUID
    agency: str
    payload: Mapping[str, Any]
    by: UUID


class Act(Protocol):
    """One kind of act."""

    kind: ActKind

    async def check(self, session: AsyncSession, agency: str, payload: Mapping[str, Any], /) -> dict[str, Any]:
        """The payload as it is kept. Raises what already stands in the way of it."""
        ...

    async def perform(self, session: AsyncSession, act: Confirmed, /) -> None:
        """Does it, in the transaction that confirms it. Raises what stands in the way of it by now."""
        ...


class TwoOfficers:
    def __init__(self, clock: Clock, acts: Iterable[Act]) -> None:
        self._clock, self._trail = clock, Trail(clock)
        self._acts = {act.kind: act for act in acts}

    async def propose(
        self, session: AsyncSession, officer: Officer, kind: ActKind, payload: Mapping[str, Any], reason: str
    ) -> LedgerAct:
        """Raises :class:`NotAPaymentOfficer`, `BadInput`, and what the act raises."""
        _must_be(officer, Role.PLAN)
        said = checked_reason(reason)
        kept = await self._acts[kind].check(session, officer.agency, payload)
        act = LedgerAct(
            id=new_id(),
            agency=officer.agency,
            kind=kind.value,
            payload=kept,
            reason=said,
            proposed_by=officer.person,
            proposed_at=self._clock.now(),
        )
        session.add(act)
        await session.flush()
        await self._note(session, Noted.PROPOSED, officer, act)
        return act

    async def confirm(self, session: AsyncSession, officer: Officer, key: UUID) -> LedgerAct:
        """Raises :class:`NotAPaymentOfficer`, :class:`ActNotFound`, :class:`SameOfficer`, :class:`ActDecided`, and what
        the act raises; then it stays open."""
        _must_be(officer, Role.APPROVE)
        act = await self._open(session, officer, key)
        if act.proposed_by == officer.person:
            raise SameOfficer
        await self._decide(session, act, Outcome.CONFIRMED, officer)
        confirmed = Confirmed(act.id, act.agency, act.payload, officer.person)
        await self._acts[ActKind(act.kind)].perform(session, confirmed)
        await self._note(session, Noted.APPROVED, officer, act)
        return act

    async def refuse(self, session: AsyncSession, officer: Officer, key: UUID) -> LedgerAct:
        """Whoever proposed it takes it back by the same. Raises as :meth:`confirm`, but for :class:`SameOfficer`."""
        act = await self._open(session, officer, key)
        is_own = act.proposed_by == officer.person
        _must_be(officer, Role.PLAN if is_own else Role.APPROVE)
        await self._decide(session, act, Outcome.WITHDRAWN if is_own else Outcome.REFUSED, officer)
        await self._note(session, Noted.WITHDRAWN if is_own else Noted.REFUSED, officer, act)
        return act

    async def waiting(self, session: AsyncSession, officer: Officer) -> Sequence[LedgerAct]:
        """The agency's acts that await a second officer, oldest first. Raises :class:`NotAPaymentOfficer`."""
        _must_be(officer, *Role)
        query = select(LedgerAct).where(col(LedgerAct.agency) == officer.agency, col(LedgerAct.outcome).is_(None))
        return (await session.scalars(query.order_by(col(LedgerAct.id)).limit(LISTED_MAX))).all()

    async def _open(self, session: AsyncSession, officer: Officer, key: UUID) -> LedgerAct:
        act = await session.get(LedgerAct, key, populate_existing=True)
        if act is None or act.agency != officer.agency:
            raise ActNotFound
        return act

    async def _decide(self, session: AsyncSession, act: LedgerAct, outcome: Outcome, officer: Officer) -> None:
        """Of parallel decisions one changes the row; the others find it decided."""
        query = update(LedgerAct).where(col(LedgerAct.id) == act.id, col(LedgerAct.outcome).is_(None))
        query = query.values(outcome=outcome.value, decided_by=officer.person, decided_at=self._clock.now())
        decided = await session.execute(query.returning(col(LedgerAct.id)).execution_options(synchronize_session=False))
        if decided.first() is None:
            raise ActDecided
        await session.refresh(act)

    async def _note(self, session: AsyncSession, kind: Noted, officer: Officer, act: LedgerAct) -> None:
        note = f"{act.kind}: {act.reason}"
        await self._trail.note(session, kind, agency=act.agency, by=officer.person.hex, subject=act.id, note=note[:200])


def _must_be(officer: Officer, *roles: Role) -> None:
    if not any(role in officer.roles for role in roles):
        raise NotAPaymentOfficer
