"""What is in a payment run: its hash and its total, and how one that is only planned loses what is no longer due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.money import Money
from services.pay.models import Award, Instalment, PaymentRun
from services.pay.paydays import PaydayRepository
from services.pay.repository import PaymentRepository
from services.pay.states import INSTALMENT_TRANSITIONS, InstalmentEvent, InstalmentStatus, RunStatus, after


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


async def leave_planned_runs(session: AsyncSession, award: Award, since: date | None = None) -> None:
    """Takes the award's instalments out of runs that nobody has approved yet; a run that is then empty goes.

    With `since` only those of months that begin on that day or later; without, what came back and is paid again stays,
    for it was approved before.

    Each run is held first, so that an approval at the same time is of the whole or of what remains.
    """
    repository = PaymentRepository(session)
    for run in await repository.planned_with(award):
        there = await repository.instalments_of(run.id)
        since_then = [
            i for i in there if i.award == award.id and (i.repeats is None if since is None else i.period >= since)
        ]
        await _leave(session, run, there, since_then)


async def withdraw_repeat(session: AsyncSession, returned: Instalment) -> None:
    """What came back was paid after all: what was to pay it again is not paid, unless that is approved already."""
    repository = PaymentRepository(session)
    await repository.take_turn(returned.agency)
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
