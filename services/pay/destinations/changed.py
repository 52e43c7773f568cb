"""Whoever says another place to be paid, after their payment was planned and before it is with the bank, is not paid at
the old one: that instalment is held, and the run goes without it.

What is held is owed as before, goes with the next plan to the place that counts then, and is approved afresh. The
ledger takes back what the run's approval booked (`hold:<run>:<instalment>`: Dr PAYABLE, Cr BENEFITS).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.money import Money
from core.text import Text
from identity.inbox.models import ChangeKind
from services.pay.budget.service import give_back
from services.pay.claims import release
from services.pay.contents import content_hash, move, total_of
from services.pay.destinations.counting import counting_destination
from services.pay.held import hold_payments
from services.pay.holding import Holding, HoldReason
from services.pay.ledger.service import Account, book, transfer
from services.pay.messages import MESSAGES
from services.pay.models import HeldMonth, Instalment, PaymentRun
from services.pay.needs import Notices
from services.pay.recovery.withholding import give_back as give_back_withheld
from services.pay.repository import PaymentRepository
from services.pay.states import RUN_TRANSITIONS, InstalmentEvent, InstalmentStatus, RunEvent, RunStatus, after
from services.pay.turns import take_turn_of_budgets

HELD: Final = MESSAGES["pay.held-for-destination"]


async def changed_in(session: AsyncSession, run: UUID) -> Sequence[Instalment]:
    """Instalments of the run whose payee has said a place since it was planned; the same place, said again, counts."""
    query = select(Instalment).where(
        col(Instalment.run) == run, col(Instalment.destination).is_distinct_from(counting_destination())
    )
    return (await session.scalars(query.order_by(col(Instalment.id)).execution_options(populate_existing=True))).all()


async def hold_changed(session: AsyncSession, clock: Clock, notices: Notices, run: PaymentRun) -> int:
    """Takes them out of an approved run, and answers how many those were; `run` is locked, and not yet submitted.

    Where nobody is left, the run ends as RETURNED with what was approved, and nothing goes to the bank.
    Raises :class:`services.pay.errors.WrongState` for a run that is not approved.
    """
    after(RUN_TRANSITIONS, RunStatus(run.status), RunEvent.SUBMIT)
    held = await changed_in(session, run.id)
    if not held:
        return 0
    await take_turn_of_budgets(session, run.agency)
    gone = {one.id for one in held}
    await hold_payments(session, gone)
    held = [one for one in await changed_in(session, run.id) if one.id in gone]  # as they are once nobody changes them
    remaining = [one for one in await PaymentRepository(session).instalments_of(run.id) if one.id not in gone]
    awards = await PaymentRepository(session).awards({(one.person, one.award) for one in held})
    holding = Holding(clock, notices)
    for one in held:
        await give_back_withheld(session, one, clock.now())
        move(one, InstalmentEvent.HOLD)
        one.withheld, one.run, one.destination = 0, None, None
        await session.flush()
        await give_back(session, one, f"hold:{run.id.hex}:{one.id.hex}", clock.now())
        await book(
            session,
            key=f"hold:{run.id.hex}:{one.id.hex}",
            agency=run.agency,
            lines=transfer(Account.PAYABLE, Account.BENEFITS, Money(one.satang)),
            at=clock.now(),
        )
        await _without_overpaid(session, one, clock.now())
        if one.status == InstalmentStatus.CANCELLED.value:
            continue
        award = awards[one.person, one.award]
        await holding.hold(session, award, one.period, HoldReason.DESTINATION_CHANGED)
        await notices.send(session, one.person, HELD, title=Text(**award.title), amount=Money(one.satang))
        await notices.announce(session, one.person, ChangeKind.PAYMENT, one.id)
    if remaining:
        run.instalments, run.total = len(remaining), total_of(remaining).satang
        run.withheld, run.content_hash = sum(one.withheld for one in remaining), content_hash(remaining)
    else:
        run.status = after(RUN_TRANSITIONS, RunStatus(run.status), RunEvent.ALL_HELD).value
        run.closed_at = clock.now()
    await session.flush()
    return len(held)


async def _without_overpaid(session: AsyncSession, one: Instalment, at: datetime) -> None:
    """What was found not to be due since the approval is not paid with the next run, and so not claimed."""
    over = await PaymentRepository(session).overpayment_of(one)
    if over is None:
        return
    over.annulled_at = at
    await release(session, over, at)
    if over.satang < one.satang:
        one.satang -= over.satang
    else:
        move(one, InstalmentEvent.CANCEL)
    await session.flush()


async def release_planned(session: AsyncSession, clock: Clock, run: UUID) -> None:
    """What was held for its place and is in that run now is held no more."""
    planned = select(1).where(
        col(Instalment.run) == run,
        col(Instalment.person) == col(HeldMonth.person),
        col(Instalment.award) == col(HeldMonth.award),
        col(Instalment.period) == col(HeldMonth.period),
    )
    await session.execute(
        update(HeldMonth)
        .where(
            col(HeldMonth.reason) == HoldReason.DESTINATION_CHANGED.value,
            col(HeldMonth.released_at).is_(None),
            exists(planned),
        )
        .values(released_at=clock.now())
        .execution_options(synchronize_session=False)
    )
