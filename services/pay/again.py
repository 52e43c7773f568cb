"""Paying again what the bank rejected or sent back: by a new instalment that names the old one (ADR 0007).

The old instalment keeps its id, its run and its state. Nobody is paid twice by it: one instalment repeats it at most,
and of a beneficiary's month only one is neither returned nor cancelled; both are unique indexes. The ledger takes back
what was approved, and the approval of the new one books it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from core.clock import Clock
from core.ids import new_id
from core.money import Money
from core.text import Text
from identity.inbox.models import ChangeKind
from services.pay.awards import Awards
from services.pay.breaks import paid_after_return
from services.pay.budget.service import give_back
from services.pay.contents import find_repeat, move
from services.pay.destinations.service import Destinations
from services.pay.errors import InstalmentNotFound, NotPaidAgain
from services.pay.ledger.service import Account, book, nth, times_booked, transfer
from services.pay.models import Award, Instalment
from services.pay.needs import PAID_AGAIN, Notices
from services.pay.repository import PaymentRepository
from services.pay.shares import counting
from services.pay.states import InstalmentEvent, InstalmentStatus
from services.pay.supplements import Supplements, is_annulled
from services.pay.turns import take_turn_for, take_turn_of_budgets, take_turn_to_plan
from services.pay.writing import insert_new


class PayingAgain:
    def __init__(self, clock: Clock, awards: Awards, notices: Notices, supplements: Supplements) -> None:
        self._clock, self._awards, self._notices, self._supplements = clock, awards, notices, supplements

    async def beneficiaries(self, session: AsyncSession, agency: str) -> Sequence[UUID]:
        """Of what waits to be paid again and hangs on other awards."""
        rows = (await session.execute(_unrepeated(agency))).tuples()
        return [award.beneficiary for one, award in rows if self._awards.hangs_on_others(award, one.period)]

    async def mended(self, session: AsyncSession, agency: str, until: date) -> int:
        """Owes again, of the months up to `until`, what came back to payees who have said since where they are paid.

        Answers how many those are. Called while the agency's turn to plan is held.
        """
        rows = await self._waiting(session, agency, locked=True)
        waiting = [(one, award) for one, award in rows if one.period <= until]
        counting = await Destinations.counting(session, {one.person for one, _ in waiting})
        mended = [(one, award) for one, award in waiting if counting.get(one.person) != one.destination]
        return sum([await self._owe(session, one, award) for one, award in mended])

    async def ask(self, session: AsyncSession, agency: str, instalment: UUID) -> Instalment:
        """Owes one again because an officer says so. Raises :class:`InstalmentNotFound`, :class:`NotPaidAgain`."""
        await take_turn_to_plan(session, agency)
        known = select(Instalment).where(col(Instalment.id) == instalment, col(Instalment.agency) == agency)
        asked = (await session.scalars(known)).first()
        if asked is None:
            raise InstalmentNotFound
        await take_turn_for(session, [asked.beneficiary])
        await self._supplements.make(session, agency, asked.period, award=asked.award)
        for one, award in await self._waiting(session, agency, locked=True, only=instalment):
            if await self._owe(session, one, award):
                again = await find_repeat(session, instalment)
                assert again is not None, "inserted just now"
                return again
        raise NotPaidAgain

    async def waiting(self, session: AsyncSession, agency: str) -> Sequence[Instalment]:
        """What came back and is not paid again yet, oldest month first."""
        return [one for one, _ in await self._waiting(session, agency, locked=False)]

    async def _waiting(
        self, session: AsyncSession, agency: str, *, locked: bool, only: UUID | None = None
    ) -> list[tuple[Instalment, Award]]:
        """With their awards; those held so that none ends meanwhile, where asked for."""
        query = _unrepeated(agency)
        if only is not None:
            query = query.where(col(Instalment.id) == only)
        if locked:
            query = query.with_for_update(read=True, of=Award)
        paid = await paid_after_return(session, agency)
        rows = (await session.execute(query.execution_options(populate_existing=True))).tuples()
        return [
            (one, award)
            for one, award in rows
            if one.id not in paid and (award.ends_on is None or one.period < award.ends_on)
        ]

    async def _owe(self, session: AsyncSession, one: Instalment, award: Award) -> int:
        """1, or 0 where nothing is due, nobody can say what, or another award pays the month or what is given once."""
        await take_turn_of_budgets(session, one.agency)  # before the month's payments are held
        if await self._awards.is_excluded(session, award, one.period):
            return 0
        satang = await self._satang(session, one, award)
        if satang <= 0:
            return 0
        row = {
            "person": one.person,
            "id": new_id(),
            "award": one.award,
            "beneficiary": one.beneficiary,
            "subject": one.subject,
            "agency": one.agency,
            "period": one.period,
            "satang": satang,
            "due_on": one.due_on,
            "status": InstalmentStatus.SCHEDULED.value,
            "run": None,
            "created_at": self._clock.now(),
            "repeats": one.id,
            "supplements": one.supplements,
            "refunds": one.refunds,
        }
        if not (await insert_new(session, Instalment, [row]) or await _resume(session, one, satang)):
            return 0
        await take_approval_back(session, one, self._clock.now())
        await self._notices.send(session, one.person, PAID_AGAIN, title=Text(**award.title), amount=Money(satang))
        await self._notices.announce(session, one.person, ChangeKind.PAYMENT, one.id)
        return 1

    async def _satang(self, session: AsyncSession, one: Instalment, award: Award) -> int:
        """As things are now, less what others pay of the month. After an end what was approved for the months before
        stays due, less what was too much."""
        if one.supplements is not None and await is_annulled(session, one):
            return 0
        over = (await PaymentRepository(session).overpayments(award)).get(one.id)
        not_due = 0 if over is None else over.satang
        if award.ends_on is None and not one.refunds:
            due = await self._awards.due_for(session, award, one.period)
            there = await PaymentRepository(session).instalments_since(award, one.period)
            month = [i for i in there if i.period == one.period]
            left = 0 if due is None else due.satang - counting(month)
            if one.supplements is not None:
                return min(left, one.satang)
            return left - sum([i.satang for i in _came_back_beside(month) if not await is_annulled(session, i)])
        given = Money(0) if one.supplements else await self._awards.given_before(session, award, one.period)
        return one.satang - not_due - given.satang


async def take_approval_back(session: AsyncSession, one: Instalment, at: datetime) -> None:
    """Of what came back: once, and once more where it was found paid since (`kept:…`) and came back again."""
    before = await times_booked(session, f"again:{one.id.hex}")
    if before > await times_booked(session, f"kept:{one.id.hex}"):
        return
    key = nth(f"again:{one.id.hex}", before + 1)
    await give_back(session, one, key, at)
    lines = transfer(Account.PAYABLE, Account.BENEFITS, Money(one.satang))
    await book(session, key=key, agency=one.agency, lines=lines, at=at)


def _came_back_beside(month: Sequence[Instalment]) -> list[Instalment]:
    """What supplements the month, came back, and is paid again by itself."""
    repeated = {one.repeats for one in month if one.status != InstalmentStatus.CANCELLED.value}
    returned = InstalmentStatus.RETURNED.value
    return [
        one
        for one in month
        if one.supplements and not one.refunds and one.status == returned and one.id not in repeated
    ]


async def _resume(session: AsyncSession, one: Instalment, satang: int) -> bool:
    """What was to pay it again and was withdrawn pays it after all, unless another pays the month by now."""
    again = await find_repeat(session, one.id)
    if again is None or again.status != InstalmentStatus.CANCELLED.value:
        return False
    if await PaymentRepository(session).pays_the_month(one):
        return False
    again.satang = satang
    move(again, InstalmentEvent.RESUME)
    await session.flush()
    return True


def _unrepeated(agency: str) -> Select[tuple[Instalment, Award]]:
    later = aliased(Instalment)
    return (
        select(Instalment, Award)
        .join(Award, (col(Award.person) == col(Instalment.person)) & (col(Award.id) == col(Instalment.award)))
        .where(
            col(Instalment.agency) == agency,
            col(Instalment.status) == InstalmentStatus.RETURNED.value,
            ~exists(
                select(1).where(
                    later.repeats == col(Instalment.id),  # type: ignore[arg-type] # a column
                    later.status != InstalmentStatus.CANCELLED.value,  # type: ignore[arg-type] # a column
                )
            ),
        )
        .order_by(col(Instalment.period), col(Instalment.id))
    )
