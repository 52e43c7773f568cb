"""What is in a payment run: its hash and its total, and how one that is only planned loses what is no longer due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.money import Money
from core.text import Text
from services.pay.benefits.subjects import budget_subject
from services.pay.models import Award, Instalment, PaymentRun
from services.pay.needs import SettledPayment
from services.pay.paydays import PaydayRepository
from services.pay.repository import PaymentRepository
from services.pay.states import INSTALMENT_TRANSITIONS, InstalmentEvent, InstalmentStatus, RunStatus, after
from services.pay.turns import take_turn_to_plan


def content_hash(instalments: Iterable[Instalment]) -> bytes:
    """SHA-256 over what is to be paid: who, how much, for when and where to, in the order of the ids."""
    return hashlib.sha256("\n".join(sorted(map(_line, instalments))).encode()).digest()


def _line(i: Instalment) -> str:
    paid = f"{i.id.hex} {i.person.hex} {i.award.hex} {i.period.isoformat()} {i.due_on.isoformat()} {i.satang}"
    if withheld := getattr(i, "withheld", 0):  # of what is only planned, nothing is yet
        paid = f"{paid} -{withheld}"
    return paid if i.destination is None else f"{paid} {i.destination.hex}"


def total_of(instalments: Iterable[Instalment]) -> Money:
    return Money(sum(instalment.satang for instalment in instalments))


def move(instalment: Instalment, event: InstalmentEvent) -> None:
    """Raises :class:`services.pay.errors.WrongState`."""
    instalment.status = after(INSTALMENT_TRANSITIONS, InstalmentStatus(instalment.status), event).value


def settled_payment(instalment: Instalment, award: Award, at: datetime) -> SettledPayment:
    return SettledPayment(
        person=instalment.person,
        instalment=instalment.id,
        subject=budget_subject(instalment.subject),
        title=Text(**award.title),
        agency=instalment.agency,
        period=instalment.period,
        money=Money(instalment.net),
        settled_at=at,
    )


async def leave_planned_runs(session: AsyncSession, award: Award, since: date | None = None) -> None:
    """Takes the award's instalments out of runs that nobody has approved yet; a run that is then empty goes.

    With `since` only those of months that begin on that day or later; without, what came back and is paid again stays,
    for it was approved before, and so does what was missing of a month that was paid.

    Each run is held first, so that an approval at the same time is of the whole or of what remains.
    """
    repository = PaymentRepository(session)
    for run in await repository.planned_with(award):
        there = await repository.instalments_of(run.id)
        await _leave(session, run, there, [i for i in there if i.award == award.id and _leaves(i, since)])


def _leaves(one: Instalment, since: date | None) -> bool:
    if one.refunds:
        return False
    return one.period >= since if since is not None else one.repeats is None and one.supplements is None


async def withdraw_repeat(session: AsyncSession, returned: Instalment) -> None:
    """What came back was paid after all: what was to pay it again is not paid, unless that is approved already."""
    repository = PaymentRepository(session)
    await take_turn_to_plan(session, returned.agency)
    again = await find_repeat(session, returned.id)
    if again is None:
        return
    if again.run is None:
        if again.status == InstalmentStatus.SCHEDULED.value:
            move(again, InstalmentEvent.CANCEL)
            await session.flush()
        return
    run = await repository.run(again.agency, again.run, lock=True)
    if run is not None and run.status == RunStatus.PLANNED.value:
        there = await repository.instalments_of(run.id)
        await _leave(session, run, there, [one for one in there if one.id == again.id])


async def find_repeat(session: AsyncSession, returned: UUID) -> Instalment | None:
    """The instalment that pays that one again."""
    query = select(Instalment).where(col(Instalment.repeats) == returned)
    return (await session.scalars(query.execution_options(populate_existing=True))).first()


async def _leave(
    session: AsyncSession, run: PaymentRun, there: Sequence[Instalment], leaving: Sequence[Instalment]
) -> None:
    """`run` is locked, and only planned; `there` is all that is in it."""
    if not leaving:
        return
    remaining = [instalment for instalment in there if instalment not in leaving]
    for instalment in leaving:
        move(instalment, InstalmentEvent.CANCEL)
        instalment.run = None
    if remaining:
        run.instalments, run.total = len(remaining), total_of(remaining).satang
        run.content_hash = content_hash(remaining)
    await session.flush()
    if not remaining:
        await session.delete(run)
        await session.flush()
    await PaydayRepository(session).shrunk(run)
