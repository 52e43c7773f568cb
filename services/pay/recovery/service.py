"""Recovery: an officer proposes a plan, the citizen agrees; what is withheld or paid back counts against the claims.

Each method writes in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.errors import BadInput
from core.ids import new_id
from core.money import Money
from core.text import Text
from identity.officers.reasons import checked_reason
from services.pay.ledger.models import LedgerAccount, LedgerPosting
from services.pay.ledger.service import Account, book, bounded, transaction_id, transfer, was_booked
from services.pay.messages import MESSAGES
from services.pay.models import Instalment, Overpayment
from services.pay.needs import Notices
from services.pay.recovery.errors import (
    BankEntryBooked,
    NothingToRecover,
    OwnDebt,
    PlanAnswered,
    PlanNotFound,
    PlanOpen,
    TooMuchPaidBack,
)
from services.pay.recovery.models import EntryKind, PlanStatus, RecoveryClaim, RecoveryEntry, RecoveryPlan, Underpayment
from services.pay.recovery.sums import claims_of, outstanding
from services.pay.states import InstalmentStatus
from services.pay.writing import insert_new

PARTS_MAX: Final = 120
LISTED_MAX: Final = 200
AGENCY_IN_KEY_MAX: Final = 50
"""Characters of an agency's name in the key of what was paid back; a longer one is there by its hash."""
PROPOSED: Final = MESSAGES["pay.recovery-proposed"]
WAIVED: Final = MESSAGES["pay.recovery-waived"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan asks. `floor`: satang that each payment leaves at least."""

    parts: int
    first_month: date
    floor: int
    from_children: bool = False


@dataclass(frozen=True, slots=True)
class Owed:
    overpayment: Overpayment
    left: Money


class Recoveries:
    def __init__(self, clock: Clock, notices: Notices) -> None:
        self._clock, self._notices = clock, notices

    async def owed(self, session: AsyncSession, agency: str) -> Sequence[Owed]:
        """What is still to be recovered for the agency, oldest first."""
        query = select(Overpayment).where(col(Overpayment.agency) == agency, col(Overpayment.released_at).is_(None))
        rows = (await session.scalars(query.order_by(col(Overpayment.id)))).all()
        left = await outstanding(session, rows)
        return [Owed(one, Money(left[one.id])) for one in rows if left[one.id] > 0]

    async def underpaid(self, session: AsyncSession, agency: str) -> Sequence[Underpayment]:
        """What the agency owes beyond what it paid, oldest first."""
        query = select(Underpayment).where(col(Underpayment.agency) == agency, *_is_owed())
        return (await session.scalars(query.order_by(col(Underpayment.id)).limit(LISTED_MAX))).all()

    async def underpaid_of(self, session: AsyncSession, person: UUID) -> Sequence[Underpayment]:
        """What is owed to the citizen beyond what was paid, oldest first."""
        query = select(Underpayment).where(col(Underpayment.person) == person, *_is_owed())
        return (await session.scalars(query.order_by(col(Underpayment.id)).limit(LISTED_MAX))).all()

    async def propose(
        self,
        session: AsyncSession,
        *,
        agency: str,
        officer: UUID,
        overpayments: Collection[UUID],
        terms: Terms,
        reason: str,
    ) -> RecoveryPlan:
        """A plan for one citizen's claims, who is told of it.

        Raises :class:`NothingToRecover` for claims that are not the agency's, not of one person, or of which nothing is
        left; :class:`OwnDebt`; :class:`PlanOpen`; and `BadInput`.
        """
        said = checked_reason(reason)
        query = select(Overpayment).where(
            col(Overpayment.agency) == agency, col(Overpayment.id).in_(list(overpayments))
        )
        people = {one.person for one in (await session.scalars(query)).all()}
        for debtor in sorted(people):  # agreements before claims, as all do
            await self._make_room(session, debtor, agency)
        held = query.order_by(col(Overpayment.id)).with_for_update().execution_options(populate_existing=True)
        claims = (await session.scalars(held)).all()
        left = await outstanding(session, claims)
        total = sum(left.values())
        if len(claims) != len(set(overpayments)) or len(people) != 1 or not all(left.values()):
            raise NothingToRecover
        _check(terms, total, self._clock.today().replace(day=1))
        [person] = people
        if person == officer:
            raise OwnDebt
        key = new_id()
        row = {
            "person": person,
            "id": key,
            "agency": agency,
            "satang": total,
            "parts": terms.parts,
            "first_month": terms.first_month,
            "floor": terms.floor,
            "from_children": terms.from_children,
            "status": PlanStatus.PROPOSED.value,
            "reason": said,
            "proposed_by": officer,
            "proposed_at": self._clock.now(),
        }
        if not await insert_new(session, RecoveryPlan, [row]):
            raise PlanOpen
        for one in claims:
            session.add(RecoveryClaim(person=person, plan=key, overpayment=one.id))
        await session.flush()
        await self._notices.send(session, person, PROPOSED, amount=Money(total), parts=terms.parts)
        plan = await self.of(session, person, key)
        assert plan is not None, "inserted just now"
        return plan

    async def answer(self, session: AsyncSession, person: UUID, key: UUID, *, agrees: bool) -> RecoveryPlan:
        """The citizen's own word. Raises :class:`PlanNotFound`, and :class:`PlanAnswered` unless it waits for one."""
        plan = await self.of(session, person, key, lock=True)
        if plan is None:
            raise PlanNotFound
        if plan.status != PlanStatus.PROPOSED.value:
            raise PlanAnswered
        plan.status = (PlanStatus.AGREED if agrees else PlanStatus.DECLINED).value
        plan.answered_at = self._clock.now()
        await session.flush()
        return plan

    async def end(self, session: AsyncSession, agency: str, key: UUID) -> RecoveryPlan:
        """Nothing more is withheld by it; what came back stays. Raises :class:`PlanNotFound`, :class:`PlanAnswered`."""
        plan = await self._of_agency(session, agency, key)
        if plan.status not in {PlanStatus.PROPOSED.value, PlanStatus.AGREED.value}:
            raise PlanAnswered
        plan.status = PlanStatus.ENDED.value
        await session.flush()
        return plan

    async def pay_back(
        self, session: AsyncSession, *, agency: str, overpayments: Collection[UUID], money: Money, reference: str
    ) -> int:
        """Money that came to the agency's account by that entry of the bank, for claims of one citizen; the oldest
        month first. Answers how many claims it went to.

        Raises :class:`NothingToRecover`, :class:`TooMuchPaidBack`, :class:`BankEntryBooked`, `BadInput`.
        """
        if not (0 < len(reference) <= 35 and reference.isascii() and reference.isprintable()) or money.satang <= 0:
            raise BadInput(_ENTRY, path=("reference",))
        query = select(Overpayment).where(
            col(Overpayment.agency) == agency, col(Overpayment.id).in_(list(overpayments))
        )
        held = query.order_by(col(Overpayment.id)).with_for_update().execution_options(populate_existing=True)
        claims = sorted(await session.scalars(held), key=lambda one: (one.period, one.id))
        if len(claims) != len(set(overpayments)) or len({one.person for one in claims}) != 1:
            raise NothingToRecover
        key = f"paid-back:{bounded(agency, AGENCY_IN_KEY_MAX)}:{reference}"
        if await was_booked(session, key) or await _was_booked_cut(session, agency, reference):
            raise BankEntryBooked
        left = await outstanding(session, claims)
        if money.satang > sum(left.values()):
            raise TooMuchPaidBack(left=Money(sum(left.values())))
        rest, went = money.satang, 0
        for one in claims:
            satang = min(rest, left[one.id])
            if satang > 0:
                await self._enter(session, one, EntryKind.PAID_BACK, satang)
                rest, went = rest - satang, went + 1
        lines = transfer(Account.BANK, Account.RECEIVABLE, money)
        if not await book(session, key=key, agency=agency, lines=lines, at=self._clock.now()):
            raise BankEntryBooked
        return went

    async def waive(self, session: AsyncSession, agency: str, overpayment: UUID) -> None:
        """What is left of the claim is given up. Raises :class:`NothingToRecover`."""
        claim = await claim_of(session, agency, overpayment)
        left = (await outstanding(session, [claim]))[claim.id]
        if left <= 0:
            raise NothingToRecover
        entry = await self._enter(session, claim, EntryKind.WAIVED, left)
        await book(
            session,
            key=f"waive:{entry.hex}",
            agency=agency,
            lines=transfer(Account.WAIVED, Account.RECEIVABLE, Money(left)),
            at=self._clock.now(),
        )
        await self._notices.send(session, claim.person, WAIVED, amount=Money(left))

    async def of(self, session: AsyncSession, person: UUID, key: UUID, *, lock: bool = False) -> RecoveryPlan | None:
        """The citizen's plan."""
        query = select(RecoveryPlan).where(col(RecoveryPlan.person) == person, col(RecoveryPlan.id) == key)
        query = query.with_for_update() if lock else query
        return (await session.scalars(query.execution_options(populate_existing=True))).first()

    async def plans(self, session: AsyncSession, person: UUID) -> Sequence[RecoveryPlan]:
        """The citizen's, latest first."""
        query = select(RecoveryPlan).where(col(RecoveryPlan.person) == person)
        return (await session.scalars(query.order_by(col(RecoveryPlan.id).desc()).limit(LISTED_MAX))).all()

    async def plans_of(self, session: AsyncSession, agency: str) -> Sequence[RecoveryPlan]:
        """The agency's, latest first."""
        query = select(RecoveryPlan).where(col(RecoveryPlan.agency) == agency)
        return (await session.scalars(query.order_by(col(RecoveryPlan.id).desc()).limit(LISTED_MAX))).all()

    async def left(self, session: AsyncSession, plan: RecoveryPlan) -> Money:
        """Of what the plan is about, what is still to come back."""
        return Money(sum((await outstanding(session, await claims_of(session, plan))).values()))

    async def _enter(self, session: AsyncSession, claim: Overpayment, kind: EntryKind, satang: int) -> UUID:
        key = new_id()
        session.add(
            RecoveryEntry(
                person=claim.person,
                id=key,
                overpayment=claim.id,
                kind=kind.value,
                satang=satang,
                at=self._clock.now(),
            )
        )
        await session.flush()
        return key

    async def _make_room(self, session: AsyncSession, person: UUID, agency: str) -> None:
        """An agreed plan of which nothing is left gives way to another. Raises :class:`PlanOpen`."""
        query = select(RecoveryPlan).where(
            col(RecoveryPlan.person) == person,
            col(RecoveryPlan.agency) == agency,
            col(RecoveryPlan.status).in_([PlanStatus.PROPOSED.value, PlanStatus.AGREED.value]),
        )
        for plan in await session.scalars(query.with_for_update()):
            if (await self.left(session, plan)).satang > 0:
                raise PlanOpen
            plan.status = PlanStatus.ENDED.value
        await session.flush()

    async def _of_agency(self, session: AsyncSession, agency: str, key: UUID) -> RecoveryPlan:
        query = select(RecoveryPlan).where(col(RecoveryPlan.agency) == agency, col(RecoveryPlan.id) == key)
        plan = (await session.scalars(query.with_for_update())).first()
        if plan is None:
            raise PlanNotFound
        return plan


def _is_owed() -> tuple[ColumnElement[bool], ...]:
    """Of underpayments, those that stand and that no payment has reached the citizen for."""
    paid = exists(
        select(1).where(
            col(Instalment.supplements) == col(Underpayment.id),
            col(Instalment.status) == InstalmentStatus.SETTLED.value,
        )
    )
    return col(Underpayment.annulled_at).is_(None), ~paid


async def _was_booked_cut(session: AsyncSession, agency: str, reference: str) -> bool:
    """Under the key that cut long names of agencies once: it may stand for another's of the same beginning."""
    if len(agency) <= AGENCY_IN_KEY_MAX:
        return False
    query = select(col(LedgerPosting.line)).join(LedgerAccount, col(LedgerAccount.id) == col(LedgerPosting.account))
    key = transaction_id(f"paid-back:{agency[:AGENCY_IN_KEY_MAX]}:{reference}")
    query = query.where(col(LedgerPosting.transaction_id) == key, col(LedgerAccount.agency) == agency)
    return await session.scalar(query.limit(1)) is not None


async def claim_of(session: AsyncSession, agency: str, key: UUID) -> Overpayment:
    """The agency's, locked. Raises :class:`NothingToRecover`."""
    query = select(Overpayment).where(col(Overpayment.agency) == agency, col(Overpayment.id) == key)
    query = query.with_for_update().execution_options(populate_existing=True)
    claim = (await session.scalars(query)).first()
    if claim is None:
        raise NothingToRecover
    return claim


def _check(terms: Terms, total: int, this_month: date) -> None:
    fits = 1 <= terms.parts <= min(PARTS_MAX, total) and terms.floor > 0
    if not fits or terms.first_month.day != 1 or terms.first_month < this_month:
        raise BadInput(_TERMS, path=("terms",))


_TERMS: Final = Text(
    th="จำนวนงวด 1 ถึง 120 เริ่มตั้งแต่เดือนนี้ และเงินขั้นต่ำที่เหลือต้องมากกว่าศูนย์",
    en="1 to 120 parts, from this month on, each payment leaving more than nothing",
)
_ENTRY: Final = Text(th="เลขอ้างอิงของธนาคารหรือจำนวนเงินไม่ถูกต้อง", en="the bank's reference or the amount is not valid")
