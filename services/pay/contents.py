"""What is in a payment run: its hash and its total, and how one that is only planned loses what is no longer due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from core.money import Money
from services.pay.models import Award, Instalment
from services.pay.repository import PaymentRepository
from services.pay.states import INSTALMENT_TRANSITIONS, InstalmentEvent, InstalmentStatus, after


def content_hash(instalments: Iterable[Instalment]) -> bytes:
    """SHA-256 over what is to be paid: who, how much, for when and where to, in the order of the ids."""
    return hashlib.sha256("\n".join(sorted(map(_line, instalments))).encode()).digest()


def _line(i: Instalment) -> str:
    paid = f"{i.id.hex} {i.person.hex} {i.award.hex} {i.period.isoformat()} {i.due_on.isoformat()} {i.satang}"
    return paid if i.destination is None else f"{paid} {i.destination.hex}"


def total_of(instalments: Iterable[Instalment]) -> Money:
    return Money(sum(instalment.satang for instalment in instalments))


def move(instalment: Instalment, event: InstalmentEvent) -> None:
    """Raises :class:`services.pay.errors.WrongState`."""
    instalment.status = after(INSTALMENT_TRANSITIONS, InstalmentStatus(instalment.status), event).value


async def leave_planned_runs(session: AsyncSession, award: Award, since: date | None = None) -> None:
    """Takes the award's instalments out of runs that nobody has approved yet; a run that is then empty goes.

    With `since` only those of months that begin on that day or later.

    Each run is held first, so that an approval at the same time is of the whole or of what remains.
    """
    repository = PaymentRepository(session)
    for run in await repository.planned_with(award):
        there = await repository.instalments_of(run.id)
        leaving = [i for i in there if i.award == award.id and (since is None or i.period >= since)]
        if not leaving:
            continue
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
